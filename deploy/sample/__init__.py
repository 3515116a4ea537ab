"""Sample data: invented clients whose ratings follow published figures, for a local stack only."""
