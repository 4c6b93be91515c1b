"""Late answers of users and late events: how long calls wait for them, and which do not wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from crm.events.identity_pb2 import UserLoginEvent
from crm.users.users_pb2 import SyncUserRequest
from db_utils import Database
from grpc_utils import Peers
from service_kit import App, load
from service_testing import Mesh, eventually, metric, running
from sqlalchemy import delete
from tests.comptoirs.service import COMPTABILITE, COMPTABILITE_SYNC
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, copy_of, identity, waiting
from user_sync import queue
from user_sync.models import SyncEnAttente
from user_sync.synchroniser import Synchroniser
from user_sync.users_client import NotTold, UsersClient

# A counter that hears no events but those that a test hands to it.
DEAF = replace(COMPTABILITE, subscriptions=())
Door = Callable[..., Awaitable[Synchroniser]]


class Mute:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.address, self.connections = "", 0
        self._end = asyncio.Event()

    async def keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold a connection open until the end."""
        self.connections += 1
        await self._end.wait()
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Mute"]:
        """Take connections inside."""
        server = await asyncio.start_server(self.keep, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self._end.set()
            server.close()


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """Users, and a counter that hears no events."""
    async with running(*BESIDE, DEAF, bcrypt_cost=4) as mesh:
        yield mesh


@pytest.fixture
def database(mesh: Mesh) -> Database:
    """Database of the counter."""
    return mesh.database("comptabilite")


@pytest.fixture
async def mute() -> AsyncIterator[Mute]:
    """A users service that hangs."""
    async with Mute().listening() as mute:
        yield mute


@pytest.fixture
async def door(mute: Mute, database: Database) -> AsyncIterator[Door]:
    """Maker of interceptions that reach a hanging users, with *settings*."""
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Synchroniser:
            peers = Peers({"users": mute.address}, None)
            stack.push_async_callback(peers.close)
            own = load(COMPTABILITE.settings, database_url=database.url, **settings)
            app: Any = App(own, database, peers)
            made = COMPTABILITE_SYNC.greeter(app)
            assert made is not None
            stack.push_async_callback(made.close)
            return made

        yield make


async def hear(database: Database, event: UserLoginEvent) -> None:
    """Hand *event* to the counter, as its consumer would."""
    async with database.transaction() as tx:
        await COMPTABILITE_SYNC.traiter_user_login(event, tx)


async def test_S6_a_new_user_waits_for_his_event(mesh: Mesh, database: Database, visiteur: Visiteur) -> None:
    """A call waits as long as the settings say, and is served with the copy that the event makes."""
    settings = load(COMPTABILITE.settings, database_url=database.url, user_sync_wait_ms=5000)
    app: Any = App(settings, database, mesh["comptabilite"].app.peers)
    door = COMPTABILITE_SYNC.greeter(app)
    assert door is not None
    greeting = asyncio.create_task(door.greet(identity(visiteur)))
    (event,) = await mesh.published(UserLoginEvent, 1, where=lambda one: one.auth0_id == visiteur.sujet)
    assert await copy_of(database, visiteur.sujet) is None
    await hear(database, event)
    await greeting
    copy = await copy_of(database, visiteur.sujet)
    assert copy is not None
    assert (copy.origine, copy.derniere_sync_ok) == ("evenement", None)


async def test_S7_without_his_event_the_answer_is_enough(
    mesh: Mesh, database: Database, visiteur: Visiteur
) -> None:
    """The copy has the role and id of the answer while the event is missing; the event confirms it later."""
    comptoirs = Comptoirs(mesh)
    await comptoirs.visit(Visiteur(visiteur.organisation))
    answer = await comptoirs.visit(visiteur)
    copy, central = await comptoirs.known(visiteur), await comptoirs.central(visiteur)
    assert central is not None
    assert (copy.origine, copy.role, copy.utilisateur_id) == ("secours", "VIEWER", central.id)
    assert (answer.date_fin, copy.derniere_sync_ok is None) == ("VIEWER", False)
    (event,) = await mesh.published(UserLoginEvent, 1, where=lambda one: one.auth0_id == visiteur.sujet)
    await hear(database, event)
    after = await comptoirs.known(visiteur)
    assert (after.id, after.origine) == (copy.id, "evenement")


async def test_S5_a_new_user_does_not_wait_for_ever(
    door: Door, database: Database, visiteur: Visiteur
) -> None:
    """A newcomer is served after the time that users has, and the sign-in is queued."""
    interception = await door(user_sync_timeout_ms=100)
    await interception.greet(identity(visiteur))
    late = await waiting(database, visiteur.sujet)
    assert late is not None
    assert late.erreur == "DEPENDANCE_INDISPONIBLE"


async def test_S12_a_row_sent_during_the_run_does_not_end_it(
    mute: Mute, database: Database, visiteur: Visiteur
) -> None:
    """A row that was sent during the run is gone, and does not end the run."""
    peers, request = Peers({"users": mute.address}, None), SyncUserRequest(auth0_id=visiteur.sujet)
    async with database.transaction() as tx:
        await tx.execute(delete(SyncEnAttente))
        await queue.keep(tx, request, NotTold("CIRCUIT_OUVERT", silent=True))
    running_job = asyncio.create_task(queue.empty(database, UsersClient(peers, 0.3), "accounting-service"))
    await eventually(lambda: mute.connections)
    async with database.transaction() as tx:
        await queue.told(tx, visiteur.sujet)
    await running_job
    assert await waiting(database, visiteur.sujet) is None
    await peers.close()


async def test_S3_a_known_user_does_not_wait_at_all(
    door: Door, database: Database, visiteur: Visiteur
) -> None:
    """A known user's call goes on while users is being told."""
    await hear(database, visiteur.event())
    interception = await door(user_sync_timeout_ms=500)
    await interception.greet(identity(visiteur))
    assert await waiting(database, visiteur.sujet) is None
    await eventually(lambda: waiting(database, visiteur.sujet))


async def test_S11_a_call_after_the_event_does_not_tell_users_again(
    door: Door, mute: Mute, database: Database, visiteur: Visiteur
) -> None:
    """A second call is served from the event's copy while the first one waits for the answer."""
    interception, before = await door(user_sync_timeout_ms=300), told_later()
    first = asyncio.create_task(interception.greet(identity(visiteur)))
    await eventually(lambda: mute.connections)
    await hear(database, visiteur.event())
    await interception.greet(identity(visiteur))
    await first
    await interception.greet(identity(Visiteur()))  # takes as long as a second telling would
    assert told_later() - before == 2


def told_later() -> float:
    """Return how many synchronisations have queued a sign-in."""
    return metric("user_sync_total", service=COMPTABILITE_SYNC.service_name, result="en_attente")


async def test_S11_a_caller_who_gives_up_spoils_nothing_for_the_others(
    door: Door, mute: Mute, database: Database, visiteur: Visiteur
) -> None:
    """The arrival goes on when the call that began it is cancelled."""
    interception = await door(user_sync_timeout_ms=500)
    calls = [asyncio.create_task(interception.greet(identity(visiteur))) for _ in range(2)]
    await eventually(lambda: mute.connections)
    calls[0].cancel()
    await calls[1]
    assert calls[0].cancelled()
    assert await copy_of(database, visiteur.sujet) is not None
