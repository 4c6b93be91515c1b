"""MembreService over gRPC: memberships, and how they change (R16)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub, MembreServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, pages, refused
from tests.personnes import Someone, change

ETATS = ("invite", "actif", "suspendu", "retire")
ALLOWED = {
    ("invite", "actif"),
    ("invite", "retire"),
    ("actif", "suspendu"),
    ("actif", "retire"),
    ("suspendu", "actif"),
    ("suspendu", "retire"),
    ("retire", "actif"),
}
FORBIDDEN = [
    (former, etat) for former in ETATS for etat in ETATS if former != etat and (former, etat) not in ALLOWED
]
NOT_FOUND = (StatusCode.NOT_FOUND, "INTROUVABLE")
LAST_ADMIN = (StatusCode.FAILED_PRECONDITION, "DERNIER_ADMIN")
Own = Callable[..., MembreServiceStub]


@pytest.fixture
def own(mesh: Mesh) -> Own:
    """Memberships, called with a token of ours of a user."""

    def stub(user: pb.Utilisateur, organisation: str = "") -> MembreServiceStub:
        return mesh.stub(MembreServiceStub, user=user.id, organisation=organisation)

    return stub


@pytest.fixture
async def admin(someone: Someone, org: str, membres: MembreServiceStub) -> pb.Membre:
    """The first member of the organisation."""
    user = await someone(organisation_id=org)
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=user.id))).membres
    return membre


@pytest.fixture
async def viewer(someone: Someone, admin: pb.Membre, membres: MembreServiceStub) -> pb.Membre:
    """The second member of the organisation."""
    user = await someone()
    return await membres.Add(
        pb.AddMembreRequest(organisation_id=admin.organisation_id, utilisateur_id=user.id)
    )


async def in_state(membres: MembreServiceStub, membre: pb.Membre, etat: str) -> pb.Membre:
    """Bring *membre* into *etat*."""
    return await change(membres, membre, etat=etat)


async def test_a_member_is_added(viewer: pb.Membre, org: str) -> None:
    """A new member is an active VIEWER by default; the answer carries the user."""
    assert (viewer.organisation_id, viewer.role, viewer.etat, viewer.version) == (org, "VIEWER", "actif", 1)
    assert (viewer.utilisateur.id, viewer.HasField("date_activation")) == (viewer.utilisateur_id, True)


async def test_a_member_may_be_invited_first(
    someone: Someone, membres: MembreServiceStub, admin: pb.Membre, org: str
) -> None:
    """An invited member becomes active later, and both steps are dated."""
    user = await someone()
    invited = await membres.Add(
        pb.AddMembreRequest(organisation_id=org, utilisateur_id=user.id, role="MANAGER", etat="invite")
    )
    assert (invited.role, invited.etat, invited.HasField("date_activation")) == ("MANAGER", "invite", False)
    assert invited.HasField("date_invitation")
    assert (await in_state(membres, invited, "actif")).HasField("date_activation")


async def test_who_is_a_member_is_not_added_again(membres: MembreServiceStub, viewer: pb.Membre) -> None:
    """A second membership is ALREADY_EXISTS, in whatever state the first one is."""
    request = pb.AddMembreRequest(
        organisation_id=viewer.organisation_id, utilisateur_id=viewer.utilisateur_id
    )
    assert await refused(membres.Add(request)) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"utilisateur_id": "personne"}, NOT_FOUND),
        ({"utilisateur_id": ""}, (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")),
        ({"organisation_id": ""}, (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")),
        ({"role": "CHEF"}, (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")),
        ({"etat": "retire"}, (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")),
    ],
)
async def test_what_add_refuses(
    membres: MembreServiceStub,
    someone: Someone,
    org: str,
    fields: dict[str, str],
    answer: tuple[StatusCode, str],
) -> None:
    """Unknown people, unknown roles and impossible first states are refused."""
    usual = {"organisation_id": org, "utilisateur_id": (await someone()).id}
    assert await refused(membres.Add(pb.AddMembreRequest(**(usual | fields)))) == answer


@pytest.mark.parametrize(("former", "etat"), sorted(ALLOWED))
async def test_R16_states_that_follow(
    membres: MembreServiceStub, someone: Someone, admin: pb.Membre, former: str, etat: str
) -> None:
    """Each allowed step changes the version once; the same state again changes nothing."""
    membre = await _member_in(membres, someone, admin, former)
    changed = await in_state(membres, membre, etat)
    again = await in_state(membres, membre, etat)
    assert (changed.etat, changed.version, again.version) == (etat, membre.version + 1, membre.version + 1)


@pytest.mark.parametrize(("former", "etat"), FORBIDDEN)
async def test_R16_states_that_do_not_follow(
    membres: MembreServiceStub, someone: Someone, admin: pb.Membre, former: str, etat: str
) -> None:
    """Each other step is FAILED_PRECONDITION TRANSITION_INTERDITE."""
    membre = await _member_in(membres, someone, admin, former)
    refusal = await refused(in_state(membres, membre, etat))
    assert refusal == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")


@pytest.mark.parametrize("fields", [{"role": "VIEWER"}, {"etat": "suspendu"}, {"etat": "retire"}])
async def test_R16_the_last_active_administrator_stays(
    membres: MembreServiceStub, admin: pb.Membre, viewer: pb.Membre, fields: dict[str, Any]
) -> None:
    """The last administrator stays until there is another active one; a suspended one does not count."""
    assert await refused(change(membres, admin, **fields)) == LAST_ADMIN
    await change(membres, viewer, role="ADMIN", etat="suspendu")
    assert await refused(change(membres, admin, **fields)) == LAST_ADMIN
    await in_state(membres, viewer, "actif")
    assert (await change(membres, admin, **fields)).version == admin.version + 1


async def test_R16_of_two_administrators_leaving_at_once_one_stays(
    membres: MembreServiceStub, admin: pb.Membre, viewer: pb.Membre
) -> None:
    """The lock on the organisation lets one of the two leave."""
    await change(membres, viewer, role="ADMIN")
    answers = await asyncio.gather(
        *(in_state(membres, one, "retire") for one in (admin, viewer)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.Membre) for answer in answers) == 1


async def test_R16_a_deleted_person_does_not_come_back(
    membres: MembreServiceStub, people: UtilisateurServiceStub, viewer: pb.Membre
) -> None:
    """The membership of a deleted account stays ended: COMPTE_DESACTIVE."""
    await people.Delete(pb.DeleteUtilisateurRequest(id=viewer.utilisateur_id))
    refusal = await refused(in_state(membres, viewer, "actif"))
    assert refusal == (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")


@pytest.mark.parametrize("field", ["role", "etat"])
async def test_what_update_refuses(membres: MembreServiceStub, viewer: pb.Membre, field: str) -> None:
    """Empty and unknown values, an old version and an unknown id are refused."""
    for fields, answer in (
        ({field: ""}, (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")),
        ({field: "autre"}, (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")),
        ({"role": "MANAGER", "version": 9}, (StatusCode.ABORTED, "VERSION_PERIMEE")),
    ):
        assert await refused(change(membres, viewer, **fields)) == answer
    unknown = pb.Membre(id="x", organisation_id=viewer.organisation_id)
    assert await refused(change(membres, unknown, role="VIEWER")) == NOT_FOUND


async def test_C6_memberships_of_another_organisation_are_not_there(
    own: Own, viewer: pb.Membre, admin: pb.Membre, org: str
) -> None:
    """People change memberships of their organisation; those of another one are NOT_FOUND."""
    inside, outside = own(admin.utilisateur, org), own(admin.utilisateur, f"{org}-b")
    assert (await in_state(inside, viewer, "suspendu")).etat == "suspendu"
    retiring = pb.UpdateMembreRequest(id=viewer.id, etat="retire")
    assert await refused(outside.Update(retiring)) == NOT_FOUND


async def test_C6_who_belongs_nowhere_names_no_organisation(
    mesh: Mesh, own: Own, someone: Someone, org: str
) -> None:
    """Somebody without organisation is refused when he names one, and asked for one when he does not."""
    user = await someone()
    different = (StatusCode.PERMISSION_DENIED, "ORGANISATION_DIFFERENTE")
    joining = pb.AddMembreRequest(organisation_id=org, utilisateur_id=user.id)
    assert await refused(own(user).Add(joining)) == different
    invitations = mesh.stub(InvitationServiceStub, user=user.id, organisation="")
    inviting = pb.CreateInvitationRequest(organisation_id=org, email_invite=user.email)
    assert await refused(invitations.Create(inviting)) == different
    joining.organisation_id = ""
    assert (await refused(own(user).Add(joining)))[1] == "ORGANISATION_REQUISE"


async def test_members_are_listed_by_organisation(
    membres: MembreServiceStub, own: Own, viewer: pb.Membre, admin: pb.Membre, org: str
) -> None:
    """Members come the oldest first, page by page, by state if asked; services must name an organisation."""
    request = pb.ListMembresRequest(organisation_id=org, pagination=Pagination(page_size=1))
    found = [one.id async for answer in pages(membres.List, request) for one in answer.membres]
    assert found == [admin.id, viewer.id]
    listed = (await own(admin.utilisateur, org).List(pb.ListMembresRequest(etat="actif"))).membres
    assert [one.utilisateur.id for one in listed] == [admin.utilisateur_id, viewer.utilisateur_id]
    assert not (await membres.List(pb.ListMembresRequest(organisation_id=org, etat="retire"))).membres
    assert (await refused(membres.List(pb.ListMembresRequest())))[1] == "ORGANISATION_REQUISE"


async def test_memberships_are_listed_by_person(
    membres: MembreServiceStub, own: Own, someone: Someone, viewer: pb.Membre, org: str
) -> None:
    """People see all of their own, services all of anybody's, others those of the caller's organisation."""
    user, elsewhere = viewer.utilisateur, f"{org}-b"
    await membres.Add(pb.AddMembreRequest(organisation_id=elsewhere, utilisateur_id=user.id))
    request = pb.ListMembresRequest(utilisateur_id=user.id)

    async def listed(stub: MembreServiceStub) -> list[str]:
        return [one.organisation_id for one in (await stub.List(request)).membres]

    assert await listed(membres) == await listed(own(user)) == [org, elsewhere]
    assert await listed(own(await someone(organisation_id=org), org)) == [org]
    assert not (await membres.List(pb.ListMembresRequest(utilisateur_id="personne"))).membres


async def _member_in(membres: MembreServiceStub, someone: Someone, admin: pb.Membre, etat: str) -> pb.Membre:
    """Add a member to the organisation of *admin*, and bring him into *etat*."""
    user, begins = await someone(), "invite" if etat == "invite" else "actif"
    request = pb.AddMembreRequest(organisation_id=admin.organisation_id, utilisateur_id=user.id, etat=begins)
    return await in_state(membres, await membres.Add(request), etat)
