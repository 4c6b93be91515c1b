"""A schema whose migrations a test writes."""

from pathlib import Path
from textwrap import dedent

import psycopg
from db_utils.migrations import Patience, Schema, migrate
from service_testing import empty_database

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' ORDER BY 1"


class Project:
    """Migrations in a folder, and a database to run them on."""

    def __init__(self, folder: Path) -> None:
        self.url = empty_database()
        self.folder = folder / "un dossier à 100 %" / "migrations"
        self.folder.mkdir(parents=True)
        self.schema = Schema("projet", (self.folder,))

    def add(self, name: str, body: str, after: str | None = None) -> None:
        """A migration file *name* that runs *body* after the one named *after*."""
        text = f"""
            from alembic import op
            from db_utils.migrations import build_index

            revision = {name!r}
            down_revision = {after!r}


            def upgrade() -> None:
                {body}
            """
        (self.folder / f"{name}.py").write_text(dedent(text))

    def migrate(self, patience: Patience | None = None) -> list[str]:
        """Run them."""
        return migrate(self.url, [self.schema], patience=patience)

    def tables(self) -> list[str]:
        """The tables of the schema."""
        with psycopg.connect(self.url) as connection:
            return [name for (name,) in connection.execute(_TABLES, ("projet",)).fetchall()]
