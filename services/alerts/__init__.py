"""Who must know now: the life cycle of alerts and their live stream."""
