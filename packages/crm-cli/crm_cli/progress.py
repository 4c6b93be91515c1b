"""What long migrations say of themselves, on standard error."""

import logging


def show_migrations() -> None:
    """Show how far a migration is, and which rows it left as they were."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("db_utils.migrations").setLevel(logging.INFO)
