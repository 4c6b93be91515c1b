"""Reprises: accounts made beforehand with somebody else's address go to its owner, bare (R30)."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, refused
from service_users.bootstrap import create_administrator
from service_users.models import Evenement, Invitation
from sqlalchemy import select
from tests.peer_doubles import PeerDoubles
from tests.personnes import PASSWORD, Seen, Someone, new_org, new_subject
from tests.sent_webhooks import Send, Told

TakeOver = Callable[..., Any]


@pytest.fixture
async def attacker(someone: Someone, email: str, sujet: str, org: str) -> pb.Utilisateur:
    """An account made beforehand with the address of the person of the test, without proving it."""
    return await someone(
        email=email,
        prenom="Pré",
        nom="Parée",
        telephone="0612345678",
        photo_url="https://exemple.fr/a.png",
        mot_de_passe=PASSWORD,
        fournisseur="google",
        sujet=f"{sujet}-attacker",
        email_verifie=False,
        organisation_id=org,
    )


@pytest.fixture
def take_over(people: UtilisateurServiceStub, email: str, sujet: str) -> TakeOver:
    """First sign-in at Google of the owner of the address; fields as in Create."""

    async def made(**fields: Any) -> pb.CreateUtilisateurResponse:
        told: dict[str, Any] = {
            "email": email,
            "fournisseur": "google",
            "sujet": sujet,
            "email_verifie": True,
        }
        return await people.Create(pb.CreateUtilisateurRequest(**(told | fields)))

    return made


async def test_R30_the_owner_of_an_unproved_address_claims_the_account(
    take_over: TakeOver, attacker: pb.Utilisateur, sujet: str
) -> None:
    """The account holds nothing but the owner's identity, of the same provider too, and the names told."""
    answer = await take_over(prenom="Anne", nom="Martin")
    user = answer.utilisateur
    assert (answer.cree, user.id) == (False, attacker.id)
    assert {(one.fournisseur, one.sujet) for one in user.identites} == {("local", user.id), ("google", sujet)}
    assert (user.prenom, user.nom, user.telephone, user.photo_url) == ("Anne", "Martin", "", "")
    assert (user.email_verifie, user.mot_de_passe_connu) == (True, False)
    assert abs(answer.reprise_le.ToSeconds() - clock.timestamp()) < 60


async def test_R30_whoever_was_in_it_before_is_out(
    mesh: Mesh,
    take_over: TakeOver,
    attacker: pb.Utilisateur,
    credentials: CredentialServiceStub,
    membres: MembreServiceStub,
    people: UtilisateurServiceStub,
    email: str,
    sujet: str,
) -> None:
    """Password, identity, memberships (a last administrator's too) and token of the attacker end."""
    token = mesh.secrets.token(user=attacker.id, organisation="", iat=int(clock.timestamp()) - 10)
    await take_over()
    password = pb.VerifyPasswordRequest(email=email, mot_de_passe=PASSWORD)
    assert (await refused(credentials.VerifyPassword(password)))[1] == "IDENTIFIANTS_INVALIDES"
    identity = pb.GetUtilisateurByIdentityRequest(fournisseur="google", sujet=f"{sujet}-attacker")
    assert await refused(people.GetByIdentity(identity)) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=attacker.id))).membres
    assert membre.etat == "retire"
    theirs = UtilisateurServiceStub(mesh.channel("users", token))
    rename = pb.UpdateUtilisateurRequest(id=attacker.id, nom="Encore")
    assert await refused(theirs.Update(rename)) == (StatusCode.UNAUTHENTICATED, "JETON_REVOQUE")


async def test_R30_the_fresh_token_of_the_owner_is_served(
    mesh: Mesh, take_over: TakeOver, attacker: pb.Utilisateur
) -> None:
    """A token made in the very second of the reprise is served."""
    await take_over()
    own = mesh.stub(UtilisateurServiceStub, user=attacker.id, organisation="")
    assert (await own.Update(pb.UpdateUtilisateurRequest(id=attacker.id, nom="Martin"))).nom == "Martin"


async def test_R30_everybody_is_told(
    mesh: Mesh, around: PeerDoubles, take_over: TakeOver, attacker: pb.Utilisateur, email: str
) -> None:
    """Auth ends the tokens, integrations disconnects the accounts; the owner and the journal are told."""
    around.heard.connected[attacker.id] = ["a", "gone", "b"]
    answer = await take_over(prenom="Anne")
    heard = await around.send()
    (revoked,), (mail,) = heard.revoked_of(attacker.id), heard.mails_of(attacker.id)
    assert (revoked.motif, revoked.organisation_id, revoked.avant) == ("reprise", "", answer.reprise_le)
    assert (mail.modele_code, mail.email, mail.prenom) == ("COMPTE_REPRIS", email, "Anne")
    gone = [one.account_id for one in heard.disconnected if one.user_id == attacker.id]
    assert gone == ["a", "b"]
    lines = select(Evenement.evenement).where(Evenement.utilisateur_id == UUID(attacker.id))
    assert "adresse_reprise" in await mesh.database("users").read().all(lines)


