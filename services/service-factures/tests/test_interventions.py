"""What people do about the way of an invoice (R35 to R38): send it again, look where it is."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import (
    FactureSettingsServiceStub,
    InvoiceServiceStub,
    TransmissionServiceStub,
)
from db_utils import Scope, clock, within
from grpc import StatusCode
from grpc_utils import instant, timestamp
from service_factures.envois import send_invoices
from service_factures.models import FactureAudit
from service_factures.transmission_models import Transmission
from service_testing import Mesh, refused
from sqlalchemy import bindparam, select
from tests.facturation import Invoices, app_of, save
from tests.people import People

Issue = Callable[..., Awaitable[pb.Facture]]
Sending = Callable[[pb.Facture], Awaitable[None]]
_AUTHORS = select(FactureAudit).where(
    FactureAudit.facture_id == bindparam("facture_id"), FactureAudit.action == "TRANSMISSION"
)
NOTHING = (StatusCode.FAILED_PRECONDITION, "TRANSMISSION_SANS_OBJET")


def wanted(facture: pb.Facture) -> pb.TransmitRequest:
    """A request to send *facture*."""
    return pb.TransmitRequest(facture_id=facture.id)


async def heard(transmissions: TransmissionServiceStub, facture: pb.Facture, code: int) -> pb.Transmission:
    """Note that the platform says *code* now."""
    date = timestamp(clock.now())
    request = pb.RecordStatusRequest(facture_id=facture.id, code=code, date=date, motif_code="ROUTAGE_ERR")
    return await transmissions.RecordStatus(request)


async def way_of(mesh: Mesh, facture: pb.Facture) -> Transmission:
    """The row of the way of *facture*."""
    with within(Scope(facture.organisation_id)):
        way = await mesh.database("factures").read().get(Transmission, facture.id)
    assert way is not None
    return way


@pytest.fixture
def send(mesh: Mesh, factures: InvoiceServiceStub) -> Sending:
    """Sender of an invoice, whose document is made first."""

    async def sent(facture: pb.Facture) -> None:
        await factures.Download(pb.DownloadFactureRequest(id=facture.id))
        await send_invoices(app_of(mesh))

    return sent


@pytest.mark.parametrize("code", [221, 501])
async def test_R38_what_was_not_taken_is_sent_again(
    mesh: Mesh, sold: Issue, send: Sending, transmissions: TransmissionServiceStub, code: int
) -> None:
    """As another flow; twice asked is once sent; its former end stays in the history."""
    facture = await sold()
    await send(facture)
    await heard(transmissions, facture, code)
    first = await transmissions.Transmit(wanted(facture))
    assert await transmissions.Transmit(wanted(facture)) == first
    assert (first.statut_transmission, first.code, first.motif_code) == ("A_ENVOYER", 0, "")
    assert (await way_of(mesh, facture)).tracking_id == f"{facture.id}.2"
    await send(facture)
    told = await transmissions.GetTransmission(pb.GetTransmissionRequest(facture_id=facture.id))
    assert [one.code for one in told.historique] == [0, 0, code, 0, 0]
    assert told.statut_transmission == "ENVOYEE"
    assert (await heard(transmissions, facture, 200)).statut_transmission == "DEPOSEE"
    with within(Scope(facture.organisation_id)):
        noted = await mesh.database("factures").read().all(_AUTHORS, facture_id=facture.id)
    assert len(noted) == 3  # two statuses, and one of the two calls
    assert "" not in {one.acteur for one in noted}


async def test_R37_an_old_status_does_not_end_a_new_attempt(
    sold: Issue, transmissions: TransmissionServiceStub
) -> None:
    """It is kept, and comes too late."""
    with clock.frozen_at(datetime(2021, 1, 4, 12, tzinfo=UTC)):
        facture = await sold()
    await heard(transmissions, facture, 221)
    await transmissions.Transmit(wanted(facture))
    date = timestamp(datetime(2021, 1, 5, tzinfo=UTC))
    told = await transmissions.RecordStatus(
        pb.RecordStatusRequest(facture_id=facture.id, code=203, date=date)
    )
    assert told.statut_transmission == "A_ENVOYER"
    assert told.historique[1].code == 203


async def test_R36_a_call_ends_the_wait(
    mesh: Mesh, sold: Issue, transmissions: TransmissionServiceStub
) -> None:
    """Of an invoice that was to be tried again in an hour."""
    facture = await sold()
    later = clock.now() + timedelta(hours=1)
    with within(Scope(facture.organisation_id)):
        async with mesh.database("factures").transaction() as tx:
            way = await tx.get(Transmission, facture.id)
            assert way is not None
            await tx.update(way, prochain_essai=later, tentatives=9)
    told = await transmissions.Transmit(wanted(facture))
    assert instant(told.prochain_essai) <= clock.now()


@pytest.mark.parametrize("code", [200, 205, 210, 213])
async def test_R36_what_the_platform_has_is_not_sent_again(
    sold: Issue, transmissions: TransmissionServiceStub, code: int
) -> None:
    """A rejected or refused invoice is corrected by an avoir and another one."""
    facture = await sold()
    await heard(transmissions, facture, code)
    already = (StatusCode.FAILED_PRECONDITION, "DEJA_TRANSMISE")
    assert await refused(transmissions.Transmit(wanted(facture))) == already


async def test_R35_a_sale_abroad_and_an_early_one_may_be_sent(
    sold: Issue,
    send: Sending,
    people: People,
    reglages: FactureSettingsServiceStub,
    transmissions: TransmissionServiceStub,
) -> None:
    """Of their own accord."""
    abroad = await people.company({"pays": "DE"}, sheet={"pays": "DE", "numero_tva": "DE136695976"})
    await reglages.Save(save(emission_obligatoire_le="2090-01-01"))
    for fields in ({"client_id": abroad}, {}):
        facture = await sold(**fields)
        assert facture.statut_transmission == "SANS_OBJET"
        assert (await transmissions.Transmit(wanted(facture))).statut_transmission == "A_ENVOYER"
        await send(facture)
        told = await transmissions.GetTransmission(pb.GetTransmissionRequest(facture_id=facture.id))
        assert told.statut_transmission == "ENVOYEE"


async def test_R35_what_no_platform_carries_is_refused(
    sold: Issue, made: Invoices, people: People, transmissions: TransmissionServiceStub
) -> None:
    """Drafts, sales to persons, and what lies outside the reform; R12's have no document yet."""
    person, outside = await people.person(), {"taux_tva": 0, "motif_exoneration": "HORS_CHAMP"}
    for facture in (await made.draft(), await sold(client_id=person), await sold(**outside)):
        assert await refused(transmissions.Transmit(wanted(facture))) == NOTHING
    unknown = await made.issued()
    incomplete = (StatusCode.FAILED_PRECONDITION, "IDENTITE_INCOMPLETE")
    assert await refused(transmissions.Transmit(wanted(unknown))) == incomplete


