"""The worked timeline of S12 through commerciaux, with users, broker and database away in turn.

The application that A opens first is a service of user-sync's own tests, `comptabilite`.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from crm.events.identity_pb2 import UserLoginEvent
from db_utils import clock
from service_commerciaux.service import USER_SYNC
from service_testing import code_of, eventually, fresh_database, refused, running
from service_testing.link import DatabaseLink, database_link
from tests.comptoirs.service import COMPTABILITE
from tests.equipe import WITH_USERS, Bureau
from tests.visiteurs import Comptoirs, Visiteur, copies_in, copy_of, waiting

EVERYBODY = (*WITH_USERS, COMPTABILITE)
APPLICATIONS = ("comptabilite", "commerciaux")


@pytest.fixture(scope="module")
async def linked() -> AsyncIterator[tuple[Bureau, DatabaseLink]]:
    """Both applications beside users, with servers of their own to stop."""
    async with (
        database_link(fresh_database(*EVERYBODY)) as link,
        running(*EVERYBODY, database_url=link.url, bcrypt_cost=4) as mesh,
    ):
        yield Bureau(mesh), link


@pytest.fixture
def bureau(linked: tuple[Bureau, DatabaseLink]) -> Bureau:
    """The commerciaux service."""
    return linked[0]


async def confirmed(bureau: Bureau, visiteur: Visiteur) -> None:
    """Wait until both applications have heard of *visiteur* by an event, under his one id in users."""
    central = await Comptoirs(bureau.mesh).central(visiteur)
    assert central is not None

    async def heard() -> bool:
        copies = [await copy_of(bureau.mesh.database(name), visiteur.sujet) for name in APPLICATIONS]
        found = [copy and (copy.origine, copy.utilisateur_id) for copy in copies]
        return found == [("evenement", central.id)] * 2

    await eventually(heard, timeout=30.0)


async def replay(bureau: Bureau) -> None:
    """Run the job that tells users what it has missed."""
    app: Any = bureau.mesh["commerciaux"].app
    await USER_SYNC.rejouer_syncs(app)


async def test_S12_the_worked_timeline(bureau: Bureau) -> None:
    """Users is told and all copies converge, whatever the application and whatever is away."""
    comptoirs, a = Comptoirs(bureau.mesh), Visiteur()
    b, start = Visiteur(a.organisation), clock.now()
    with clock.frozen_at(start):  # A opens the other application; both hear of him
        assert (await comptoirs.visit(a, "comptabilite")).date_fin == "ADMIN"
        await confirmed(bureau, a)
    with clock.frozen_at(start + timedelta(minutes=1)):  # B opens this one while users is stopped
        async with bureau.mesh.without("users"):
            assert await bureau.codes(b) == ["DIRECT"]
            local = await bureau.known(b)
            assert (local.role, local.origine, local.utilisateur_id) == ("VIEWER", "secours", None)
            assert await waiting(bureau.database, b.sujet) is not None
    with clock.frozen_at(start + timedelta(minutes=3)):  # users is back, and is told
        await replay(bureau)
        await confirmed(bureau, b)
        assert await waiting(bureau.database, b.sujet) is None
    ten = start + timedelta(minutes=10)
    with clock.frozen_at(ten):  # A comes again: users is told in the background
        await comptoirs.visit(a, "comptabilite")

        async def moved() -> bool:
            copies = [await copy_of(bureau.mesh.database(name), a.sujet) for name in APPLICATIONS]
            return all(copy is not None and copy.last_login_at == ten for copy in copies)

        await eventually(moved)
    for name in APPLICATIONS:
        copies = await copies_in(bureau.mesh.database(name), a.organisation)
        assert {copy.auth0_id: copy.role for copy in copies} == {a.sujet: "ADMIN", b.sujet: "VIEWER"}
    assert await bureau.codes(b) == ["DIRECT"]
    of_a = await bureau.mesh.published(UserLoginEvent, 2, where=lambda event: event.auth0_id == a.sujet)
    assert [event.is_first_login for event in of_a] == [True, False]
    assert "existingUser" in of_a[1].metadata


async def test_S08_without_users_an_organisation_begins_here(bureau: Bureau) -> None:
    """The first person is ADMIN, the next VIEWER, and their organisation has its model at once (R20)."""
    first = Visiteur()
    second = Visiteur(first.organisation)
    async with bureau.mesh.without("users"):
        assert [await bureau.codes(one) for one in (first, second)] == [["DIRECT"]] * 2
        copies = await copies_in(bureau.database, first.organisation)
        assert [(copy.role, copy.origine) for copy in copies] == [("ADMIN", "secours"), ("VIEWER", "secours")]
    await replay(bureau)
    for one in (first, second):
        await confirmed(bureau, one)
    assert await bureau.codes(first) == ["DIRECT"]


async def test_S07_without_the_broker_the_copy_is_made_here(bureau: Bureau) -> None:
    """A newcomer is served with his role in users; his event confirms the same copy later."""
    visiteur = Visiteur()
    bureau.mesh.broker.stop()
    assert await bureau.codes(visiteur) == ["DIRECT"]
    made = await bureau.known(visiteur)
    assert (made.origine, made.role, made.utilisateur_id is None) == ("secours", "ADMIN", False)
    assert await waiting(bureau.database, visiteur.sujet) is None
    bureau.mesh.broker.start()
    await confirmed(bureau, visiteur)
    (only,) = await copies_in(bureau.database, visiteur.organisation)
    assert only.id == made.id
    assert await bureau.codes(visiteur) == ["DIRECT"]


async def test_S10_without_the_database_only_what_needs_it_is_refused(
    linked: tuple[Bureau, DatabaseLink],
) -> None:
    """A newcomer is proven, and told that the database is away; his next call makes copy and model."""
    bureau, link = linked
    visiteur = Visiteur()
    async with link.cut():
        away = (grpc.StatusCode.UNAVAILABLE, "BASE_INDISPONIBLE")
        assert await refused(bureau.codes(visiteur)) == away

    async def back() -> bool:
        return await code_of(bureau.codes(visiteur)) == grpc.StatusCode.OK

    await eventually(back, timeout=30.0)
    assert await bureau.codes(visiteur) == ["DIRECT"]
    assert (await bureau.known(visiteur)).organisation_id == visiteur.organisation
