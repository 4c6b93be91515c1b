"""What migrations of tables in use are written with; docs/operations.md says when to use it."""

from alembic import op


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build the index *name* on *on*, as in "fiches (organisation_id, nom)", while rows are written.

    What the migration has done before is committed: let the index be its only step. What a run
    that failed has left of the index is removed first.
    """
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for running transactions, and nobody waits for it
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}")
        op.execute("RESET lock_timeout")
