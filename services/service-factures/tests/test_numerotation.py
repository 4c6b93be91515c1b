"""Numbers: without gaps, whatever fails (R6), in the order of their days (R7)."""

import asyncio
from datetime import UTC, datetime

import grpc
import pytest
from crm.common.common_pb2 import Pagination
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import clock
from service_testing import Mesh
from tests.facturation import Invoices

YEAR = clock.today().year


def numbers(count: int, year: int = YEAR) -> list[str]:
    """The first *count* numbers of a year."""
    return [f"FAC{year}{number:06d}" for number in range(1, count + 1)]


async def test_R06_fifty_calls_at_once_make_fifty_numbers(made: Invoices) -> None:
    """From 1 to 50, each once."""
    factures = await asyncio.gather(*(made.issued(montant=10 + rang) for rang in range(50)))
    assert sorted(one.numero for one in factures) == numbers(50)


async def test_R06_calls_that_fail_or_are_cancelled_leave_no_gap(
    made: Invoices, factures: InvoiceServiceStub
) -> None:
    """A third asks for a due date that the law forbids, a third is given up while it runs."""
    refused = [made.issued(date_echeance="2099-01-01") for _ in range(17)]
    given_up = [
        factures.Create(pb.CreateFactureRequest(client_id="client-123", montant=10), timeout=0.005 * rang)
        for rang in range(1, 18)
    ]
    served = [made.issued() for _ in range(16)]
    calls = [
        call for three in zip(refused, given_up, [*served, made.issued()], strict=True) for call in three
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    codes = [one.code() for one in answers[::3] if isinstance(one, grpc.aio.AioRpcError)]
    assert codes == [grpc.StatusCode.INVALID_ARGUMENT] * 17
    last = await made.issued()
    rows = await factures.List(pb.ListFacturesRequest(pagination=Pagination(page_size=100)))
    numbered = sorted(one.numero for one in rows.factures)
    assert numbered == numbers(len(numbered))
    assert last.numero in numbered
    assert len(numbered) >= 18


async def test_R06_calls_with_one_key_make_one_number(made: Invoices) -> None:
    """Twenty at once: one works, the others get its answer."""
    factures = await asyncio.gather(*(made.issued(idempotency_key="une seule") for _ in range(20)))
    assert {one.numero for one in factures} == set(numbers(1))
    assert (await made.issued()).numero == numbers(2)[1]


@pytest.mark.parametrize(
    ("instant", "numero"),
    [
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), "FAC2026000002"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "FAC2027000001"),
    ],
)
async def test_R07_the_year_is_that_of_Paris(mesh: Mesh, org: str, instant: datetime, numero: str) -> None:
    """The numbers of a new year begin at 1."""
    for moment in (datetime(2026, 6, 1, tzinfo=UTC), instant):
        with clock.frozen_at(moment):
            facture = await Invoices(mesh.stub(InvoiceServiceStub, organisation=org)).issued()
    assert facture.numero == numero


async def test_R07_each_societe_has_its_series(made: Invoices) -> None:
    """Beside that of the default one."""
    factures = [await made.issued(societe_id=societe) for societe in ("", "soc-1", "soc-1", "")]
    assert [one.numero[-1] for one in factures] == ["1", "1", "2", "2"]
