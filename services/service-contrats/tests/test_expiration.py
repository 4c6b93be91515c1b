"""Contracts expire, and somebody is told before (R18, R19, R23)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.commerciaux.commerciaux_pb2 import CreateApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.notifications import notifications_pb2
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import Scope, clock, uuid7, within
from grpc import StatusCode
from grpc_utils import timestamp
from service_contrats.expiration import SYSTEME, expire_contrats, give_notice
from service_contrats.models import Contrat
from service_testing import Mesh, code_of, eventually
from sqlalchemy import func, select
from tests.autour import Autour
from tests.en_statut import NOON, Contracts

pytestmark = pytest.mark.usefixtures("noon")
MARCH = {"frequence_facturation": "MENSUELLE", "duree_mois": 1, "montant": 10}
LONG_AGO = timestamp(NOON - timedelta(days=40))


async def ending(made: Contracts, last_day: str, **fields: Any) -> pb.Contrat:
    """An active contract that ends on *last_day*, in a month of its activation."""
    day = datetime.fromisoformat(last_day).replace(tzinfo=UTC) + timedelta(days=1)
    begin = (day.replace(day=1) - timedelta(days=1)).replace(day=day.day)
    contrat = await made.signed(**MARCH, date_signature=LONG_AGO, **fields)
    active = await made.activated(contrat.id, date_effet=f"{begin:%Y-%m-%d}")
    assert active.date_fin == last_day
    return active


async def told(
    notifications: NotificationServiceStub, kind: str = "CONTRAT_BIENTOT_EXPIRE"
) -> list[notifications_pb2.Notification]:
    """The notifications of this kind that the member sees."""
    request = notifications_pb2.ListNotificationsRequest(type=kind)
    return list((await notifications.List(request)).notifications)


@pytest.mark.parametrize(
    ("now", "statut"),
    [
        (datetime(2026, 3, 14, 22, 59, tzinfo=UTC), "ACTIF"),
        (datetime(2026, 3, 14, 23, 0, tzinfo=UTC), "EXPIRE"),
    ],
)
async def test_R18_a_contract_runs_to_the_end_of_its_last_day(
    mesh: Mesh, made: Contracts, now: datetime, statut: str
) -> None:
    """In Paris, here 14 March; the author of the change is the system."""
    contrat = await ending(made, "2026-03-14")
    with clock.frozen_at(now):
        await expire_contrats(mesh["contrats"].app)
    details = await made.details(contrat.id)
    assert details.contrat.statut == statut
    authors = [one.auteur_id for one in details.historique if one.nouveau_statut == "EXPIRE"]
    assert authors == [SYSTEME] * (statut == "EXPIRE")


async def test_R18_what_is_suspended_expires_and_nothing_else(mesh: Mesh, made: Contracts) -> None:
    """Neither what is signed only, nor what has no end; a second run finds nothing to do."""
    suspended = await ending(made, "2026-03-14")
    await made.suspended(suspended.id)
    signed = await made.signed(**MARCH, date_debut="2026-02-01")
    endless = await made.active()
    with clock.frozen_at(NOON + timedelta(days=10)):
        await asyncio.gather(*(expire_contrats(mesh["contrats"].app) for _ in range(2)))
    states = [(await made.read(one.id)).statut for one in (suspended, signed, endless)]
    assert states == ["EXPIRE", "SIGNE", "ACTIF"]
    assert len((await made.details(suspended.id)).historique) == 4


async def test_R18_more_than_a_batch_expires_in_one_run(mesh: Mesh, org: str) -> None:
    """Of an organisation with many contracts."""
    database = mesh.database("contrats")
    rows = [
        Contrat(
            organisation_id=org,
            reference=str(rang),
            client_id="client-123",
            statut="ACTIF",
            date_debut=NOON.date(),
            date_fin=NOON.date(),
            date_signature=NOON,
        )
        for rang in range(101)
    ]
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)
    with clock.frozen_at(NOON + timedelta(days=1)):
        await expire_contrats(mesh["contrats"].app)
    expired = select(func.count()).select_from(Contrat).where(Contrat.statut == "EXPIRE")
    with within(Scope(org)):
        assert await database.read().one(expired) == 101


@pytest.mark.parametrize(
    ("today", "left"),
    [
        ("2026-03-14", ["aujourd'hui"]),
        ("2026-03-13", ["dans 1 jour"]),
        ("2026-02-12", ["dans 30 jours"]),
        ("2026-02-11", []),
        ("2026-03-15", []),
    ],
)
async def test_R19_the_end_is_told_within_30_days(
    mesh: Mesh, made: Contracts, notifications: NotificationServiceStub, today: str, left: list[str]
) -> None:
    """Of a contract to 14 March: from 12 February to that day."""
    contrat = await ending(made, "2026-03-14")
    with clock.frozen_at(datetime.fromisoformat(f"{today}T12:00:00+00:00")):
        await give_notice(mesh["contrats"].app)
    sent = await told(notifications)
    assert len(sent) == len(left)
    for one in sent:
        assert (one.destinataire_type, one.destinataire_id) == ("EQUIPE", "COMMERCIAL")
        assert (one.titre, one.niveau) == ("Contrat bientôt expiré", "avertissement")
        assert one.message == f"Le contrat {contrat.reference} expire {left[0]} (14/03/2026)."
        assert (one.lien_url, one.metadata["contrat_id"]) == (f"/contrats/{contrat.id}", contrat.id)


async def test_R19_the_end_is_told_once(
    mesh: Mesh, made: Contracts, notifications: NotificationServiceStub
) -> None:
    """The contract keeps its version, so that nobody's change is refused for it."""
    contrat = await ending(made, "2026-03-14")
    for _ in range(2):
        await give_notice(mesh["contrats"].app)
    assert len(await told(notifications)) == 1
    assert await made.read(contrat.id) == contrat


