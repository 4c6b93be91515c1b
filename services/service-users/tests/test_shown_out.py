"""The table of every RPC against everybody who was shown out (R27, R28)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CompteServiceStub,
    CredentialServiceStub,
    InvitationServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from db_utils import clock
from grpc_utils import reason_of
from service_testing import Mesh
from service_users.models import Utilisateur
from tests.personnes import PASSWORD, Someone, change, new_email, new_org, new_subject

OTHER_PASSWORD = "une autre phrase de passe"
OK, NOTHING, NOT_FOUND = "OK", "success=false", "NOT_FOUND INTROUVABLE"
NOT_ACTIVE = "PERMISSION_DENIED MEMBRE_INACTIF"
CLOSED = "UNAUTHENTICATED COMPTE_DESACTIVE"
REVOKED = "UNAUTHENTICATED JETON_REVOQUE"
INTERNAL = "PERMISSION_DENIED APPEL_INTERNE_SEULEMENT"


@dataclass(frozen=True)
class Caller:
    """A caller with a token of *organisation*, his *membre* there, and the membership of a *colleague*."""

    mesh: Mesh
    organisation: str
    user: pb.Utilisateur
    membre: pb.Membre
    colleague: pb.Membre
    token: str

    def stub(self, kind: Callable[..., Any]) -> Any:
        """Return a stub that is called with the token."""
        return kind(self.mesh.channel("users", self.token))


Call = Callable[[Caller], Awaitable[Any]]


async def _accept(caller: Caller) -> Any:
    """Accept an invitation that somebody else has made for the caller's address."""
    invitations = caller.mesh.service_stub(InvitationServiceStub, caller="organisations")
    wish = pb.CreateInvitationRequest(organisation_id=new_org(), email_invite=caller.user.email)
    request = pb.AcceptInvitationRequest(jeton=(await invitations.Create(wish)).jeton)
    return await caller.stub(InvitationServiceStub).Accept(request)


# The order counts: calls that make the caller a member again, or close his account, come last.
CALLS: Mapping[str, Call] = {
    "Membre.List": lambda c: c.stub(MembreServiceStub).List(pb.ListMembresRequest()),
    "Membre.Add": lambda c: c.stub(MembreServiceStub).Add(
        pb.AddMembreRequest(organisation_id=c.organisation, utilisateur_id=c.user.id, role="ADMIN")
    ),
    "Membre.Update own": lambda c: c.stub(MembreServiceStub).Update(
        pb.UpdateMembreRequest(id=c.membre.id, etat="actif", role="ADMIN")
    ),
    "Membre.Update another's": lambda c: c.stub(MembreServiceStub).Update(
        pb.UpdateMembreRequest(id=c.colleague.id, etat="retire")
    ),
    "Membre.Choisir": lambda c: c.stub(MembreServiceStub).Choisir(
        pb.ChoisirMembreRequest(utilisateur_id=c.user.id, organisation=c.organisation)
    ),
    "Invitation.Create": lambda c: c.stub(InvitationServiceStub).Create(
        pb.CreateInvitationRequest(organisation_id=c.organisation, email_invite=c.user.email)
    ),
    "Invitation.List": lambda c: c.stub(InvitationServiceStub).List(pb.ListInvitationsRequest()),
    "Utilisateur.Create": lambda c: c.stub(UtilisateurServiceStub).Create(
        pb.CreateUtilisateurRequest(email=new_email())
    ),
    "Utilisateur.Update": lambda c: c.stub(UtilisateurServiceStub).Update(
        pb.UpdateUtilisateurRequest(id=c.user.id, email=new_email())
    ),
    "Utilisateur.Update another's": lambda c: c.stub(UtilisateurServiceStub).Update(
        pb.UpdateUtilisateurRequest(id=c.colleague.utilisateur_id, email=new_email())
    ),
    "Utilisateur.ConfirmEmail": lambda c: c.stub(UtilisateurServiceStub).ConfirmEmail(
        pb.ConfirmEmailRequest(jeton="of nobody")
    ),
    "Credential.VerifyPassword": lambda c: c.stub(CredentialServiceStub).VerifyPassword(
        pb.VerifyPasswordRequest(email=c.user.email, mot_de_passe=PASSWORD)
    ),
    "Credential.SetPassword": lambda c: c.stub(CredentialServiceStub).SetPassword(
        pb.SetPasswordRequest(utilisateur_id=c.user.id, ancien=PASSWORD, nouveau=OTHER_PASSWORD)
    ),
    "Sync.SyncUser": lambda c: c.stub(SyncServiceStub).SyncUser(
        pb.SyncUserRequest(auth0_id=new_subject(), email=new_email(), service_name="x")
    ),
    "Sync.RecordLogin": lambda c: c.stub(SyncServiceStub).RecordLogin(
        pb.RecordLoginRequest(utilisateur_id=c.user.id, source="x")
    ),
    "Sync.HandleProviderWebhook": lambda c: c.stub(SyncServiceStub).HandleProviderWebhook(
        pb.HandleProviderWebhookRequest(fournisseur="kinde")
    ),
    "Sync.SyncProfile": lambda c: c.stub(SyncServiceStub).SyncProfile(pb.SyncProfileRequest()),
    "Compte.CreateWithOwner": lambda c: c.stub(CompteServiceStub).CreateWithOwner(
        pb.CreateWithOwnerRequest(nom=new_org())
    ),
    "Invitation.Accept": _accept,
    "Utilisateur.Delete": lambda c: c.stub(UtilisateurServiceStub).Delete(
        pb.DeleteUtilisateurRequest(id=c.user.id)
    ),
}
ACTING = ("Membre.List", "Membre.Add", "Membre.Update own", "Membre.Update another's")
INVITING = ("Invitation.Create", "Invitation.List")
OF_SERVICES = (
    "Membre.Choisir",
    "Utilisateur.Create",
    "Credential.VerifyPassword",
    "Sync.SyncUser",
    "Sync.RecordLogin",
    "Sync.HandleProviderWebhook",
)
ALWAYS = {
    **dict.fromkeys((*ACTING, *INVITING), NOT_ACTIVE),
    **dict.fromkeys(OF_SERVICES, INTERNAL),
    "Utilisateur.Update another's": "PERMISSION_DENIED AUTRE_UTILISATEUR",
}
# Who is no member any more keeps his account, and may accept a new invitation.
STRANGER = {
    **ALWAYS,
    "Utilisateur.Update": OK,
    "Utilisateur.ConfirmEmail": NOT_FOUND,  # the token is unknown, the caller is not refused
    "Credential.SetPassword": OK,
    "Sync.SyncProfile": OK,
    "Compte.CreateWithOwner": OK,
    "Invitation.Accept": OK,
    "Utilisateur.Delete": OK,
}
OWN_ACCOUNT = tuple(name for name in STRANGER if name not in ALWAYS)
TABLE = {
    "removed": STRANGER,
    "suspended": STRANGER,
    "moved": STRANGER,
    "closed": {**ALWAYS, **dict.fromkeys(OWN_ACCOUNT, CLOSED)},
    "deleted": {
        **ALWAYS,
        "Utilisateur.Update": NOT_FOUND,
        "Utilisateur.ConfirmEmail": NOT_FOUND,
        "Credential.SetPassword": NOT_FOUND,
        "Sync.SyncProfile": CLOSED,
        "Compte.CreateWithOwner": CLOSED,
        "Invitation.Accept": CLOSED,
        "Utilisateur.Delete": NOTHING,
    },
    "taken over": {**ALWAYS, **dict.fromkeys(OWN_ACCOUNT, REVOKED)},
}


