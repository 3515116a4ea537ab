"""The Alembic environment of every service: it runs on the connection that it is given."""

from alembic import context
from sqlalchemy import Connection, text

# Any number: two migrations of one database wait for each other.
MIGRATION_LOCK = 0x4845524F

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    context.run_migrations()
