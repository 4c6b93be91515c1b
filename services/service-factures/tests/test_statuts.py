"""Statuses of invoices (R37): which one counts, what is kept; and of which people are told (R38)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub, TransmissionServiceStub
from crm.notifications.notifications_pb2 import ListNotificationsRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from grpc_utils import timestamp
from psycopg.errors import RaiseException
from service_factures import historique
from service_factures.models import Facture
from service_factures.transmission import PLATEFORME, STATUTS, Statut
from service_factures.transmission_models import TransmissionStatut
from service_testing import Mesh, eventually, refused
from sqlalchemy import bindparam, delete, select, update
from tests.alertes import Told
from tests.facturation import Invoices
from tests.people import People

Issue = Callable[..., Awaitable[pb.Facture]]
DAY = datetime(2024, 9, 2, 10, tzinfo=UTC)
_KEPT = select(TransmissionStatut).where(TransmissionStatut.facture_id == bindparam("facture_id"))


@pytest.fixture
def sold(sold: Issue) -> Issue:
    """The same maker, of invoices of DAY: no status is of a day before."""

    async def issue(**fields: Any) -> pb.Facture:
        with clock.frozen_at(DAY - timedelta(hours=1)):
            return await sold(**fields)

    return issue


def status(facture: pb.Facture, code: int, hours: int = 0, **fields: Any) -> pb.RecordStatusRequest:
    """A request to note that the platform gave this status so many hours after DAY."""
    date = timestamp(DAY + timedelta(hours=hours))
    return pb.RecordStatusRequest(facture_id=facture.id, code=code, date=date, **fields)


@pytest.mark.parametrize(("code", "nom"), STATUTS.items())
async def test_R37_each_code_has_its_name(
    sold: Issue, transmissions: TransmissionServiceStub, code: int, nom: str
) -> None:
    """And moves neither the state of the invoice nor what is owed on it."""
    facture = await sold()
    told = await transmissions.RecordStatus(status(facture, code, motif_code="X"))
    assert (told.statut_transmission, told.code, told.motif_code) == (nom, code, "X")
    assert [one.nom for one in told.historique] == ["A_ENVOYER", nom]


@pytest.mark.parametrize(
    ("heard", "counts"),
    [
        ([(200, 0), (203, 1), (205, 2)], "APPROUVEE"),
        ([(205, 2), (203, 1), (200, 0)], "APPROUVEE"),
        ([(200, 0), (202, 0), (201, 0)], "RECUE"),
        ([(207, 1), (205, 2)], "APPROUVEE"),
        ([(205, 1), (299, 2)], "APPROUVEE"),
        ([(299, 2)], "A_ENVOYER"),
    ],
)
async def test_R37_the_latest_counts(
    sold: Issue, transmissions: TransmissionServiceStub, heard: list[tuple[int, int]], counts: str
) -> None:
    """At one date the higher code; a code that is not known never; all of them are kept."""
    facture = await sold()
    for one in heard:
        told = await transmissions.RecordStatus(status(facture, *one))
    assert told.statut_transmission == counts
    kept = [one.code for one in told.historique if one.code]
    assert sorted(kept) == sorted(code for code, _ in heard)


async def test_R37_the_same_again_changes_nothing(
    sold: Issue, transmissions: TransmissionServiceStub, made: Invoices
) -> None:
    """The same code of the same date is one status."""
    facture = await sold()
    first = await transmissions.RecordStatus(status(facture, 205, texte="Bon pour accord"))
    version = (await made.read(facture.id)).version
    assert await transmissions.RecordStatus(status(facture, 205, texte="Autre")) == first
    assert (await made.read(facture.id)).version == version


async def test_R37_an_invoice_stays_what_it_was(
    sold: Issue, transmissions: TransmissionServiceStub, made: Invoices
) -> None:
    """Although the buyer refuses it."""
    facture = await sold()
    await transmissions.RecordStatus(status(facture, 210))
    after = await made.read(facture.id)
    assert after.statut_transmission == "REFUSEE"
    for name in ("statut", "numero", "montant_ttc", "solde", "montant_avoirs"):
        assert getattr(after, name) == getattr(facture, name)


async def test_R37_what_was_heard_is_not_changed(mesh: Mesh, sold: Issue) -> None:
    """The database refuses it."""
    facture = await sold()
    with within(Scope(facture.organisation_id)):
        for statement in (update(TransmissionStatut).values(nom="RECUE"), delete(TransmissionStatut)):
            with pytest.raises(RaiseException):
                async with mesh.database("factures").transaction() as tx:
                    await tx.execute(statement)
        rows = await mesh.database("factures").read().all(_KEPT, facture_id=facture.id)
    assert [one.nom for one in rows] == ["A_ENVOYER"]


async def test_R37_what_a_platform_says_is_kept_raw(mesh: Mesh, sold: Issue, made: Invoices) -> None:
    """Also a reason longer than ours, and with the flow that it came in."""
    facture = await sold()
    said = Statut(code=213, date=DAY, origine=PLATEFORME, motif_code="R" * 80, texte="t" * 600, flow_id="f-1")
    with within(Scope(facture.organisation_id)):
        async with mesh.database("factures").transaction() as tx:
            row = await tx.get(Facture, facture.id, lock=True)
            assert row is not None
            assert [await historique.record(tx, row, said) for _ in range(2)] == [True, False]
        (kept,) = [
            one
            for one in await mesh.database("factures").read().all(_KEPT, facture_id=facture.id)
            if one.code
        ]
    assert (kept.motif_code, kept.texte, kept.flow_id) == ("R" * 50, "t" * 500, "f-1")
    assert (await made.read(facture.id)).statut_transmission == "REJETEE"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"code": 199}, "VALEUR_INCONNUE"),
        ({"code": 300}, "VALEUR_INCONNUE"),
        ({"code": 0}, "VALEUR_INCONNUE"),
        ({"code": 500}, "VALEUR_INCONNUE"),
        ({"date": None}, "CHAMP_REQUIS"),
        ({"facture_id": ""}, "CHAMP_REQUIS"),
        ({"date": timestamp(datetime(2999, 1, 1, tzinfo=UTC))}, "DATE_FUTURE"),
        ({"date": timestamp(datetime(2024, 9, 1, 21, 59, 59, tzinfo=UTC))}, "DATE_ANTERIEURE"),
        ({"motif_code": "X" * 51}, "TROP_LONG"),
        ({"texte": "x" * 501}, "TROP_LONG"),
    ],
)
async def test_R37_a_status_that_cannot_be_is_refused(
    transmissions: TransmissionServiceStub, sold: Issue, fields: dict[str, Any], refusal: str
) -> None:
    """Nothing is kept of it."""
    known: dict[str, Any] = {"facture_id": (await sold()).id, "code": 200, "date": timestamp(DAY)}
    request = pb.RecordStatusRequest(**(known | fields))
    assert await refused(transmissions.RecordStatus(request)) == (StatusCode.INVALID_ARGUMENT, refusal)


async def test_R37_a_status_of_the_day_of_the_invoice_is_one(
    transmissions: TransmissionServiceStub, sold: Issue
) -> None:
    """From its first instant in Paris on, although the invoice was issued later that day."""
    request = status(await sold(), 200, hours=-12)
    assert (await transmissions.RecordStatus(request)).statut_transmission == "DEPOSEE"


async def test_R37_only_what_a_platform_carries_has_a_status(
    transmissions: TransmissionServiceStub, sold: Issue, made: Invoices, people: People
) -> None:
    """Neither a draft nor a sale to a person; and another organisation's invoice does not exist."""
    nothing = (StatusCode.FAILED_PRECONDITION, "TRANSMISSION_SANS_OBJET")
    person = await sold(client_id=await people.person())
    for facture in (await made.draft(), person):
        assert await refused(transmissions.RecordStatus(status(facture, 200))) == nothing


