"""The second implementation against published values, before anything is held against it."""