@pytest.fixture
async def caller(
    mesh: Mesh, someone: Someone, people: UtilisateurServiceStub, membres: MembreServiceStub, org: str
) -> Caller:
    """An active ADMIN with a colleague; his token was made ten seconds ago."""
    user = await someone(organisation_id=org, mot_de_passe=PASSWORD, email_verifie=True)
    other = await someone(organisation_id=org)
    listed = (await membres.List(pb.ListMembresRequest(organisation_id=org))).membres
    own, colleague = (next(one for one in listed if one.utilisateur_id == it.id) for it in (user, other))
    await change(membres, colleague, role="ADMIN")
    token = mesh.secrets.token(user=user.id, organisation=org, iat=int(clock.timestamp()) - 10)
    return Caller(mesh, org, user, own, colleague, token)


async def show_out(
    caller: Caller, how: str, people: UtilisateurServiceStub, membres: MembreServiceStub
) -> Caller:
    """Do to *caller* what the table calls *how*."""
    user = caller.user
    if how in ("removed", "moved", "suspended"):
        etat = "suspendu" if how == "suspended" else "retire"
        await change(membres, caller.membre, etat=etat)
    if how == "moved":
        await membres.Add(pb.AddMembreRequest(organisation_id=new_org(), utilisateur_id=user.id))
    if how == "closed":
        await people.Update(pb.UpdateUtilisateurRequest(id=user.id, actif=False))
    if how == "deleted":
        await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    if how == "taken over":
        await unprove(caller)
        owner = pb.CreateUtilisateurRequest(email=user.email, fournisseur="google", sujet=new_subject())
        assert (await people.Create(owner)).HasField("reprise_le")
    return caller


async def unprove(caller: Caller) -> None:
    """Make the address of the account unproved, as an older version left it."""
    async with caller.mesh.database("users").transaction() as tx:
        row = await tx.get(Utilisateur, caller.user.id)
        assert row is not None
        await tx.update(row, email_verifie=False)


async def outcome(call: Awaitable[Any]) -> str:
    """Return OK, nothing to delete, or code and reason of *call*."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name} {reason_of(error)}"
    return NOTHING if getattr(answer, "success", True) is False else OK


@pytest.mark.parametrize("how", TABLE)
async def test_R27_who_was_shown_out_lets_nobody_in(
    caller: Caller, people: UtilisateurServiceStub, membres: MembreServiceStub, how: str
) -> None:
    """Every RPC answers as the table says, with code and reason."""
    shown_out = await show_out(caller, how, people, membres)
    outcomes = {name: await outcome(call(shown_out)) for name, call in CALLS.items()}
    assert outcomes == TABLE[how]


async def test_R27_an_active_member_lets_people_in(caller: Caller) -> None:
    """Before he is shown out, the same calls of the same person are served."""
    acting = [await outcome(CALLS[name](caller)) for name in ("Membre.List", *INVITING)]
    assert (acting, await outcome(CALLS["Membre.Update another's"](caller))) == ([OK, OK, OK], OK)


def test_R27_the_table_is_complete() -> None:
    """The table holds every RPC of the contract that changes something."""
    reading = {"Get", "GetByEmail", "GetByIdentity", "List"}
    changing = {
        f"{service.name.removesuffix('Service')}.{method.name}"
        for service in pb.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in reading
    }
    assert changing <= {name.partition(" ")[0] for name in CALLS}
    assert all(set(row) == set(CALLS) for row in TABLE.values())
