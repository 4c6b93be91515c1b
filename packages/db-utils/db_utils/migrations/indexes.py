"""Indexes on tables in use, for migrations; docs/operations.md says when to use them.

Alembic is imported at use, because its import takes 0.2 s and most starts migrate nothing.
"""


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build the index *name* on *on*, as in "fiches (organisation_id, nom)", while rows are written.

    Everything that the migration did before is committed: let indexes be its only steps. What a
    failed run has left of the index is removed first.
    """
    _run(
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
        f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}",
    )


def drop_index(name: str) -> None:
    """Remove the index *name*, which another one replaces, while rows are read and written."""
    _run(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _run(*statements: str) -> None:
    from alembic import op

    with op.get_context().autocommit_block():  # CONCURRENTLY is refused in a transaction
        # It waits for running transactions, as long as they take, and blocks nobody meanwhile.
        op.execute("SET lock_timeout = 0")
        for statement in statements:
            op.execute(statement)
        op.execute("RESET lock_timeout")
