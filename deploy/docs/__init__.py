"""Documentation that follows from the code: written and checked by `python -m deploy.docs`."""
