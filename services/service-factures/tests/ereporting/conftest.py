"""A société that reports."""

import pytest
from service_testing import Mesh
from tests.ereporting.declarant import Declarant


@pytest.fixture
def declarant(mesh: Mesh, org: str) -> Declarant:
    """The callers of the organisation."""
    return Declarant(mesh, org)
