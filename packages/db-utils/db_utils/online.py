"""What migrations of tables in use are written with; docs/operations.md says when to use it."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op

__all__ = [
    "build_index",
    "drop_index",
]


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build the index *name* on *on*, as in "fiches (organisation_id, nom)", while rows are written.

    What the migration has done before is committed: let indexes be its only steps. What a run
    that failed has left of the index is removed first.
    """
    with _waited_for_by_nobody():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}")


def drop_index(name: str) -> None:
    """Remove the index *name*, in whose place another was built, while rows are read and written."""
    with _waited_for_by_nobody():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


@contextmanager
def _waited_for_by_nobody() -> Iterator[None]:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for running transactions, and nobody waits for it
        yield
        op.execute("RESET lock_timeout")
