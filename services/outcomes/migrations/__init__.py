"""The history of outcomes' tables."""
