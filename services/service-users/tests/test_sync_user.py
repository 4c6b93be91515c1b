"""SyncUser: the upsert (R8 to R10), the membership (R11), and the answer."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceStub, SyncServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, refused
from service_users.late_organisations import ensure_late_ones
from service_users.models import Conflit, Evenement, OrganisationAAssurer
from sqlalchemy import select
from tests.personnes import Seen, Someone, change, new_email, new_subject, without_organisations


async def test_R8_an_unknown_person_is_made(sync: SyncServiceStub, seen: Seen, sujet: str) -> None:
    """The account has what the service tells, and the identity of our own tokens (R2)."""
    answer = await sync.SyncUser(
        seen(first_name="Anne", last_name="Martin", picture="https://exemple.fr/a.png", user_type="COURTIER")
    )
    user = answer.utilisateur
    assert (answer.cree, user.prenom, user.nom, user.photo_url) == (
        True,
        "Anne",
        "Martin",
        "https://exemple.fr/a.png",
    )
    assert (user.type_utilisateur, user.source_creation) == ("COURTIER", "sync:accounting-service")
    assert list(user.applications) == ["crm", "commercial", "accounting"]
    assert {(one.fournisseur, one.sujet) for one in user.identites} == {("local", user.id), ("auth0", sujet)}


async def test_R8_who_is_found_by_subject_is_refreshed(sync: SyncServiceStub, seen: Seen) -> None:
    """Names, picture and address are replaced where they are told; the rest stays."""
    first = await sync.SyncUser(seen(first_name="Anne", last_name="Martin"))
    email = new_email()
    again = await sync.SyncUser(seen(email=email, first_name="Annie", picture="https://exemple.fr/b.png"))
    user = again.utilisateur
    assert (again.cree, user.id) == (False, first.utilisateur.id)
    assert (user.prenom, user.nom, user.email) == ("Annie", "Martin", email)
    assert user.photo_url == "https://exemple.fr/b.png"


async def test_R8_who_is_found_by_a_vouched_address_gets_the_identity(
    sync: SyncServiceStub, seen: Seen, someone: Someone, email: str, sujet: str
) -> None:
    """A proved account with the vouched address gets the identity, and keeps its names."""
    known = await someone(email=email, prenom="Anne", email_verifie=True)
    answer = await sync.SyncUser(seen(first_name="Autre"))
    assert (answer.cree, answer.utilisateur.id, answer.utilisateur.prenom) == (False, known.id, "Anne")
    assert answer.utilisateur.email_verifie
    assert ("auth0", sujet) in {(one.fournisseur, one.sujet) for one in answer.utilisateur.identites}


async def test_R8_an_unverified_address_takes_no_account_over(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, someone: Someone, email: str, sujet: str
) -> None:
    """An unverified address is CONFLIT_IDENTITE, and the conflict is kept for people to resolve (R10)."""
    known = await someone(email=email)
    for _ in range(2):
        assert await refused(sync.SyncUser(seen(email_verifie=False))) == (
            StatusCode.ALREADY_EXISTS,
            "CONFLIT_IDENTITE",
        )
    (conflict,) = await mesh.database("users").read().all(select(Conflit).where(Conflit.sujet == sujet))
    assert (conflict.motif, str(conflict.utilisateur_existant_id)) == ("EMAIL_NON_VERIFIE", known.id)
    lines = (
        await mesh.database("users")
        .read()
        .all(
            select(Evenement.details).where(
                Evenement.utilisateur_id == UUID(known.id), Evenement.evenement == "conflit"
            )
        )
    )
    assert lines == [{"fournisseur": "auth0", "motif": "EMAIL_NON_VERIFIE"}]


async def test_R8_a_second_subject_of_one_provider_is_a_conflict(sync: SyncServiceStub, seen: Seen) -> None:
    """A second subject of the provider for the same address is CONFLIT_IDENTITE."""
    await sync.SyncUser(seen())
    refusal = await refused(sync.SyncUser(seen(auth0_id=new_subject())))
    assert refusal == (StatusCode.ALREADY_EXISTS, "CONFLIT_IDENTITE")


async def test_R9_an_address_of_somebody_else_is_not_taken(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, someone: Someone, sujet: str
) -> None:
    """The former address stays, the other fields apply, the conflict is kept; the answer is OK (R10)."""
    first = await sync.SyncUser(seen())
    other = await someone()
    answer = await sync.SyncUser(seen(email=other.email, first_name="Anne"))
    assert (answer.utilisateur.email, answer.utilisateur.prenom) == (first.utilisateur.email, "Anne")
    (conflict,) = await mesh.database("users").read().all(select(Conflit).where(Conflit.sujet == sujet))
    assert (conflict.motif, conflict.email) == ("EMAIL_PRIS", other.email)


async def test_R3_one_name_is_split(sync: SyncServiceStub, seen: Seen) -> None:
    """The first word of a single name is the first name."""
    user = (await sync.SyncUser(seen(name="Anne de la Tour"))).utilisateur
    assert (user.prenom, user.nom) == ("Anne", "de la Tour")


async def test_R3_who_is_not_named_is_called_after_the_address(
    sync: SyncServiceStub, seen: Seen, email: str
) -> None:
    """A person without any name is called User, and by what stands before the @."""
    user = (await sync.SyncUser(seen())).utilisateur
    assert (user.prenom, user.nom) == ("User", email.partition("@")[0])


async def test_R11_the_first_member_is_the_administrator(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """The first member is ADMIN, the next one VIEWER; the organisation exists from then on, provisionally."""
    first = await sync.SyncUser(seen(company_id=org))
    second = await sync.SyncUser(seen(auth0_id=new_subject(), email=new_email(), company_id=org))
    assert (first.organisation_id, first.role) == (org, "ADMIN")
    assert (second.organisation_id, second.role) == (org, "VIEWER")
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    made = await organisations.Get(organisations_pb.GetOrganisationRequest(id=org))
    assert made.provisoire


async def test_R11_a_membership_keeps_its_role(
    sync: SyncServiceStub, seen: Seen, org: str, membres: MembreServiceStub
) -> None:
    """A sign-in leaves the role of a membership as it is."""
    await sync.SyncUser(seen(auth0_id=new_subject(), email=new_email(), company_id=org))
    first = await sync.SyncUser(seen(company_id=org))
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=first.utilisateur.id))).membres
    await change(membres, membre, role="MANAGER")
    assert (await sync.SyncUser(seen(company_id=org))).role == "MANAGER"


@pytest.mark.parametrize("etat", ["suspendu", "retire"])
async def test_R11_a_token_revives_nobody(
    sync: SyncServiceStub, seen: Seen, someone: Someone, org: str, membres: MembreServiceStub, etat: str
) -> None:
    """An ended membership keeps its state, and the sign-in names no organisation."""
    await someone(organisation_id=org)
    user = (await sync.SyncUser(seen(company_id=org))).utilisateur
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    await change(membres, membre, etat=etat)
    again = await sync.SyncUser(seen(company_id=org, service_name="gestion-commerciale-service"))
    (after,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    assert (again.organisation_id, again.role, after.etat) == ("", "", etat)


async def test_R11_no_organisation_no_membership(
    sync: SyncServiceStub, seen: Seen, membres: MembreServiceStub
) -> None:
    """An empty company_id makes nobody a member of anything."""
    answer = await sync.SyncUser(seen())
    assert (answer.organisation_id, answer.role) == ("", "")
    assert not (await membres.List(pb.ListMembresRequest(utilisateur_id=answer.utilisateur.id))).membres


async def test_R11_nobody_joins_a_deleted_organisation(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """A sign-in that names a deleted organisation is served, without a membership."""
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    await organisations.EnsureExists(organisations_pb.EnsureExistsRequest(id=org))
    await organisations.Delete(organisations_pb.DeleteOrganisationRequest(id=org))
    answer = await sync.SyncUser(seen(company_id=org))
    assert (answer.cree, answer.organisation_id) == (True, "")


async def test_R11_two_first_members_at_once(sync: SyncServiceStub, seen: Seen, org: str) -> None:
    """One of six simultaneous newcomers is ADMIN, the others are VIEWER."""
    requests = [seen(auth0_id=new_subject(), email=new_email(), company_id=org) for _ in range(6)]
    answers = await asyncio.gather(*map(sync.SyncUser, requests))
    assert Counter(answer.role for answer in answers) == {"ADMIN": 1, "VIEWER": 5}


async def test_R11_signing_in_works_while_organisations_is_away(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """The membership is written, the journal says so, and the organisation is left for the job."""
    async with without_organisations(mesh):
        answer = await sync.SyncUser(seen(company_id=org))
    assert (answer.organisation_id, answer.role) == (org, "ADMIN")
    reader = mesh.database("users").read()
    left = await reader.all(
        select(OrganisationAAssurer.organisation_id).where(OrganisationAAssurer.organisation_id == org)
    )
    lines = await reader.all(select(Evenement.details).where(Evenement.evenement == "sync"))
    assert left == [org]
    assert {"organisation_id": org} in lines


async def test_R8_twenty_at_once_are_one_person(sync: SyncServiceStub, seen: Seen, org: str) -> None:
    """Twenty simultaneous reports of an unverified address make one account, one ADMIN and no conflict."""
    request = seen(company_id=org, email_verifie=False)
    answers = await asyncio.gather(*(sync.SyncUser(request) for _ in range(20)))
    assert len({answer.utilisateur.id for answer in answers}) == 1
    assert (sum(answer.cree for answer in answers), {answer.role for answer in answers}) == (1, {"ADMIN"})


async def test_R15_the_inactive_and_the_deleted_do_not_sign_in(
    sync: SyncServiceStub, seen: Seen, people: UtilisateurServiceStub
) -> None:
    """Closed accounts are COMPTE_DESACTIVE; a deleted subject is never resurrected (R2)."""
    user = (await sync.SyncUser(seen())).utilisateur
    await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    disabled = await refused(sync.SyncUser(seen()))
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    deleted = await refused(sync.SyncUser(seen()))
    assert disabled == deleted == (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("auth0_id", "", "CHAMP_REQUIS"),
        ("auth0_id", "x" * 256, "FORMAT_INVALIDE"),
        ("email", "", "CHAMP_REQUIS"),
        ("email", "pas une adresse", "FORMAT_INVALIDE"),
        ("service_name", "", "CHAMP_REQUIS"),
        ("service_name", "x" * 36, "TROP_LONG"),
        ("fournisseur", "facebook", "VALEUR_INCONNUE"),
        ("company_id", "pas un id", "FORMAT_INVALIDE"),
        ("metadata", {"source": "x" * 4096}, "TROP_LONG"),
    ],
)
async def test_R14_what_cannot_be_is_refused(
    sync: SyncServiceStub, seen: Seen, field: str, value: object, reason: str
) -> None:
    """Missing, malformed and oversized fields are INVALID_ARGUMENT."""
    refusal = await refused(sync.SyncUser(seen(**{field: value})))
    assert refusal == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R11_the_job_tells_organisations_later(
    mesh: Mesh, sync: SyncServiceStub, seen: Seen, org: str
) -> None:
    """The job makes the organisation known when its service is back, and keeps it until then."""
    app: Any = mesh["users"].app
    reader = mesh.database("users").read()
    async with without_organisations(mesh):
        await sync.SyncUser(seen(company_id=org))
        await ensure_late_ones(app)
        assert await reader.get(OrganisationAAssurer, org) is not None

    await ensure_late_ones(app)
    assert await reader.get(OrganisationAAssurer, org) is None
    organisations = mesh.service_stub(OrganisationServiceStub, caller="users")
    assert (await organisations.Get(organisations_pb.GetOrganisationRequest(id=org))).provisoire
