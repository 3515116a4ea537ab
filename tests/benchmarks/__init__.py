"""Measurements, each against a baseline in the same run: `make bench`, see `__main__.py`."""