@pytest.mark.parametrize("statut", ["SUSPENDU", "RESILIE"])
async def test_R19_the_end_of_what_is_not_active_is_not_told(
    mesh: Mesh, made: Contracts, notifications: NotificationServiceStub, statut: str
) -> None:
    """It ends otherwise."""
    contrat = await ending(made, "2026-03-14")
    await {"SUSPENDU": made.suspended, "RESILIE": made.terminated}[statut](contrat.id)
    await give_notice(mesh["contrats"].app)
    assert await told(notifications) == []


async def test_R19_what_was_told_in_other_words_is_told(
    mesh: Mesh, made: Contracts, notifications: NotificationServiceStub, contrats: ContratServiceStub
) -> None:
    """After a crash between the call and its note, when the apporteur is another one by now."""
    contrat = await ending(made, "2026-03-14")
    key = f"expiration:{contrat.id}"
    other = notifications_pb2.CreateNotificationRequest(
        destinataire_type="ORGANISATION", type="INFO", titre="t", message="m", cle_idempotence=key
    )
    await notifications.Create(other)
    for _ in range(2):
        await give_notice(mesh["contrats"].app)
    assert await told(notifications) == []


async def test_R19_notifications_away_is_made_good_by_the_next_run(
    mesh: Mesh, made: Contracts, notifications: NotificationServiceStub
) -> None:
    """Nothing is noted as told before."""
    contrat = await ending(made, "2026-03-14")
    async with mesh.without("notifications"):
        await give_notice(mesh["contrats"].app)
    asked: Any = mesh["contrats"].app.peers.stub(NotificationServiceStub).GetUnreadCount
    arrived = asked(notifications_pb2.GetUnreadCountRequest(), wait_for_ready=True, timeout=10)
    assert await code_of(arrived) == StatusCode.INVALID_ARGUMENT  # a service reads for nobody
    await give_notice(mesh["contrats"].app)
    assert [one.metadata["contrat_id"] for one in await told(notifications)] == [contrat.id]


@pytest.mark.parametrize(
    ("utilisateur_id", "expected"),
    [("demo", ("UTILISATEUR", "demo")), ("", ("EQUIPE", "COMMERCIAL")), (None, ("EQUIPE", "COMMERCIAL"))],
)
async def test_R23_a_signature_is_told_to_the_apporteur(
    made: Contracts,
    notifications: NotificationServiceStub,
    apporteurs: ApporteurServiceStub,
    utilisateur_id: str | None,
    expected: tuple[str, str],
) -> None:
    """If he is a user; else, and for an unknown apporteur, to the team."""
    commercial_id = str(uuid7())
    if utilisateur_id is not None:
        request = CreateApporteurRequest(nom="Martin", prenom="Anne", utilisateur_id=utilisateur_id)
        commercial_id = (await apporteurs.Create(request)).id
    contrat = await made.signed(commercial_id=commercial_id)
    (sent,) = await eventually(lambda: told(notifications, "NOUVEAU_CONTRAT"))
    assert (sent.destinataire_type, sent.destinataire_id) == expected
    assert (sent.titre, sent.message) == (
        "Nouveau contrat",
        f"Le contrat {contrat.reference} a été signé.",
    )


async def test_R23_a_draft_is_told_when_it_is_signed(
    made: Contracts, contrats: ContratServiceStub, notifications: NotificationServiceStub
) -> None:
    """Once, however often Signer is called; not before."""
    draft = await made.draft(commercial_id="app-1")
    for _ in range(2):
        await contrats.Signer(pb.SignerContratRequest(id=draft.id))
    marker = await made.signed()

    async def both() -> bool:
        return len(await told(notifications, "NOUVEAU_CONTRAT")) == 2

    await eventually(both)
    sent = await told(notifications, "NOUVEAU_CONTRAT")
    assert {one.metadata["contrat_id"] for one in sent} == {draft.id, marker.id}


async def test_R23_commerciaux_and_notifications_away_keep_nobody_from_signing(
    mesh: Mesh, made: Contracts
) -> None:
    """The signature is told at best effort."""
    async with mesh.without("commerciaux"), mesh.without("notifications"):
        contrat = await made.signed(commercial_id=str(uuid7()))
    assert contrat.statut == "SIGNE"


async def test_R23_an_activation_leaves_the_schedule_as_it_is(made: Contracts, around: Autour) -> None:
    """Also one that moves the beginning of the contract."""
    contrat = await made.signed(**MARCH, date_debut="2026-05-01")
    active = await made.activated(contrat.id)
    assert active.date_debut == "2026-03-10"
    assert [one for one in around.updated if contrat.id in one.id] == []
