"""The local stack: everything that Heroic stands on, started on one machine without Docker."""
