"""The pure core of outcomes: what a client's journal adds up to."""
