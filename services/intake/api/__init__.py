"""Intake by HTTP."""
