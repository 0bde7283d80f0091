"""Run by alembic: migrate over the connection, and inside the transaction, that `agentctx.store.migrate` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
