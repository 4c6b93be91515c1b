"""Scopes that are set and lifted for a block."""

import pytest
from db_utils import EVERYTHING, Scope, scope, unscoped, within


def test_a_scope_ends_with_its_block() -> None:
    """The outer scope applies again, also after an error."""
    with within(Scope("org-1")):
        with pytest.raises(LookupError), within(Scope("org-2")):
            assert scope.get() == Scope("org-2")
            raise LookupError
        assert scope.get() == Scope("org-1")


def test_unscoped_work_sees_all_organisations() -> None:
    """In the block and not after it."""
    with within(Scope("org-1")):
        with unscoped():
            assert scope.get() == EVERYTHING
        assert scope.get() == Scope("org-1")
