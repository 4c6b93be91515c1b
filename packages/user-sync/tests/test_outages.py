"""Users, the broker and the database away in turn: nobody is kept out, and all copies converge."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from db_utils import Database
from service_testing import Mesh, eventually, fresh_database, refused, running
from service_testing.link import DatabaseLink, database_link
from tests.comptoirs.service import COMPTABILITE, COMPTABILITE_SYNC, VENTE, VENTE_SYNC
from tests.visiteurs import (
    BESIDE,
    Comptoirs,
    Visiteur,
    accounts,
    copies_in,
    new_org,
    organisation_in,
    roles,
    waiting,
)

PATIENCE = 1.7  # seconds that a new user waits at most, while users is away


@pytest.fixture
async def comptoirs() -> AsyncIterator[Comptoirs]:
    """Both counters, with servers of their own to stop."""
    async with running(*BESIDE, COMPTABILITE, VENTE, bcrypt_cost=4) as mesh:
        yield Comptoirs(mesh)


async def replay(mesh: Mesh) -> None:
    """Run the jobs that tell users what it has missed."""
    for name, sync in (("comptabilite", COMPTABILITE_SYNC), ("vente", VENTE_SYNC)):
        app: Any = mesh[name].app
        await sync.rejouer_syncs(app)


def database_of(comptoirs: Comptoirs, name: str = "comptabilite") -> Database:
    """Return the database of a counter."""
    return comptoirs.mesh.database(name)


async def test_S8_without_users_people_are_served(comptoirs: Comptoirs) -> None:
    """Newcomers are served in time, the first as ADMIN, the next as VIEWER; users is told later."""
    first = Visiteur()
    second = Visiteur(first.organisation)
    async with comptoirs.mesh.without("users"):
        started = time.monotonic()
        assert (await comptoirs.visit(first)).date_fin == "ADMIN"
        assert (await comptoirs.visit(second)).date_fin == "VIEWER"
        assert time.monotonic() - started < 2 * PATIENCE
        copies = await copies_in(database_of(comptoirs), first.organisation)
        assert [(copy.origine, copy.utilisateur_id, copy.email) for copy in copies] == [
            ("secours", None, first.email),
            ("secours", None, second.email),
        ]
        assert await waiting(database_of(comptoirs), first.sujet) is not None
        assert await accounts(database_of(comptoirs), first.organisation) == 1


async def test_S12_users_is_told_when_it_is_back(comptoirs: Comptoirs) -> None:
    """One of two people who were each first somewhere is the ADMIN everywhere in the end."""
    organisation = new_org()
    here, there = Visiteur(organisation), Visiteur(organisation)
    async with comptoirs.mesh.without("users"):
        await comptoirs.visit(here, "comptabilite")
        await comptoirs.visit(there, "vente")
        for name in ("comptabilite", "vente"):
            assert roles(await copies_in(database_of(comptoirs, name), organisation)) == ["ADMIN"]
    await replay(comptoirs.mesh)
    for name in ("comptabilite", "vente"):
        await eventually(both_known(database_of(comptoirs, name), organisation))
        copies = await copies_in(database_of(comptoirs, name), organisation)
        found = {copy.auth0_id: (copy.role, copy.origine) for copy in copies}
        assert found == {here.sujet: ("ADMIN", "evenement"), there.sujet: ("VIEWER", "evenement")}
        for visiteur in (here, there):
            central = await comptoirs.central(visiteur)
            copy = await comptoirs.known(visiteur, name)
            assert central is not None
            assert copy.utilisateur_id == central.id
        assert await accounts(database_of(comptoirs, name), organisation) == 1


async def test_S12_the_job_runs_by_itself(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """The job runs at the start of a service, and every thirty seconds in one process of it."""
    async with comptoirs.mesh.without("users"):
        await comptoirs.visit(visiteur)
    async with comptoirs.mesh.without("comptabilite"):
        assert await comptoirs.central(visiteur) is None
    await eventually(lambda: comptoirs.central(visiteur))
    rhythms = {(worker.every.total_seconds(), worker.exclusive) for worker in COMPTABILITE.workers}
    assert rhythms == {(30.0, True)}


def both_known(database: Database, organisation: str) -> Callable[[], Awaitable[bool]]:
    """Return a check that two people of *organisation* have copies confirmed by events."""

    async def known() -> bool:
        copies = await copies_in(database, organisation)
        return [copy.origine for copy in copies] == ["evenement"] * 2

    return known


async def test_S8_an_open_circuit_costs_no_wait(comptoirs: Comptoirs) -> None:
    """After five silences users is not called any more; the sign-in is queued all the same."""
    people = [Visiteur() for _ in range(7)]
    async with comptoirs.mesh.without("users"):
        for one in people:
            await comptoirs.visit(one)
        last = await waiting(database_of(comptoirs), people[-1].sujet)
        assert last is not None
        assert last.erreur == "CIRCUIT_OUVERT"


async def test_S3_without_users_known_people_are_served(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """Known people are served at once, and their sign-in is queued."""
    await comptoirs.visit(visiteur, "vente")
    await eventually(lambda: comptoirs.copy(visiteur))
    async with comptoirs.mesh.without("users"):
        assert (await comptoirs.visit(visiteur)).date_fin == "ADMIN"
        await eventually(lambda: waiting(database_of(comptoirs), visiteur.sujet))


async def test_S7_without_the_broker_the_copy_is_made_here(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """The copy has the role and id that users answers; the event confirms it when the broker is back."""
    comptoirs.mesh.broker.stop()
    answer = await comptoirs.visit(visiteur)
    copy = await comptoirs.known(visiteur)
    central = await comptoirs.central(visiteur)
    assert central is not None
    assert (copy.origine, copy.utilisateur_id, copy.role) == ("secours", central.id, "ADMIN")
    assert answer.date_debut == str(copy.id)
    assert await waiting(database_of(comptoirs), visiteur.sujet) is None
    comptoirs.mesh.broker.start()

    async def confirmed() -> bool:
        return (await comptoirs.known(visiteur)).origine == "evenement"

    await eventually(confirmed, timeout=30.0)
    (only,) = await copies_in(database_of(comptoirs), visiteur.organisation)
    assert (only.id, only.role) == (copy.id, "ADMIN")
    assert await accounts(database_of(comptoirs), visiteur.organisation) == 1


@pytest.fixture
async def linked() -> AsyncIterator[tuple[Comptoirs, DatabaseLink]]:
    """A counter whose database can be cut off."""
    async with (
        database_link(fresh_database(COMPTABILITE)) as link,
        running(*BESIDE, COMPTABILITE, database_url=link.url, bcrypt_cost=4) as mesh,
    ):
        yield Comptoirs(mesh), link


async def test_S10_without_the_database_the_token_says_who_calls(
    linked: tuple[Comptoirs, DatabaseLink], visiteur: Visiteur
) -> None:
    """Handlers without need of the database answer, others are UNAVAILABLE; the next call makes the copy."""
    comptoirs, link = linked
    async with link.cut():
        answer = await comptoirs.visit(visiteur)
        assert (answer.date_debut, answer.date_fin) == (visiteur.sujet, "VIEWER")
        away = (grpc.StatusCode.UNAVAILABLE, "BASE_INDISPONIBLE")
        assert await refused(comptoirs.visit(visiteur, note=True)) == away

    async def back() -> bool:
        return (await comptoirs.visit(visiteur)).date_debut != visiteur.sujet

    await eventually(back)
    assert await organisation_in(database_of(comptoirs), visiteur.organisation) is not None


async def test_S10_a_hanging_database_is_not_waited_for(
    linked: tuple[Comptoirs, DatabaseLink], visiteur: Visiteur
) -> None:
    """A caller who waits two seconds gets his answer."""
    comptoirs, link = linked
    with link.hanging():
        assert (await comptoirs.visit(visiteur)).date_debut == visiteur.sujet


async def test_S10_who_is_remembered_needs_no_database(
    linked: tuple[Comptoirs, DatabaseLink], visiteur: Visiteur
) -> None:
    """A remembered person is served as before while the database is away."""
    comptoirs, link = linked
    await comptoirs.visit(visiteur)
    known = await comptoirs.visit(visiteur)
    async with link.cut():
        assert await comptoirs.visit(visiteur) == known
