"""The effects that the benchmark of events counts."""

from alembic import op

revision = "bench_0001"
down_revision = None
branch_labels = ("bench",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE effects (
            id bigint GENERATED ALWAYS AS IDENTITY,
            event_id uuid NOT NULL,
            CONSTRAINT pk_effects PRIMARY KEY (id)
        );
        """
    )
