"""SyncProfile: the person of the caller's own token, made on demand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, refused
from service_users.models import Conflit
from sqlalchemy import select
from tests.personnes import Someone, new_email, without_organisations

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ASK = pb.SyncProfileRequest()


@pytest.fixture
def outsider(mesh: Mesh, sujet: str) -> Any:
    """Sign-ins, called with a token of an outside provider (auth0); claims as given."""

    def stub(**claims: Any) -> SyncServiceStub:
        return mesh.stub(SyncServiceStub, user=sujet, organisation="", iss="", **claims)

    return stub


@pytest.fixture
def insider(mesh: Mesh) -> Any:
    """Sign-ins, called with a token of ours of a user."""

    def stub(user: pb.Utilisateur, **claims: Any) -> SyncServiceStub:
        return mesh.stub(SyncServiceStub, user=user.id, organisation="", **claims)

    return stub


async def test_R8_a_person_unknown_here_is_made_from_the_claims(
    outsider: Any, email: str, sujet: str
) -> None:
    """The first call makes the account from the claims; without membership it has no organisation."""
    stub = outsider(email=email, given_name="Anne", family_name="Martin", picture="https://exemple.fr/a.png")
    first, again = await stub.SyncProfile(ASK), await stub.SyncProfile(ASK)
    user = first.utilisateur
    assert (first.cree, again.cree, again.utilisateur.id) == (True, False, user.id)
    assert (user.prenom, user.nom, user.email, user.source_creation) == ("Anne", "Martin", email, "profil")
    assert ("auth0", sujet) in {(one.fournisseur, one.sujet) for one in user.identites}
    assert not first.has_organisation
    assert not first.organisations


async def test_R8_parallel_first_visits_make_one_person_and_no_conflict(
    mesh: Mesh, outsider: Any, email: str, sujet: str
) -> None:
    """Thirty first calls make one account, also when one is made between another's two look-ups."""
    stub = outsider(email=email)
    answers = await asyncio.gather(*(stub.SyncProfile(ASK) for _ in range(30)))
    assert [answer.cree for answer in answers].count(True) == 1
    assert len({answer.utilisateur.id for answer in answers}) == 1
    conflicts = select(Conflit).where(Conflit.sujet == sujet)
    assert await mesh.database("users").read().all(conflicts) == []


async def test_R8_a_token_without_address_makes_nobody(outsider: Any) -> None:
    """A newcomer without address is CHAMP_REQUIS."""
    assert await refused(outsider(email="").SyncProfile(ASK)) == (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")


async def test_R10_an_unverified_address_of_an_account_is_a_conflict(
    outsider: Any, someone: Someone, email: str
) -> None:
    """An account's address in an unverified claim is CONFLIT_IDENTITE."""
    await someone(email=email)
    stub = outsider(email=email, email_verified=False)
    assert await refused(stub.SyncProfile(ASK)) == (StatusCode.ALREADY_EXISTS, "CONFLIT_IDENTITE")


async def test_a_token_of_ours_changes_nothing_but_what_is_asked(insider: Any, someone: Someone) -> None:
    """Claims of our tokens are older than the account; fields of the request are the person's word."""
    user = await someone(prenom="Anne", nom="Martin")
    stub = insider(user, given_name="Ancienne", email=new_email())
    same = (await stub.SyncProfile(ASK)).utilisateur
    changed = (await stub.SyncProfile(pb.SyncProfileRequest(last_name="Durand", first_name=""))).utilisateur
    assert (same.prenom, same.email) == ("Anne", user.email)
    assert (changed.prenom, changed.nom) == ("Anne", "Durand")


async def test_the_organisations_of_the_person_are_named(
    mesh: Mesh, insider: Any, someone: Someone, org: str
) -> None:
    """Organisations come with name, role and state; the name is empty while nobody tells it."""
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    await organisations.EnsureExists(organisations_pb.EnsureExistsRequest(id=org, nom="Martin SAS"))
    user = await someone(organisation_id=org)
    answer = await insider(user).SyncProfile(ASK)
    assert answer.has_organisation
    assert list(answer.organisations) == [
        pb.OrganisationDuProfil(organisation_id=org, nom="Martin SAS", role="ADMIN", etat="actif")
    ]
    async with without_organisations(mesh):
        silent = await insider(user).SyncProfile(ASK)
    assert [(one.organisation_id, one.nom) for one in silent.organisations] == [(org, "")]


async def test_R12_reading_the_profile_counts_once_in_five_minutes(insider: Any, someone: Someone) -> None:
    """SyncProfile counts as a sign-in at most once in five minutes."""
    user, counts = await someone(), []
    for seconds in (0, 299, 300):
        with clock.frozen_at(NOON + timedelta(seconds=seconds)):
            answer = (await insider(user).SyncProfile(ASK)).utilisateur
            counts.append((answer.nombre_connexions, answer.derniere_connexion))
    first, later = timestamp(NOON), timestamp(NOON + timedelta(seconds=300))
    assert counts == [(1, first), (1, first), (2, later)]


async def test_R15_the_inactive_and_the_deleted_are_not_let_in(
    people: UtilisateurServiceStub, insider: Any, someone: Someone
) -> None:
    """Closed accounts are UNAUTHENTICATED COMPTE_DESACTIVE."""
    user = await someone()
    await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    disabled = await refused(insider(user).SyncProfile(ASK))
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    deleted = await refused(insider(user).SyncProfile(ASK))
    assert disabled == deleted == (StatusCode.UNAUTHENTICATED, "COMPTE_DESACTIVE")


async def test_a_service_has_no_profile(sync: SyncServiceStub) -> None:
    """A service's token is UTILISATEUR_REQUIS."""
    assert await refused(sync.SyncProfile(ASK)) == (StatusCode.INVALID_ARGUMENT, "UTILISATEUR_REQUIS")
