"""New addresses, which wait until their link comes back (R29)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from crm.email.email_pb2 import SendAccountMailRequest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceStub, SyncServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_kit.outgoing import CommandeSortante
from service_testing import Mesh, refusal, refused
from service_users.models import ConfirmationEmail
from sqlalchemy import select
from tests.peer_doubles import PeerDoubles
from tests.personnes import Seen, Someone, new_email

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOT_FOUND = (StatusCode.NOT_FOUND, "INTROUVABLE")
As = Callable[..., UtilisateurServiceStub]


@pytest.fixture
async def me(someone: Someone) -> pb.Utilisateur:
    """Somebody with a proved address and a name."""
    return await someone(prenom="Anne", nom="Martin", email_verifie=True)


def ask(user: pb.Utilisateur, email: str) -> pb.UpdateUtilisateurRequest:
    """Build the wish of *user* for another address."""
    return pb.UpdateUtilisateurRequest(id=user.id, email=email)


def confirm(mail: SendAccountMailRequest) -> pb.ConfirmEmailRequest:
    """Build the request that the link of *mail* leads to."""
    return pb.ConfirmEmailRequest(jeton=mail.jeton)


async def links(around: PeerDoubles, user: pb.Utilisateur) -> list[SendAccountMailRequest]:
    """Return the mails with a link that *user* caused, in order."""
    mails = (await around.send()).mails_of(user.id)
    return [one for one in mails if one.modele_code == "CONFIRMATION_ADRESSE"]


async def test_R29_a_new_address_waits_for_its_link(
    around: PeerDoubles, as_user: As, me: pb.Utilisateur, email: str
) -> None:
    """An asked-for address changes nothing yet; it gets the link, and the present address gets a notice."""
    changed = await as_user(me).Update(ask(me, email.upper()))
    assert (changed.email, changed.email_verifie, changed.email_en_attente) == (me.email, True, email)
    mails = {one.modele_code: one for one in (await around.send()).mails_of(me.id)}
    link, notice = mails.pop("CONFIRMATION_ADRESSE"), mails.pop("CHANGEMENT_ADRESSE")
    assert mails == {}
    assert (link.email, link.prenom, link.nom, notice.email) == (email, "Anne", "Martin", me.email)
    assert (notice.nouvelle_adresse, notice.jeton) == (email, "")
    assert [one.cle_idempotence.partition(":")[0] for one in (link, notice)] == [
        "CONFIRMATION_ADRESSE",
        "CHANGEMENT_ADRESSE",
    ]


async def test_R29_the_link_proves_the_address(
    around: PeerDoubles, as_user: As, me: pb.Utilisateur, email: str
) -> None:
    """A link proves its address once; used again it is unknown."""
    await as_user(me).Update(ask(me, email))
    (link,) = await links(around, me)
    proved = await as_user(me).ConfirmEmail(confirm(link))
    assert (proved.email, proved.email_verifie, proved.email_en_attente) == (email, True, "")
    assert await refused(as_user(me).ConfirmEmail(confirm(link))) == NOT_FOUND


async def test_R29_only_the_account_itself_confirms(
    around: PeerDoubles, as_user: As, people: UtilisateurServiceStub, someone: Someone, me: pb.Utilisateur
) -> None:
    """Another account's or a service's token confirms nothing: the owner cannot be made to confirm it."""
    await as_user(me).Update(ask(me, new_email()))
    (link,) = await links(around, me)
    assert await refused(as_user(await someone()).ConfirmEmail(confirm(link))) == NOT_FOUND
    assert (await refused(people.ConfirmEmail(confirm(link))))[1] == "UTILISATEUR_REQUIS"
    assert (await refused(as_user(me).ConfirmEmail(pb.ConfirmEmailRequest())))[1] == "CHAMP_REQUIS"


async def test_R29_a_link_is_good_for_a_day(around: PeerDoubles, as_user: As, me: pb.Utilisateur) -> None:
    """A link is LIEN_EXPIRE one second after 24 hours."""
    with clock.frozen_at(NOON):
        await as_user(me).Update(ask(me, new_email()))
    (link,) = await links(around, me)
    assert link.expire_le == timestamp(NOON + timedelta(days=1))
    with clock.frozen_at(NOON + timedelta(days=1, seconds=1)):
        expired = await refused(as_user(me).ConfirmEmail(confirm(link)))
    assert expired == (StatusCode.FAILED_PRECONDITION, "LIEN_EXPIRE")


async def test_R29_a_second_wish_replaces_the_first(
    around: PeerDoubles, as_user: As, me: pb.Utilisateur, email: str
) -> None:
    """A second wish makes the first link void; asking for the present address cancels, without a mail."""
    for wanted in (new_email(), email, me.email):
        changed = await as_user(me).Update(ask(me, wanted))
    first, second = await links(around, me)
    assert changed.email_en_attente == ""
    for link in (first, second):
        assert await refused(as_user(me).ConfirmEmail(confirm(link))) == NOT_FOUND
    await as_user(me).Update(ask(me, email))
    assert await refused(as_user(me).ConfirmEmail(confirm(first))) == NOT_FOUND


async def test_R29_an_unproved_address_is_proved_by_asking_for_it(
    around: PeerDoubles, as_user: As, someone: Someone
) -> None:
    """Asking for one's own unproved address sends it a link, which does not greet by a placeholder (R3)."""
    user = await someone()
    same = await as_user(user).Update(ask(user, user.email))
    (link,) = (await around.send()).mails_of(user.id)
    assert (same.email_en_attente, same.version) == ("", 1)
    assert (link.email, link.prenom, link.nom) == (user.email, "", "")
    assert (await as_user(user).ConfirmEmail(confirm(link))).email_verifie


