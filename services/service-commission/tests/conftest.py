"""Mesh of the commission service, which runs once for all tests of this folder."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from crm.commission.commission_pb2_grpc import (
    AcompteServiceStub,
    BordereauServiceStub,
    CommissionAuditServiceStub,
    CommissionServiceStub,
    KpiServiceStub,
    ReportNegatifServiceStub,
    RepriseServiceStub,
)
from db_utils import clock
from service_commerciaux.service import SERVICE as COMMERCIAUX
from service_commission.service import SERVICE
from service_organisations.service import SERVICE as ORGANISATIONS
from service_testing import Mesh
from service_testing.fixtures import mesh_of, of_member
from tests.dus import Dus

mesh = mesh_of(SERVICE, COMMERCIAUX, ORGANISATIONS)
bordereaux = of_member(BordereauServiceStub)
acomptes = of_member(AcompteServiceStub)
commissions = of_member(CommissionServiceStub)
reprises = of_member(RepriseServiceStub)
kpis = of_member(KpiServiceStub)
journal = of_member(CommissionAuditServiceStub)
reports = of_member(ReportNegatifServiceStub)
MARS = datetime(2026, 3, 5, 10, 30, tzinfo=UTC)


@pytest.fixture
def mars() -> Iterator[None]:
    """It is 5 March 2026, 11:30 in Paris."""
    with clock.frozen_at(MARS):
        yield


@pytest.fixture
def dus(mesh: Mesh, org: str) -> Dus:
    """What is due in the organisation."""
    return Dus(mesh, org)
