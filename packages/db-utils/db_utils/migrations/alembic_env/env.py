"""The one Alembic environment, shared by all schemas; `db_utils.migrations` drives it."""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    transactional_ddl=True,
    transaction_per_migration=True,
    on_version_apply=given["applied"],
)
with context.begin_transaction():
    context.run_migrations()
