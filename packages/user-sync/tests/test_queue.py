"""The queue of sign-ins that users was not told of: retries and their end (S12)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import Database, clock
from grpc_utils import Peers
from prometheus_client import REGISTRY
from service_kit.embedded import free_port
from service_testing import running
from sqlalchemy import delete
from tests.comptoirs.service import COMPTABILITE
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, copy_of, waiting
from user_sync import copies, queue
from user_sync.models import SyncEnAttente
from user_sync.rules import Personne
from user_sync.users_client import NotTold, UsersClient

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVICE = "accounting-service"


@pytest.fixture(scope="module")
async def comptoirs() -> AsyncIterator[Comptoirs]:
    """One counter whose own job rests: the tests run it."""
    async with running(*BESIDE, COMPTABILITE, bcrypt_cost=4, user_sync_enabled=False) as mesh:
        yield Comptoirs(mesh)


@pytest.fixture
async def database(comptoirs: Comptoirs) -> Database:
    """Database of the counter, with an empty queue."""
    database = comptoirs.mesh.database("comptabilite")
    async with database.transaction() as tx:
        await tx.execute(delete(SyncEnAttente))
    return database


@pytest.fixture
def users(comptoirs: Comptoirs) -> UsersClient:
    """Client of users, as the counter has it."""
    return UsersClient(comptoirs.mesh["comptabilite"].app.peers, 2.0, patient=True)


@pytest.fixture
async def silence() -> AsyncIterator[UsersClient]:
    """Client of users while it is away."""
    peers = Peers({"users": f"127.0.0.1:{free_port()}"}, None)
    yield UsersClient(peers, 0.1, patient=True)
    await peers.close()


async def put(database: Database, visiteur: Visiteur, at: datetime = NOON, **changes: Any) -> None:
    """Make a copy of *visiteur* in an emergency at *at*, and have users told later."""
    told = {"auth0_id": visiteur.sujet, "email": visiteur.email, "fournisseur": "auth0"}
    told |= {"company_id": visiteur.organisation, "user_type": "PME", "service_name": SERVICE}
    personne = Personne(visiteur.sujet, visiteur.organisation, visiteur.email, user_type="PME")
    with clock.frozen_at(at):
        async with database.transaction() as tx:
            await copies.settled(tx, personne, None)
            error = NotTold("CIRCUIT_OUVERT", silent=True)
            await queue.keep(tx, users_pb2.SyncUserRequest(**(told | changes)), error)


async def still(database: Database, visiteur: Visiteur) -> SyncEnAttente:
    """Return the queued sign-in of *visiteur*, which is there."""
    row = await waiting(database, visiteur.sujet)
    assert row is not None
    return row


async def test_S12_users_is_told_in_the_end(
    comptoirs: Comptoirs, database: Database, users: UsersClient, visiteur: Visiteur
) -> None:
    """A success removes the row, and gives the copy the id and the role of users."""
    first = Visiteur(visiteur.organisation)
    await put(database, visiteur)
    await put(database, first)
    with clock.frozen_at(NOON):
        people = comptoirs.mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
        await people.Create(
            users_pb2.CreateUtilisateurRequest(email="x@y.fr", organisation_id=visiteur.organisation)
        )
        await queue.empty(database, users, SERVICE)
        central = await comptoirs.central(visiteur)
    copy = await copy_of(database, visiteur.sujet)
    assert copy is not None
    assert central is not None
    assert (copy.utilisateur_id, copy.role, copy.derniere_sync_ok) == (central.id, "VIEWER", NOON)
    assert await waiting(database, visiteur.sujet) is None
    assert await waiting(database, first.sujet) is None


async def test_S12_waits_grow_while_users_is_silent(
    database: Database, silence: UsersClient, visiteur: Visiteur
) -> None:
    """Retries come with the next run of the job, then after two minutes, ten, and every hour."""
    await put(database, visiteur)
    now, waits = NOON, []
    for _ in range(5):
        with clock.frozen_at(now):
            await queue.empty(database, silence, SERVICE)
            await queue.empty(database, silence, SERVICE)  # nothing is due any more
        row = await still(database, visiteur)
        assert row.prochain_essai is not None
        waits.append((row.prochain_essai - now) / timedelta(minutes=1))
        now = row.prochain_essai
    assert (waits, row.tentatives) == ([2, 10, 60, 60, 60], 5)
    assert row.erreur == "DEPENDANCE_INDISPONIBLE"


async def test_S12_the_first_silence_ends_a_run(database: Database, silence: UsersClient) -> None:
    """A silence ends the run, and does not put the others off."""
    people = [Visiteur() for _ in range(3)]
    for number, one in enumerate(people):
        await put(database, one, NOON + timedelta(seconds=number))
    with clock.frozen_at(NOON + timedelta(minutes=1)):
        await queue.empty(database, silence, SERVICE)
    assert [(await still(database, one)).tentatives for one in people] == [1, 0, 0]


async def test_S12_after_a_week_it_is_given_up(
    database: Database, silence: UsersClient, visiteur: Visiteur, caplog: pytest.LogCaptureFixture
) -> None:
    """A sign-in is given up after a week, with one error for operators; the row stays."""
    await put(database, visiteur)
    for instant in (NOON + timedelta(days=7), NOON + timedelta(days=9)):
        with clock.frozen_at(instant):
            await queue.empty(database, silence, SERVICE)
    row = await still(database, visiteur)
    assert (row.prochain_essai, row.tentatives) == (None, 1)
    assert caplog.text.count("ECHEC") == 1
    assert visiteur.sujet not in caplog.text


async def test_S12_what_users_refuses_for_good_leaves_the_queue(
    database: Database, users: UsersClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal for good removes the row with an error; the others of the same run are told."""
    hopeless, other = Visiteur(), Visiteur()
    await put(database, hopeless, email="pas une adresse")
    await put(database, other)
    with clock.frozen_at(NOON):
        await queue.empty(database, users, SERVICE)
    assert await waiting(database, hopeless.sujet) is None
    assert await waiting(database, other.sujet) is None
    assert "users will never take in the sign-in" in caplog.text