async def test_R30_an_invitation_to_the_address_keeps_its_membership(
    mesh: Mesh,
    take_over: TakeOver,
    attacker: pb.Utilisateur,
    membres: MembreServiceStub,
    someone: Someone,
    email: str,
) -> None:
    """An invitation keeps the membership if this very account accepted it, not if another one did."""
    other = await someone()
    directory = {new_org(): UUID(attacker.id), new_org(): UUID(other.id)}
    invitations = [
        Invitation(
            organisation_id=organisation,
            email_invite=email,
            role="VIEWER",
            jeton_hash=organisation.encode(),
            expire_le=clock.now(),
            etat="accepted",
            acceptee_par=account,
        )
        for organisation, account in directory.items()
    ]
    for organisation in directory:
        await membres.Add(pb.AddMembreRequest(organisation_id=organisation, utilisateur_id=attacker.id))
    async with mesh.database("users").transaction() as tx:
        for invitation in invitations:
            await tx.insert(invitation)
    await take_over()
    listed = (await membres.List(pb.ListMembresRequest(utilisateur_id=attacker.id))).membres
    assert [one.organisation_id for one in listed if one.etat == "actif"] == [next(iter(directory))]


async def test_R30_a_company_told_in_the_same_call_is_that_of_a_newcomer(
    sync: SyncServiceStub, seen: Seen, attacker: pb.Utilisateur, someone: Someone, org: str
) -> None:
    """The account that was taken over was the organisation's administrator; its owner becomes a VIEWER."""
    await someone(organisation_id=org)
    answer = await sync.SyncUser(seen(company_id=org, email_verifie=True, fournisseur="kinde"))
    assert (answer.utilisateur.id, answer.organisation_id, answer.role) == (attacker.id, org, "VIEWER")


async def test_R30_a_webhook_of_the_owner_claims_too(
    send: Send, told: Told, account: Any, attacker: pb.Utilisateur
) -> None:
    """A webhook takes the account over, which then has the names that it tells."""
    assert await send(told(first_name="Anne", last_name="Martin")) == "TRAITE"
    owned = await account()
    assert (owned.id, owned.prenom, owned.nom, owned.telephone) == (attacker.id, "Anne", "Martin", "")


async def test_R30_a_proved_address_is_attached_not_taken_over(
    people: UtilisateurServiceStub, take_over: TakeOver, someone: Someone, email: str
) -> None:
    """A proved account keeps everything; a second subject of one provider stays a conflict (R8)."""
    known = await someone(email=email, email_verifie=True, mot_de_passe=PASSWORD, prenom="Anne")
    answer = await take_over(prenom="Autre")
    assert (answer.utilisateur.id, answer.utilisateur.prenom) == (known.id, "Anne")
    assert (answer.HasField("reprise_le"), answer.utilisateur.mot_de_passe_connu) == (False, True)
    assert (await refused(take_over(sujet=new_subject())))[1] == "CONFLIT_IDENTITE"


async def test_R30_who_is_not_vouched_for_takes_nothing_over(
    take_over: TakeOver, attacker: pb.Utilisateur
) -> None:
    """A Google sign-in with an unverified address is CONFLIT_IDENTITE, never a takeover."""
    refusal = await refused(take_over(email_verifie=False))
    assert refusal == (StatusCode.ALREADY_EXISTS, "CONFLIT_IDENTITE")


async def test_R30_an_account_that_we_closed_is_not_opened_by_a_reprise(
    sync: SyncServiceStub, seen: Seen, people: UtilisateurServiceStub, attacker: pb.Utilisateur
) -> None:
    """A closed account is COMPTE_DESACTIVE (R15), and nothing of it is changed."""
    await people.Update(pb.UpdateUtilisateurRequest(id=attacker.id, actif=False))
    refusal = await refused(sync.SyncUser(seen(fournisseur="google", email_verifie=True)))
    assert refusal == (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")
    assert (await people.Get(pb.GetUtilisateurRequest(id=attacker.id))).mot_de_passe_connu


async def test_R30_ten_first_sign_ins_at_once_take_over_once(
    around: PeerDoubles, take_over: TakeOver, attacker: pb.Utilisateur
) -> None:
    """One of ten simultaneous sign-ins takes the account over; the others find the attached identity."""
    answers = await asyncio.gather(*(take_over() for _ in range(10)))
    assert {one.utilisateur.id for one in answers} == {attacker.id}
    assert sum(one.HasField("reprise_le") for one in answers) == 1
    assert len((await around.send()).revoked_of(attacker.id)) == 1


async def test_R29_who_asks_for_an_address_does_not_get_its_owner(
    take_over: TakeOver, someone: Someone, as_user: Any, email: str
) -> None:
    """The owner's sign-in makes an account of its own, though another account asked for the address."""
    thief = await someone(email_verifie=True)
    await as_user(thief).Update(pb.UpdateUtilisateurRequest(id=thief.id, email=email))
    answer = await take_over()
    assert (answer.cree, answer.utilisateur.id != thief.id) == (True, True)


async def test_R26_the_first_administrator_inherits_nothing(
    mesh: Mesh, attacker: pb.Utilisateur, credentials: CredentialServiceStub, email: str, org: str
) -> None:
    """The command takes an unproved account over: its former password is gone."""
    app: Any = mesh["users"].app
    await create_administrator(email, org, "une phrase de l'opérateur", app)
    former = pb.VerifyPasswordRequest(email=email, mot_de_passe=PASSWORD)
    assert (await refused(credentials.VerifyPassword(former)))[1] == "IDENTIFIANTS_INVALIDES"
    given = pb.VerifyPasswordRequest(email=email, mot_de_passe="une phrase de l'opérateur")
    user = await credentials.VerifyPassword(given)
    assert (user.id, [one.fournisseur for one in user.identites]) == (attacker.id, ["local"])


async def test_R3_mails_do_not_greet_by_the_placeholder(
    around: PeerDoubles, take_over: TakeOver, attacker: pb.Utilisateur
) -> None:
    """An account called User for want of a name is written to without a name."""
    answer = await take_over()
    (mail,) = (await around.send()).mails_of(attacker.id)
    assert (answer.utilisateur.prenom, mail.prenom, mail.nom) == ("User", "", "")
