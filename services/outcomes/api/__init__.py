"""The HTTP calls of outcomes."""