async def test_R29_an_address_of_somebody_else(
    around: PeerDoubles, as_user: As, someone: Someone, me: pb.Utilisateur, email: str
) -> None:
    """Another account's address is ALREADY_EXISTS, asked for or taken before the link came back."""
    other = await someone()
    assert (await refused(as_user(me).Update(ask(me, other.email))))[0] == StatusCode.ALREADY_EXISTS
    await as_user(me).Update(ask(me, email))
    (link,) = await links(around, me)
    await someone(email=email)
    taken = await refused(as_user(me).ConfirmEmail(confirm(link)))
    after = await as_user(me).Get(pb.GetUtilisateurRequest(id=me.id))
    assert taken == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert (after.email, after.email_en_attente) == (me.email, "")
    assert await refused(as_user(me).ConfirmEmail(confirm(link))) == NOT_FOUND


async def test_R29_twenty_confirmations_at_once(around: PeerDoubles, as_user: As, me: pb.Utilisateur) -> None:
    """One of twenty simultaneous ConfirmEmail takes effect."""
    stub = as_user(me)
    await stub.Update(ask(me, new_email()))
    (link,) = await links(around, me)
    answers = await asyncio.gather(
        *(stub.ConfirmEmail(confirm(link)) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(answer, pb.Utilisateur) for answer in answers) == 1


async def test_R29_five_links_a_day(as_user: As, me: pb.Utilisateur) -> None:
    """A sixth link within a day is TROP_DE_REQUETES, tells how long to wait, and changes nothing."""
    with clock.frozen_at(NOON):
        for _ in range(5):
            last = await as_user(me).Update(ask(me, new_email()))
    with clock.frozen_at(NOON + timedelta(hours=1)):
        sixth = await refusal(as_user(me).Update(ask(me, new_email())))
    assert (sixth.code, sixth.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_REQUETES")
    assert sixth.metadata["retry_after_s"] == str(23 * 3600)
    with clock.frozen_at(NOON + timedelta(days=1, seconds=1)):
        after = await as_user(me).Update(ask(me, last.email_en_attente))
    assert after.email_en_attente == last.email_en_attente


async def test_R29_what_waits_is_shown_to_the_person_and_to_services(
    people: UtilisateurServiceStub, as_user: As, someone: Someone, org: str, email: str
) -> None:
    """Colleagues do not see an address that waits; the person and services do."""
    ana, bob = [await someone(organisation_id=org) for _ in range(2)]
    await as_user(ana).Update(ask(ana, email))
    question = pb.GetUtilisateurRequest(id=ana.id)
    shown = [await stub.Get(question) for stub in (as_user(ana, org), people, as_user(bob, org))]
    listed = await as_user(bob, org).List(pb.ListUtilisateursRequest())
    assert [one.email_en_attente for one in shown] == [email, email, ""]
    assert {one.email_en_attente for one in listed.utilisateurs} == {""}


async def test_R29_an_address_that_nobody_vouches_for_waits_too(
    around: PeerDoubles, sync: SyncServiceStub, seen: Seen, email: str
) -> None:
    """An address told without vouching waits, with one mail however often it is told."""
    user = (await sync.SyncUser(seen())).utilisateur
    other = new_email()
    for _ in range(3):
        again = (await sync.SyncUser(seen(email=other, email_verifie=False))).utilisateur
    assert (again.email, again.email_en_attente) == (email, other)
    assert [one.email for one in await links(around, user)] == [other]
    vouched = (await sync.SyncUser(seen(email=other, email_verifie=True))).utilisateur
    assert (vouched.email, vouched.email_verifie, vouched.email_en_attente) == (other, True, "")


async def test_R29_an_unvouched_address_of_somebody_else_is_a_conflict(
    sync: SyncServiceStub, seen: Seen, someone: Someone, email: str
) -> None:
    """Another account's address told without vouching is a conflict (R10), and nothing waits."""
    await sync.SyncUser(seen())
    other = await someone()
    after = (await sync.SyncUser(seen(email=other.email, email_verifie=False))).utilisateur
    assert (after.email, after.email_en_attente) == (email, "")


async def test_R29_too_many_told_addresses_keep_nobody_out(sync: SyncServiceStub, seen: Seen) -> None:
    """Sign-ins go on beyond the limit of links; the sixth address just does not wait."""
    await sync.SyncUser(seen())
    for _ in range(6):
        last = await sync.SyncUser(seen(email=(told := new_email()), email_verifie=False))
    assert last.utilisateur.email_en_attente not in ("", told)


async def test_R29_the_link_is_nowhere_in_the_clear(
    mesh: Mesh, around: PeerDoubles, as_user: As, me: pb.Utilisateur
) -> None:
    """The account keeps the token's hash, the queued mail an envelope (C15) that delivery erases."""
    await as_user(me).Update(ask(me, new_email()))
    reader = mesh.database("users").read()
    of_mine = select(CommandeSortante).where(
        CommandeSortante.type == "mail", CommandeSortante.etat == "EN_ATTENTE"
    )
    waiting = [one.charge for one in await reader.all(of_mine) if one.charge["utilisateur_id"] == me.id]
    (sealed,) = [one["jeton"] for one in waiting if "jeton" in one]
    (link,) = await links(around, me)
    kept = await reader.get(ConfirmationEmail, UUID(me.id))
    assert sealed.startswith("v1.")
    assert kept is not None
    assert link.jeton.encode() not in bytes(kept.jeton_hash)
    assert not [one for one in await reader.all(of_mine) if one.charge.get("utilisateur_id") == me.id]


async def test_R5_with_an_account_goes_what_waits(
    mesh: Mesh, as_user: As, people: UtilisateurServiceStub, me: pb.Utilisateur
) -> None:
    """Deleting an account removes its link."""
    await as_user(me).Update(ask(me, new_email()))
    await people.Delete(pb.DeleteUtilisateurRequest(id=me.id))
    assert await mesh.database("users").read().get(ConfirmationEmail, UUID(me.id)) is None


async def test_R19_a_changed_address_accepts_no_invitation_until_it_is_proved(
    mesh: Mesh, as_user: As, me: pb.Utilisateur, org: str, email: str
) -> None:
    """Asking for an invited person's address does not let one accept the invitation."""
    invitations: Any = mesh.service_stub(InvitationServiceStub, caller="organisations")
    invitation = await invitations.Create(pb.CreateInvitationRequest(organisation_id=org, email_invite=email))
    await as_user(me).Update(ask(me, email))
    mine = mesh.stub(InvitationServiceStub, user=me.id, organisation="")
    refusal = await refused(mine.Accept(pb.AcceptInvitationRequest(jeton=invitation.jeton)))
    assert refusal == (StatusCode.FAILED_PRECONDITION, "EMAIL_DIFFERENT")
