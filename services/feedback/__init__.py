"""What clients say: measures and ratings. Write side."""
