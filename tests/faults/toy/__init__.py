"""A service made of the kernel alone: what kill tests kill."""
