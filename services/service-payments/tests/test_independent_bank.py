"""The way of a debit there and back with a bank that is not ours: our file, its reports (stories A and B)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import clock
from service_testing import Mesh
from tests.debits_due import Debits, content_of
from tests.mock_bank import MockBank, mock_bank
from tests.sample_debits import OUR_IBAN


@pytest.fixture
def bank() -> Iterator[MockBank]:
    with mock_bank("2026-02-03T06:00") as bank:
        bank.open_account(OUR_IBAN)
        yield bank


async def imported(sepa: SepaServiceStub, bank: MockBank, kind: str) -> list[pb.ImportReportResponse]:
    """Import all reports of the bank about our account of one kind."""
    return [
        await sepa.ImportReport(pb.ImportReportRequest(content=one, file_name=f"{kind}.xml"))
        for one in bank.reports(kind)
    ]


@pytest.mark.usefixtures("at_six")
async def test_R18_a_debit_that_an_independent_bank_collects_is_paid(
    mesh: Mesh, org: str, due: Debits, sepa: SepaServiceStub, bank: MockBank
) -> None:
    """On the day of its credit; the same told by the statement changes nothing (R23)."""
    await due.creancier()
    await due.mandat()
    payment = await due.payment()
    (remise,) = (await due.emit()).remises
    bank.send(await content_of(sepa, remise))
    assert [one.format for one in await imported(sepa, bank, "pain.002")] == ["pain.002"]
    assert (await due.read(payment)).statut == "SUBMITTED"
    (listed,) = (await sepa.ListRemises(pb.ListRemisesRequest())).remises
    assert listed.statut == "ACCEPTEE"
    bank.advance("2026-02-06")
    with clock.frozen_at(datetime(2026, 2, 6, 9, tzinfo=UTC)):
        later = mesh.stub(SepaServiceStub, organisation=org)  # with a token of that day
        (told,) = await imported(later, bank, "camt.054")
        await imported(later, bank, "camt.053")
    assert (told.nb_regles, told.nb_rejetes, list(told.non_rapproches)) == (1, 0, [])
    read = await due.read(payment)
    assert (read.statut, read.date_reception) == ("PAID", date(2026, 2, 5))


@pytest.mark.usefixtures("at_six")
async def test_R19_a_debit_that_comes_back_from_an_independent_bank_is_rejected(
    mesh: Mesh, org: str, due: Debits, sepa: SepaServiceStub, bank: MockBank
) -> None:
    """After its settlement, with the code of the debtor's bank; the mandate stays (R12)."""
    await due.creancier()
    mandat = await due.mandat()
    payment = await due.payment()
    (remise,) = (await due.emit()).remises
    bank.send(await content_of(sepa, remise))
    bank.advance("2026-02-06")
    bank.refuse(payment.end_to_end_id, "AM04")
    bank.advance("2026-02-10")
    with clock.frozen_at(datetime(2026, 2, 10, 9, tzinfo=UTC)):
        await imported(mesh.stub(SepaServiceStub, organisation=org), bank, "camt.054")
    read = await due.read(payment)
    assert (read.statut, read.motif_rejet, read.r_type) == ("REJECTED", "AM04", "RETOUR")
    assert (await due.read_mandat(mandat)).statut == "ACTIF"
