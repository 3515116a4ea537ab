"""Alerts: who must know now. What rules and risk items raise, and how it ends."""
