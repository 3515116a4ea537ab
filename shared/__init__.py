"""The kernel that every service stands on. It imports no service."""
