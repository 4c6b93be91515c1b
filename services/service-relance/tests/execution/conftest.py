"""The office of the tests that carry out reminders."""

import pytest
from service_testing import Mesh
from tests.recouvrement import Recouvrement


@pytest.fixture
def bureau(mesh: Mesh, org: str) -> Recouvrement:
    """The office of `org` that asks for what is owed."""
    return Recouvrement(mesh, org)
