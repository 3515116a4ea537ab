"""Who works in an organisation and which machines act for it, on all four services."""
