"""What callers send: shapes, and the intents that they stand for."""
