"""Webhooks that could not take effect at once (R25), and how long keys are kept (R22)."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc_utils.providers import KINDE
from service_testing import Mesh
from service_testing.webhooks import hmac_webhook
from service_users.inbox import MOST_ATTEMPTS, PURGE, WAITS, Inbox, inbox_of
from service_users.models import WebhookRecu
from sqlalchemy import select
from tests.personnes import SECRET

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_OF = select(WebhookRecu)


@pytest.fixture
def inbox(mesh: Mesh) -> Inbox:
    """The inbox that the job works on."""
    return inbox_of(mesh["users"].app)  # type: ignore[arg-type]  # the settings of this service


@pytest.fixture
def webhook(sujet: str, email: str) -> pb.HandleProviderWebhookRequest:
    """The first news of a person, as the gateway passes it on."""
    body = {"type": "user.created", "event_id": sujet, "user": {"id": sujet, "email": email}}
    sent = hmac_webhook(body, SECRET, at=int(clock.timestamp()))
    return pb.HandleProviderWebhookRequest(
        fournisseur=KINDE, corps=sent.body, content_type=sent.content_type, entetes=sent.headers
    )


@pytest.fixture
def busy(mesh: Mesh, sujet: str) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Lock on the person of the test, held by somebody else."""

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        async with mesh.database("users").transaction() as tx:
            await tx.lock(KINDE, sujet)
            yield

    return held


async def kept(mesh: Mesh, sujet: str) -> WebhookRecu:
    """Return the webhook about *sujet* as it is stored."""
    (row,) = await mesh.database("users").read().all(_OF.where(WebhookRecu.sujet == sujet))
    return row


async def line_up(mesh: Mesh, sujet: str, **columns: Any) -> None:
    """Store a webhook about *sujet* that waits for its next attempt."""
    usual: dict[str, Any] = {"resultat": "EN_FILE", "tentatives": 1, "prochain_essai": NOON}
    row = WebhookRecu(fournisseur=KINDE, cle=sujet, type="user.created", sujet=sujet, **(usual | columns))
    async with mesh.database("users").transaction() as tx:
        await tx.insert(row)


async def test_R25_what_does_not_end_in_time_is_kept_for_later(
    mesh: Mesh,
    sync: SyncServiceStub,
    people: UtilisateurServiceStub,
    inbox: Inbox,
    webhook: pb.HandleProviderWebhookRequest,
    busy: Any,
    sujet: str,
    email: str,
) -> None:
    """A late webhook and its replay are EN_FILE until the job applies it, ten seconds later."""
    async with busy():
        first = await sync.HandleProviderWebhook(webhook, timeout=4)  # as long as the gateway waits
    again = await sync.HandleProviderWebhook(webhook)
    assert (first.resultat, again.resultat, first.event_id) == ("EN_FILE", "EN_FILE", sujet)
    waiting = await kept(mesh, sujet)
    assert (waiting.tentatives, waiting.charge_utile["email"]) == (1, email)
    due = waiting.recu_le + WAITS[0] + timedelta(seconds=1)
    with clock.frozen_at(due - timedelta(seconds=2)):
        await inbox.retry()
    assert (await kept(mesh, sujet)).resultat == "EN_FILE"
    with clock.frozen_at(due):
        await inbox.retry()
    done = await kept(mesh, sujet)
    assert (done.resultat, done.charge_utile, done.prochain_essai) == ("TRAITE", {}, None)
    assert (await people.GetByEmail(pb.GetUtilisateurByEmailRequest(email=email))).email == email
    assert (await sync.HandleProviderWebhook(webhook)).resultat == "DOUBLON"


async def test_R25_attempts_follow_their_waits_and_end(
    mesh: Mesh, inbox: Inbox, sujet: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Attempts follow after 10 s, 1 min, 10 min, 1 h and 6 h; then ECHEC and an error in the log."""
    hopeless = {"email": f"{'x' * 300}@exemple.fr"}  # longer than its column
    await line_up(mesh, sujet, charge_utile=hopeless)
    now, waits = NOON, []
    for _ in range(MOST_ATTEMPTS - 1):
        with clock.frozen_at(now):
            await inbox.retry()
        row = await kept(mesh, sujet)
        if row.prochain_essai is not None:
            waits.append(row.prochain_essai - now)
            now = row.prochain_essai
    assert waits == list(WAITS[1:])
    assert (row.resultat, row.tentatives, row.erreur) == ("ECHEC", MOST_ATTEMPTS, "TextTooLong")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        f"webhook {sujet} is given up after {MOST_ATTEMPTS} attempts: TextTooLong"
    ]


async def test_R25_an_attempt_that_ended_with_its_process_counts(
    mesh: Mesh, inbox: Inbox, sujet: str, email: str
) -> None:
    """Attempts count when they begin: after the last one nothing is tried any more."""
    await line_up(mesh, sujet, tentatives=MOST_ATTEMPTS, charge_utile={"email": email})
    with clock.frozen_at(NOON):
        await inbox.retry()
    assert (await kept(mesh, sujet)).resultat == "ECHEC"


async def test_R25_the_order_holds_for_what_waited(
    mesh: Mesh, sync: SyncServiceStub, inbox: Inbox, people: UtilisateurServiceStub, sujet: str, email: str
) -> None:
    """An older webhook that the job applies late changes nothing (R24)."""
    await line_up(
        mesh,
        sujet,
        horodatage_fournisseur=NOON - timedelta(minutes=1),
        charge_utile={"email": email, "prenom": "Tôt"},
    )
    user = {"id": sujet, "email": email, "first_name": "Tard"}
    with clock.frozen_at(NOON):
        sent = hmac_webhook({"type": "user.updated", "user": user}, SECRET, at=int(NOON.timestamp()))
        await sync.HandleProviderWebhook(
            pb.HandleProviderWebhookRequest(
                fournisseur=KINDE, corps=sent.body, content_type=sent.content_type, entetes=sent.headers
            )
        )
        await inbox.retry()
    assert (await people.GetByEmail(pb.GetUtilisateurByEmailRequest(email=email))).prenom == "Tard"


async def test_R22_keys_live_thirty_days(mesh: Mesh, inbox: Inbox, sujet: str) -> None:
    """Keys go after 30 days, when no replay is inside the window of R23 any more."""
    await line_up(mesh, sujet, resultat="TRAITE", prochain_essai=None, recu_le=NOON)
    with clock.frozen_at(NOON + timedelta(days=30)):
        await PURGE.run(mesh["users"].app)
    assert (await kept(mesh, sujet)).resultat == "TRAITE"
    with clock.frozen_at(NOON + timedelta(days=30, seconds=1)):
        await PURGE.run(mesh["users"].app)
    assert not await mesh.database("users").read().all(_OF.where(WebhookRecu.sujet == sujet))
