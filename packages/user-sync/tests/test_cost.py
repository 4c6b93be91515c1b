"""The cost of a call of somebody known: nothing while he is remembered, one look-up otherwise."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from db_utils import Database, clock
from grpc_utils import Peers
from service_kit import App, load
from service_testing import fresh_database, running
from service_testing.link import DatabaseLink, database_link
from tests.comptoirs.service import COMPTABILITE, COMPTABILITE_SYNC
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, identity
from user_sync import copies
from user_sync.synchroniser import Synchroniser

MINUTE = timedelta(seconds=61)  # longer than a user is remembered


@pytest.fixture
async def link() -> AsyncIterator[DatabaseLink]:
    """The wire to a database that nobody else uses."""
    async with database_link(fresh_database(COMPTABILITE)) as link:
        yield link


@pytest.fixture
async def database(link: DatabaseLink) -> AsyncIterator[Database]:
    """The database behind that wire."""
    database = Database(link.url, "comptabilite", pool_size=1)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def door(link: DatabaseLink, database: Database) -> AsyncIterator[Synchroniser]:
    """The interception alone; users is away."""
    peers = Peers({}, None)
    settings = load(COMPTABILITE.settings, database_url=link.url, user_sync_interval_s=86_400)
    app: Any = App(settings, database, peers)
    made = COMPTABILITE_SYNC.greeter(app)
    assert made is not None
    yield made
    await made.close()
    await peers.close()


async def test_S2_somebody_remembered_costs_no_round_trip(
    door: Synchroniser, link: DatabaseLink, visiteur: Visiteur
) -> None:
    """A hundred calls of somebody remembered send not a byte to the database."""
    caller = identity(visiteur)
    for _ in range(2):  # the first makes the copy, the second looks it up
        await door.greet(caller)
    sent = link.sent
    for _ in range(100):
        await door.greet(caller)
    assert link.sent == sent


async def test_S3_somebody_known_costs_one_look_up(
    door: Synchroniser, database: Database, link: DatabaseLink, visiteur: Visiteur
) -> None:
    """Each call sends as much as the look-up alone: one statement, and nothing is written."""
    caller, now = identity(visiteur), clock.now()
    await door.greet(caller)
    costs = []
    for calls in range(1, 4):
        with clock.frozen_at(now + calls * MINUTE):
            before = link.sent
            await door.greet(caller)
            costs.append(link.sent - before)
    before = link.sent
    await copies.by_subject(database.read(), visiteur.sujet)
    assert costs == [link.sent - before] * 3


async def test_S3_users_is_not_on_the_way_of_somebody_known(visiteur: Visiteur) -> None:
    """Users hears of somebody known once per interval, however many calls there are."""
    async with running(*BESIDE, COMPTABILITE, bcrypt_cost=4) as mesh:
        comptoirs, now = Comptoirs(mesh), clock.now()
        await comptoirs.visit(visiteur)
        for calls in range(1, 4):
            with clock.frozen_at(now + calls * MINUTE):
                for _ in range(10):
                    await comptoirs.visit(visiteur)
        central = await comptoirs.central(visiteur)
        assert central is not None
        assert central.nombre_connexions == 1