async def test_S9_a_closed_account_is_noted_by_the_job(
    comptoirs: Comptoirs, database: Database, users: UsersClient, visiteur: Visiteur
) -> None:
    """The job closes the copy of a closed account that was let in while users was away."""
    people = comptoirs.mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
    made = await people.Create(
        users_pb2.CreateUtilisateurRequest(email=visiteur.email, fournisseur="auth0", sujet=visiteur.sujet)
    )
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=made.utilisateur.id, actif=False))
    now = clock.now()
    await put(database, visiteur, now)
    await queue.empty(database, users, SERVICE)
    copy = await copy_of(database, visiteur.sujet)
    assert copy is not None
    assert not copy.actif
    assert await waiting(database, visiteur.sujet) is None


async def test_S12_the_first_of_two_sign_ins_is_the_one_that_waits(
    database: Database, visiteur: Visiteur
) -> None:
    """The first sign-in stays queued, since it tells where the person came from."""
    await put(database, visiteur, metadata={"firstLoginFrom": "accounting"})
    await put(database, visiteur, metadata={"existingUser": True})
    row = await still(database, visiteur)
    assert row.charge["metadata"] == {"firstLoginFrom": "accounting"}


async def test_the_backlog_is_measured(database: Database, silence: UsersClient) -> None:
    """The metric counts queued sign-ins without those that were given up."""
    for days in (0, 6, 6):
        await put(database, Visiteur(), NOON + timedelta(days=days))
    with clock.frozen_at(NOON + timedelta(days=7)):
        await queue.empty(database, silence, SERVICE)
    assert REGISTRY.get_sample_value("user_sync_pending", {"service": SERVICE}) == 2
