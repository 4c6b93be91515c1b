"""Newcomers in parallel, in one process and in several: one copy each, one ADMIN each organisation."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from db_utils import Database
from grpc_utils import Peers
from service_kit import App
from service_testing import Mesh, running
from tests.comptoirs.service import COMPTABILITE, COMPTABILITE_SYNC, open_account
from tests.visiteurs import (
    BESIDE,
    Visiteur,
    accounts,
    copies_in,
    identity,
    new_org,
    roles,
    waiting,
)
from user_sync.organisations import Accueil
from user_sync.synchroniser import Synchroniser


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """A counter beside users."""
    async with running(*BESIDE, COMPTABILITE, bcrypt_cost=4) as mesh:
        yield mesh


@pytest.fixture
async def alone(mesh: Mesh) -> AsyncIterator[list[Synchroniser]]:
    """The interceptions of two processes of one service, which do not reach users."""
    database = mesh.database("comptabilite")
    made = [_process(App(mesh["comptabilite"].settings, database, Peers({}, None))) for _ in range(2)]
    yield made
    for one in made:
        await one.close()


def _process(app: Any) -> Synchroniser:
    return Synchroniser(
        app, COMPTABILITE_SYNC.service_name, COMPTABILITE_SYNC.app_code, Accueil(open_account)
    )


@pytest.fixture
def database(mesh: Mesh) -> Database:
    """Database of the counter."""
    return mesh.database("comptabilite")


async def test_S11_several_processes_make_one_copy(
    alone: list[Synchroniser], database: Database, visiteur: Visiteur
) -> None:
    """Thirty first calls in two processes make one row, one account and one row in the queue."""
    await asyncio.gather(*(one.greet(identity(visiteur)) for one in alone * 15))
    (copy,) = await copies_in(database, visiteur.organisation)
    assert (copy.role, await accounts(database, visiteur.organisation)) == ("ADMIN", 1)
    assert await waiting(database, visiteur.sujet) is not None


async def test_S8_of_many_first_people_one_is_the_admin(
    alone: list[Synchroniser], database: Database
) -> None:
    """The lock on the organisation makes one ADMIN of twelve newcomers in two processes."""
    organisation = new_org()
    people = [Visiteur(organisation) for _ in range(12)]
    await asyncio.gather(*(alone[number % 2].greet(identity(one)) for number, one in enumerate(people)))
    found = roles(await copies_in(database, organisation))
    assert sorted(found) == ["ADMIN"] + ["VIEWER"] * 11
    assert await accounts(database, organisation) == 1


async def test_S11_an_event_and_a_call_make_one_copy(
    mesh: Mesh, alone: list[Synchroniser], database: Database
) -> None:
    """An event and a call at once make one copy, whichever is first."""
    people = [Visiteur() for _ in range(5)]
    await asyncio.gather(
        *(alone[0].greet(identity(one)) for one in people), *(mesh.deliver(one.event()) for one in people)
    )
    for one in people:
        (copy,) = await copies_in(database, one.organisation)
        assert (copy.origine, copy.utilisateur_id) == ("evenement", one.event().user_id)
        assert await accounts(database, one.organisation) == 1


async def test_S4_a_bad_token_does_not_join_a_good_ones_arrival(
    alone: list[Synchroniser], database: Database, visiteur: Visiteur
) -> None:
    """A call without organisation is refused though the same person's admissible call is under way."""
    without = replace(identity(visiteur), organisation_id=None)
    results = await asyncio.gather(
        alone[0].greet(identity(visiteur)), alone[0].greet(without), return_exceptions=True
    )
    assert [type(one).__name__ for one in results] == ["NoneType", "UtilisateurNonAutorise"]
    assert len(await copies_in(database, visiteur.organisation)) == 1
