"""Tokens that end with a membership or an account (R28)."""

from datetime import timedelta
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub, UtilisateurServiceStub
from db_utils import clock
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc_utils.errors import BaseIndisponible, DateInvalide
from service_kit.outgoing import CommandeSortante
from service_testing import Mesh, refused
from service_users.outgoing import REVOCATION
from sqlalchemy import select
from tests.peer_doubles import PeerDoubles
from tests.personnes import Someone, change
from tests.sent_webhooks import Account, Send, Told

GRPC_ATTEMPTS = 3  # attempts of one call that may be repeated (C14)


@pytest.fixture
async def membre(someone: Someone, org: str, membres: MembreServiceStub) -> pb.Membre:
    """A member of an organisation that has another administrator."""
    await someone(organisation_id=org)
    return await membres.Add(pb.AddMembreRequest(organisation_id=org, utilisateur_id=(await someone()).id))


async def owed(mesh: Mesh, utilisateur_id: str) -> CommandeSortante:
    """Return the revocation of the user's tokens that waits to be sent."""
    kind = select(CommandeSortante).where(CommandeSortante.type == "revocation")
    rows = await mesh.database("users").read().all(kind)
    (row,) = [one for one in rows if one.charge.get("utilisateur_id") == utilisateur_id]
    return row


@pytest.mark.parametrize("etat", ["suspendu", "retire"])
async def test_R28_an_ended_membership_ends_the_tokens_that_name_it(
    around: PeerDoubles, membres: MembreServiceStub, membre: pb.Membre, org: str, etat: str
) -> None:
    """The revocation names the organisation; a change of role or a return of the member sends none."""
    await change(membres, membre, role="MANAGER")
    ended = await change(membres, membre, etat=etat)
    await change(membres, membre, etat="actif")
    (revoked,) = (await around.send()).revoked_of(membre.utilisateur_id)
    assert (revoked.organisation_id, revoked.motif) == (org, "adhesion")
    assert 0 <= revoked.avant.ToNanoseconds() - ended.updated_at.ToNanoseconds() < 1e9


async def test_R28_a_change_that_is_refused_ends_nothing(
    around: PeerDoubles, membres: MembreServiceStub, someone: Someone, org: str
) -> None:
    """The revocation is written with the change: none follows a refusal."""
    user = await someone(organisation_id=org)
    (last,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    assert (await refused(change(membres, last, etat="retire")))[1] == ("DERNIER_ADMIN")
    assert not (await around.send()).revoked_of(user.id)


@pytest.mark.parametrize("how", ["suppression", "desactivation"])
async def test_R28_a_closed_account_ends_all_of_its_tokens(
    around: PeerDoubles, people: UtilisateurServiceStub, someone: Someone, how: str
) -> None:
    """Closing an account revokes all tokens, once: an account that is closed already has none."""
    user = await someone()
    for _ in range(2):
        if how == "suppression":
            await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
        else:
            await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    (revoked,) = (await around.send()).revoked_of(user.id)
    assert (revoked.motif, revoked.organisation_id) == (how, "")


@pytest.mark.parametrize(
    ("kind", "fields", "motif"),
    [("user.updated", {"is_suspended": True}, "desactivation"), ("user.deleted", {}, "suppression")],
)
async def test_R28_a_suspension_or_deletion_by_the_provider_ends_tokens_too(
    around: PeerDoubles,
    send: Send,
    told: Told,
    account: Account,
    kind: str,
    fields: dict[str, Any],
    motif: str,
) -> None:
    """A suspension and a deletion by webhook revoke the account's tokens."""
    await send(told())
    user = await account()
    assert await send(told(kind, **fields)) == "TRAITE"
    assert [one.motif for one in (await around.send()).revoked_of(user.id)] == [motif]


async def test_R28_auth_away_is_asked_again(
    mesh: Mesh, around: PeerDoubles, people: UtilisateurServiceStub, someone: Someone
) -> None:
    """A revocation is sent again after one second, then every five, with the same instant."""
    user, now = await someone(), clock.now()
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    written = MessageToDict(await _request(mesh, user.id))
    for tries, pause in enumerate((1, 5, 5), start=1):
        around.heard.failures[user.id] = [BaseIndisponible() for _ in range(GRPC_ATTEMPTS)]
        with clock.frozen_at(now := now + timedelta(hours=tries)):
            await around.send()
        row = await owed(mesh, user.id)
        assert (row.tentatives, row.prochain_essai - now) == (tries, timedelta(seconds=pause))
    with clock.frozen_at(now + timedelta(seconds=5)):
        heard = await around.send()
    assert [MessageToDict(one) for one in heard.revoked_of(user.id)] == [written]


async def test_R28_an_instant_that_auth_finds_too_early_is_told_again(
    mesh: Mesh, around: PeerDoubles, people: UtilisateurServiceStub, someone: Someone
) -> None:
    """DATE_INVALIDE passes with the difference of the clocks: the revocation is not given up."""
    user = await someone()
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    around.heard.failures[user.id] = [DateInvalide()]
    await around.send()
    assert (await owed(mesh, user.id)).etat == "EN_ATTENTE"


def test_R28_a_revocation_is_never_given_up() -> None:
    """A revocation waits five seconds after the first try, for ever."""
    assert REVOCATION.given_up_after is None
    assert {REVOCATION.waits(tries).total_seconds() for tries in (2, 3, 1_000_000)} == {5.0}


async def _request(mesh: Mesh, utilisateur_id: str) -> Any:
    row = await owed(mesh, utilisateur_id)
    return ParseDict(row.charge, REVOCATION.request())