async def test_R37_a_status_read_before_it_was_sent_is_one(
    transmissions: TransmissionServiceStub, sold: Issue
) -> None:
    """Somebody has carried it to the platform by hand: it is not sent a second time."""
    told = await transmissions.RecordStatus(status(await sold(), 200))
    assert (told.statut_transmission, told.HasField("prochain_essai")) == ("DEPOSEE", False)


@pytest.mark.parametrize(
    ("code", "niveau", "parts"),
    [
        (213, "critique", ("rejetée", "REJ_SEMAN total faux", "02/09/2024", "avoir")),
        (221, "critique", ("adresse corrigée", "transmettez-la")),
        (207, "avertissement", ("en litige",)),
    ],
)
async def test_R38_finance_reads_what_went_wrong(
    mesh: Mesh,
    org: str,
    transmissions: TransmissionServiceStub,
    factures: InvoiceServiceStub,
    sold: Issue,
    code: int,
    niveau: str,
    parts: tuple[str, ...],
) -> None:
    """With the reason and what to do; an avoir is no invoice."""
    facture = await sold()
    with clock.frozen_at(DAY):
        avoir = await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=facture.id, motif="Geste"))
    for piece in (facture, avoir):
        await transmissions.RecordStatus(status(piece, code, motif_code="REJ_SEMAN", texte="total faux"))
    notifications = mesh.stub(NotificationServiceStub, organisation=org, roles=["ADMIN"])

    async def told() -> list[tuple[str, str]]:
        listed = await notifications.List(ListNotificationsRequest(type="ALERTE"))
        alerts = sorted((one.niveau, one.message) for one in listed.notifications)
        return alerts if len(alerts) == 2 else []

    alerts = await eventually(told, timeout=30)
    for (level, message), name in zip(
        alerts, (f"facture {facture.numero}", f"pièce {avoir.numero}"), strict=True
    ):
        assert level == niveau
        assert [part for part in (*parts, name) if part not in message] == []


@pytest.mark.parametrize("code", [206, 207, 208, 210, 213, 221, 501])
async def test_R38_finance_is_told_once_of_each(
    transmissions: TransmissionServiceStub, sold: Issue, told: Told, code: int
) -> None:
    """Under a key that names invoice, code and date."""
    facture = await sold()
    for _ in range(2):
        await transmissions.RecordStatus(status(facture, code))
    assert await told() == [f"transmission:{facture.id}:{code}:2024-09-02T12:00:00+02:00"]


@pytest.mark.parametrize("code", [200, 203, 205, 209, 211, 212, 220, 299])
async def test_R38_nobody_is_told_of_the_others(
    transmissions: TransmissionServiceStub, sold: Issue, told: Told, code: int
) -> None:
    """Such as an approval."""
    await transmissions.RecordStatus(status(await sold(), code))
    assert await told() == []


async def test_R38_a_rejected_invoice_keeps_its_number(
    transmissions: TransmissionServiceStub, sold: Issue, factures: InvoiceServiceStub
) -> None:
    """It stays in the series, and an avoir corrects it."""
    facture = await sold()
    await transmissions.RecordStatus(status(facture, 213))
    request = pb.CheckSequenceRequest(serie="FACTURE", annee=DAY.year)
    series = await factures.CheckSequence(request)
    assert (series.dernier, series.nombre, list(series.trous)) == (1, 1, [])
    avoir = await factures.CreateCreditNote(pb.CreateCreditNoteRequest(id=facture.id, motif="Rejet"))
    assert avoir.statut_transmission == "A_ENVOYER"
