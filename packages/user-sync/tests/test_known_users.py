"""Later calls of people: served at once, while users is told now and then."""

from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from crm.auth.auth_pb2 import Revocation
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc_utils import timestamp
from nats_utils import announce_revocation
from service_testing import Mesh, eventually, refused, running
from tests.comptoirs.service import COMPTABILITE
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, accounts, copies_in

CLOSED = (grpc.StatusCode.UNAUTHENTICATED, "COMPTE_DESACTIVE")
INTERVAL = timedelta(seconds=301)


@pytest.fixture
async def visitor(comptoirs: Comptoirs, visiteur: Visiteur) -> Visiteur:
    """Somebody who was here before."""
    await comptoirs.visit(visiteur)
    return visiteur


async def sign_ins(comptoirs: Comptoirs, visiteur: Visiteur) -> int:
    """Return how often users was told of *visiteur*."""
    central = await comptoirs.central(visiteur)
    assert central is not None
    return central.nombre_connexions


async def set_active(mesh: Mesh, utilisateur_id: str | None, actif: bool) -> None:
    """Close or reopen an account in users."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
    await people.Update(users_pb2.UpdateUtilisateurRequest(id=utilisateur_id or "", actif=actif))


async def test_S3_users_is_told_again_after_a_while(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """A call after the interval has users told in the background; last_login_at moves."""
    before = await comptoirs.known(visitor)
    later = clock.now() + INTERVAL
    with clock.frozen_at(later):
        await comptoirs.visit(visitor)

        async def told() -> bool:
            return (await comptoirs.known(visitor)).derniere_sync_ok == later

        await eventually(told)
        assert (await comptoirs.known(visitor)).last_login_at == later > before.last_login_at
        assert await sign_ins(comptoirs, visitor) == 2
    first, again = await comptoirs.mesh.published(
        UserLoginEvent, 2, where=lambda event: event.auth0_id == visitor.sujet
    )
    assert (first.is_first_login, again.is_first_login) == (True, False)
    assert dict(again.metadata) == {"source": "accounting-service", "existingUser": True}


async def test_S3_users_is_not_told_at_every_call(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """Users is told once per interval, though the memory of the user is shorter."""
    later = clock.now() + INTERVAL
    with clock.frozen_at(later):
        await comptoirs.visit(visitor)
        await eventually_told(comptoirs, visitor, 2)
    for seconds in (61, 122, 299):
        with clock.frozen_at(later + timedelta(seconds=seconds)):
            await comptoirs.visit(visitor)
    with clock.frozen_at(later + timedelta(seconds=361)):  # longer than he is remembered after the last call
        await comptoirs.visit(visitor)
        await eventually_told(comptoirs, visitor, 3)


async def eventually_told(comptoirs: Comptoirs, visiteur: Visiteur, times: int) -> None:
    """Wait until users was told of *visiteur* so often."""

    async def enough() -> bool:
        return await sign_ins(comptoirs, visiteur) >= times

    await eventually(enough)
    assert await sign_ins(comptoirs, visiteur) == times


async def test_S13_the_role_in_users_replaces_the_local_one(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """The role of users replaces the local one, and the person is served the same."""
    copy = await comptoirs.known(visitor)
    membres = comptoirs.mesh.service_stub(MembreServiceStub, caller="comptabilite")
    request = users_pb2.ListMembresRequest(utilisateur_id=copy.utilisateur_id or "")
    (membre,) = (await membres.List(request)).membres
    second = users_pb2.AddMembreRequest(
        organisation_id=visitor.organisation,
        utilisateur_id=(await _other(comptoirs, visitor)).id,
        role="ADMIN",
    )
    await membres.Add(second)
    await membres.Update(
        users_pb2.UpdateMembreRequest(id=membre.id, role="VIEWER"),
        metadata=(("x-organisation-id", visitor.organisation),),
    )
    with clock.frozen_at(clock.now() + INTERVAL):
        await comptoirs.visit(visitor)

        async def viewer() -> bool:
            return (await comptoirs.known(visitor)).role == "VIEWER"

        await eventually(viewer)
        assert (await comptoirs.visit(visitor, note=True)).date_fin == "VIEWER"


async def _other(comptoirs: Comptoirs, visiteur: Visiteur) -> users_pb2.Utilisateur:
    people = comptoirs.mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
    return (
        await people.Create(users_pb2.CreateUtilisateurRequest(email=f"autre-{visiteur.email}"))
    ).utilisateur


async def test_S9_an_account_closed_in_users_is_closed_here(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """The next SyncUser closes the copy; every call after it is refused."""
    copy = await comptoirs.known(visitor)
    await set_active(comptoirs.mesh, copy.utilisateur_id, False)
    with clock.frozen_at(clock.now() + INTERVAL):
        await comptoirs.visit(visitor)

        async def closed() -> bool:
            return not (await comptoirs.known(visitor)).actif

        await eventually(closed)
        assert await refused(comptoirs.visit(visitor)) == CLOSED


async def test_S9_an_account_that_is_opened_again_is_let_in(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """A reopened account is let in after the next SyncUser; an event from before its closing is void."""
    copy = await comptoirs.known(visitor)
    await set_active(comptoirs.mesh, copy.utilisateur_id, False)
    start = clock.now()
    with clock.frozen_at(start + INTERVAL):
        await comptoirs.visit(visitor)
        await eventually_actif(comptoirs, visitor, False)
        await comptoirs.mesh.deliver(visitor.event(timestamp=timestamp(start)))
        assert await refused(comptoirs.visit(visitor)) == CLOSED
        await set_active(comptoirs.mesh, copy.utilisateur_id, True)
    with clock.frozen_at(start + 2 * INTERVAL):
        assert await refused(comptoirs.visit(visitor)) == CLOSED
        await eventually_actif(comptoirs, visitor, True)
        await comptoirs.visit(visitor)


async def eventually_actif(comptoirs: Comptoirs, visiteur: Visiteur, actif: bool) -> None:
    """Wait until the copy of *visiteur* is active, or is not."""

    async def settled() -> bool:
        return (await comptoirs.known(visiteur)).actif is actif

    await eventually(settled)


async def test_S2_an_event_is_seen_by_the_next_call(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """An event makes the person forgotten, so that the next call has the new role."""
    assert (await comptoirs.visit(visitor)).date_fin == "ADMIN"
    copy = await comptoirs.known(visitor)
    event = visitor.event(user_id=copy.utilisateur_id, role="COMMERCIAL")
    await comptoirs.mesh.deliver(event)
    assert (await comptoirs.visit(visitor)).date_fin == "COMMERCIAL"


@pytest.fixture
async def own_tokens() -> AsyncIterator[Comptoirs]:
    """A counter where tokens of the issuer "crm" count as our own, those of others as auth0's."""
    async with running(*BESIDE, COMPTABILITE, issuer_providers="crm=local", bcrypt_cost=4) as mesh:
        yield Comptoirs(mesh)


