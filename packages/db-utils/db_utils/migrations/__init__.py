"""Migrations: schemas brought up to date, and what a migration file is written with.

`running.py` applies them, `filling.py` and `indexes.py` change tables that are in use,
`drift.py` and `compatibility.py` judge the result. The modules are private to this package.
"""

from db_utils.migrations.compatibility import Judgement, judgements
from db_utils.migrations.drift import differences
from db_utils.migrations.filling import add_keys, fill_keys
from db_utils.migrations.indexes import build_index, drop_index
from db_utils.migrations.patience import Patience
from db_utils.migrations.running import MigrationError, Schema, migrate, outdated, wait_for_server

__all__ = [
    "Judgement",
    "MigrationError",
    "Patience",
    "Schema",
    "add_keys",
    "build_index",
    "differences",
    "drop_index",
    "fill_keys",
    "judgements",
    "migrate",
    "outdated",
    "wait_for_server",
]
