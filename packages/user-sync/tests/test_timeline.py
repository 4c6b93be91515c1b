"""The worked example of S12: one organisation, two people, two services, and users away for a while."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from crm.events.identity_pb2 import UserLoginEvent
from db_utils import clock
from service_testing import Mesh, eventually, running
from tests.comptoirs.service import COMPTABILITE, VENTE, VENTE_SYNC
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, accounts, copies_in, waiting

BOTH = ("comptabilite", "vente")


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    """Both counters, with servers of their own to stop."""
    async with running(*BESIDE, COMPTABILITE, VENTE, bcrypt_cost=4) as mesh:
        yield mesh


async def confirmed_everywhere(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """Wait until both counters have heard of *visiteur* by an event, under his id in users."""
    central = await comptoirs.central(visiteur)
    assert central is not None

    async def heard() -> bool:
        copies = [await comptoirs.copy(visiteur, name) for name in BOTH]
        return [copy and (copy.origine, copy.utilisateur_id) for copy in copies] == [
            ("evenement", central.id)
        ] * 2

    await eventually(heard)


async def test_the_worked_timeline(mesh: Mesh) -> None:
    """Users is told and all copies converge, whatever the application and whatever is away."""
    comptoirs, a = Comptoirs(mesh), Visiteur()
    b = Visiteur(a.organisation)
    start = clock.now()
    with clock.frozen_at(start):  # A comes to the one; both hear of it
        assert (await comptoirs.visit(a, "comptabilite", note=True)).date_fin == "ADMIN"
        await confirmed_everywhere(comptoirs, a)
    with clock.frozen_at(start + timedelta(minutes=1)):  # B comes to the other while users is away
        async with mesh.without("users"):
            assert (await comptoirs.visit(b, "vente", note=True)).date_fin == "VIEWER"
            assert await waiting(mesh.database("vente"), b.sujet) is not None
            assert await comptoirs.copy(b, "comptabilite") is None
    with clock.frozen_at(start + timedelta(minutes=3)):  # users is back, and is told
        app: Any = mesh["vente"].app
        await VENTE_SYNC.rejouer_syncs(app)
        await confirmed_everywhere(comptoirs, b)
        assert await waiting(mesh.database("vente"), b.sujet) is None
    ten = start + timedelta(minutes=10)
    with clock.frozen_at(ten):  # A comes again: users is told in the background
        assert (await comptoirs.visit(a, "comptabilite")).date_fin == "ADMIN"

        async def moved() -> bool:
            return all([(await comptoirs.known(a, name)).last_login_at == ten for name in BOTH])

        await eventually(moved)
    for name in BOTH:
        copies = await copies_in(mesh.database(name), a.organisation)
        assert {copy.auth0_id: copy.role for copy in copies} == {a.sujet: "ADMIN", b.sujet: "VIEWER"}
        assert await accounts(mesh.database(name), a.organisation) == 1
    of_a = await mesh.published(UserLoginEvent, 2, where=lambda event: event.auth0_id == a.sujet)
    assert [event.is_first_login for event in of_a] == [True, False]
    assert "existingUser" in of_a[1].metadata