async def test_S11_one_person_with_two_tokens_is_one_copy(own_tokens: Comptoirs, visiteur: Visiteur) -> None:
    """A provider's token and one of ours lead to one copy: the answer of users tells the id."""
    await own_tokens.visit(visiteur, iss="")
    copy = await own_tokens.known(visiteur)
    twin = Visiteur(visiteur.organisation, sujet=str(copy.utilisateur_id))
    answer = await own_tokens.visit(twin)
    database = own_tokens.mesh.database("comptabilite")
    (only,) = await copies_in(database, visiteur.organisation)
    assert answer.date_debut == str(only.id) == str(copy.id)
    assert await accounts(database, visiteur.organisation) == 1


async def test_S14_a_revoked_token_is_refused(comptoirs: Comptoirs, visitor: Visiteur) -> None:
    """A revoked token is refused within two seconds, though its person is remembered."""
    now = clock.now()
    revocation = Revocation(
        jti=visitor.sujet, revoque_le=timestamp(now), expire_le=timestamp(now + timedelta(hours=1))
    )
    await comptoirs.visit(visitor, jti=visitor.sujet)
    async with comptoirs.mesh.database("users").transaction() as tx:
        announce_revocation(tx, revocation)

    async def refused_by_now() -> bool:
        try:
            await comptoirs.visit(visitor, jti=visitor.sujet)
        except grpc.aio.AioRpcError as error:
            return error.code() == grpc.StatusCode.UNAUTHENTICATED
        return False

    await eventually(refused_by_now, timeout=2.0)
    revoked = (grpc.StatusCode.UNAUTHENTICATED, "JETON_REVOQUE")
    assert await refused(comptoirs.visit(visitor, jti=visitor.sujet)) == revoked
