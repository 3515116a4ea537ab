"""HTTP of alerts."""
