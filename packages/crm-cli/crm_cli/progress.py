"""Progress of long migrations, on standard error."""

import logging


def show_migrations() -> None:
    """Show the progress of migrations, and the rows that they left unchanged."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("db_utils.migrations").setLevel(logging.INFO)
