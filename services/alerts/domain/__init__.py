"""The pure part of alerts: no I/O, no clock, no randomness."""