async def test_R37_lists_tell_where_invoices_are(
    sold: Issue,
    made: Invoices,
    people: People,
    factures: InvoiceServiceStub,
    transmissions: TransmissionServiceStub,
) -> None:
    """Drafts are in none; filters are statut_transmission, traitement, société and the day of issue."""
    await made.draft()
    company, person = await sold(), await sold(client_id=await people.person())
    avoir = await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=company.id, motif="Geste"))
    await heard(transmissions, company, 205)
    day = company.date_emission
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()

    async def listed(**fields: Any) -> set[str]:
        answer = await transmissions.ListTransmissions(pb.ListTransmissionsRequest(**fields))
        return {one.numero for one in answer.transmissions}

    everything = {company.numero, person.numero, avoir.numero}
    assert await listed() == await listed(date_from=day, date_to=day) == everything
    assert await listed(statut_transmission="APPROUVEE") == {company.numero}
    assert await listed(traitement="B2C") == {person.numero}
    assert await listed(societe_id="autre") == await listed(date_from=tomorrow) == set()
    page = await transmissions.ListTransmissions(
        pb.ListTransmissionsRequest(statut_transmission="APPROUVEE", pagination=Pagination(with_total=True))
    )
    (one,) = page.transmissions
    assert (one.facture_id, one.code, one.motif_code, one.type) == (company.id, 205, "ROUTAGE_ERR", "FACTURE")
    assert (len(one.historique), page.pagination.total) == (0, 1)
