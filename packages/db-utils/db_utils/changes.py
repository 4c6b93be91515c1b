"""Changes of single rows, worked out before anything is sent: which columns, with which values."""

from collections.abc import Mapping

from db_utils import clock
from db_utils.keys import changed_keys
from db_utils.statements import Statement, TablePlan, Values, update_one
from db_utils.tables import Row


def changed_columns(table: TablePlan, row: Row, wanted: Mapping[str, object]) -> dict[str, object]:
    """The columns of *row* that differ from *wanted*, with the keys, the version and the instant that follow.

    Empty when nothing differs. Raises TextTooLong, UnknownChoice.
    """
    attributes = row.__dict__
    changed = {name: value for name, value in wanted.items() if attributes[name] != value}
    if not changed:
        return changed
    table.check(changed)
    changed |= changed_keys(table.keys, {**attributes, **changed}, changed)
    if table.versioned:
        changed |= {"version": attributes["version"] + 1, "updated_at": clock.now()}
    return changed


def wrong_keys(table: TablePlan, row: Row) -> dict[str, object]:
    """The keys of *row* that are not those of its texts, as they should be."""
    attributes = row.__dict__
    keys = {name: key.value(attributes) for name, key in table.keys.items()}
    return {name: value for name, value in keys.items() if attributes[name] != value}


def update_of(table: TablePlan, row: Row, changed: Mapping[str, object]) -> tuple[Statement, Values]:
    """The UPDATE that writes *changed* to the version of *row* that was read."""
    statement = update_one(table, tuple(changed))
    new = {f"new_{name}": value for name, value in changed.items()}
    return statement, statement.values({**row.__dict__, **new})
