"""Feedback by HTTP."""
