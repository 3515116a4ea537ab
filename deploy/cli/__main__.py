"""`python -m deploy.cli` is `heroic`."""

from deploy.cli import app

app()
