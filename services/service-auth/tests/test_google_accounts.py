"""Accounts that a sign-in at Google finds, takes over or makes, and its limits (R19, R21, R22)."""

import asyncio
from datetime import timedelta
from functools import partial

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub, TokenServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_auth.accounts import Arrivee
from service_auth.models import BienvenueAEnvoyer
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, eventually, refusal, refused
from service_testing.oidc import OidcProvider
from sqlalchemy import func, select
from tests.connexions import MakeSomeone, new_email, new_ip, read
from tests.membres import motif
from tests.popups import OpenPopup


async def test_R19_a_newcomer_gets_an_account(
    mesh: Mesh, auth: AuthServiceStub, people: UtilisateurServiceStub, popup: OpenPopup
) -> None:
    """A new account has the names, picture and identity of the token; the sign-in is announced."""
    email = new_email()
    picture = "https://images.exemple/google"
    opened = await popup(email.upper(), sub="google-sub-1", picture=picture)
    answer = await auth.HandleGoogleCallback(opened.callback())
    assert (answer.message, answer.nouvel_utilisateur) == ("Connexion réussie", True)
    assert answer.user == pb.UtilisateurConnecte(
        id=answer.user.id, email=email, nom="Martin", prenom="Jeanne", photo_url=picture
    )
    account = await people.GetByIdentity(
        users_pb2.GetUtilisateurByIdentityRequest(fournisseur="google", sujet="google-sub-1")
    )
    assert (account.id, account.email_verifie, account.source_creation, account.mot_de_passe_connu) == (
        answer.user.id,
        True,
        "google",
        False,
    )
    claims = read(answer.token)
    assert (claims["amr"], claims["organisation_id"]) == (["google"], "")
    await mesh.published(UserLoginEvent, 1, where=lambda event: event.user_id == answer.user.id)


async def test_R19_the_second_time_the_account_is_known(auth: AuthServiceStub, popup: OpenPopup) -> None:
    """A known subject finds its account, whatever email the token has by then."""
    first = await auth.HandleGoogleCallback((await popup(sub="google-sub-2")).callback())
    second = await auth.HandleGoogleCallback((await popup(sub="google-sub-2")).callback())
    assert (first.nouvel_utilisateur, second.nouvel_utilisateur) == (True, False)
    assert first.user.id == second.user.id


async def test_R19_an_account_of_that_address_proved_is_linked(
    app: App[AuthSettings],
    auth: AuthServiceStub,
    people: UtilisateurServiceStub,
    someone: MakeSomeone,
    popup: OpenPopup,
) -> None:
    """A proved account is linked: no newcomer, no welcome mail, and its password stays good."""
    jeanne = await someone(email_verifie=True)
    answer = await auth.HandleGoogleCallback((await popup(jeanne.email)).callback())
    assert (answer.user.id, answer.nouvel_utilisateur) == (jeanne.id, False)
    account = await people.Get(users_pb2.GetUtilisateurRequest(id=jeanne.id))
    assert "google" in {identite.fournisseur for identite in account.identites}
    assert await app.database.read().get(BienvenueAEnvoyer, jeanne.id) is None
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R19_an_account_that_was_made_beforehand_is_taken_over(
    app: App[AuthSettings],
    auth: AuthServiceStub,
    tokens: TokenServiceStub,
    someone: MakeSomeone,
    popup: OpenPopup,
) -> None:
    """A takeover ends the former tokens, not its own, and owes no welcome mail."""
    beforehand = await someone()
    former = (await auth.Login(beforehand.login())).token
    opened = await popup(beforehand.email)
    begun = clock.now()
    answer = await auth.HandleGoogleCallback(opened.callback())
    assert (answer.user.id, answer.nouvel_utilisateur) == (beforehand.id, False)
    assert read(answer.token)["iat"] > begun.timestamp()
    await eventually(partial(is_void, tokens, former))
    assert not await is_void(tokens, answer.token)
    assert await app.database.read().get(BienvenueAEnvoyer, beforehand.id) is None


async def is_void(tokens: TokenServiceStub, token: str) -> bool:
    """Tell whether *token* has been revoked."""
    return await motif(tokens, token) == "REVOQUE"


def test_R19_the_token_of_a_takeover_is_issued_with_it() -> None:
    """A token is issued at the takeover, if that came after the beginning of the sign-in."""
    begun = clock.now()
    taken_over = begun + timedelta(milliseconds=80)
    person = users_pb2.Utilisateur()
    instants = [None, taken_over, begun - timedelta(seconds=1)]
    issued = [Arrivee(person, reprise_le=one).not_before(begun) for one in instants]
    assert issued == [begun, taken_over, begun]


async def test_R19_another_google_account_does_not_take_the_place(
    auth: AuthServiceStub, someone: MakeSomeone, popup: OpenPopup
) -> None:
    """CONFLIT_IDENTITE is the answer to a second Google identity of one account."""
    jeanne = await someone(email_verifie=True)
    await auth.HandleGoogleCallback((await popup(jeanne.email, sub="google-sub-3")).callback())
    other = await popup(jeanne.email, sub="google-sub-4")
    assert await refused(auth.HandleGoogleCallback(other.callback())) == (
        StatusCode.UNAUTHENTICATED,
        "CONFLIT_IDENTITE",
    )


async def test_R19_two_first_callbacks_make_one_account(
    app: App[AuthSettings], auth: AuthServiceStub, popup: OpenPopup
) -> None:
    """Four parallel callbacks make one account and owe one mail; one answer tells of a new user."""
    email = new_email()
    popups = [await popup(email) for _ in range(4)]
    answers = await asyncio.gather(*(auth.HandleGoogleCallback(one.callback()) for one in popups))
    ids = {answer.user.id for answer in answers}
    owed = select(func.count()).where(BienvenueAEnvoyer.utilisateur_id == next(iter(ids)))
    assert (len(ids), await app.database.read().one(owed)) == (1, 1)
    assert [answer.nouvel_utilisateur for answer in answers].count(True) == 1


async def test_R21_a_closed_account_stays_closed(
    auth: AuthServiceStub, people: UtilisateurServiceStub, someone: MakeSomeone, popup: OpenPopup
) -> None:
    """A disabled or deleted account is refused as for a wrong password, linked before or not."""
    disabled, stranger, deleted = await someone(), await someone(), await someone()
    for number, one in enumerate((disabled, deleted)):
        await auth.HandleGoogleCallback((await popup(one.email, sub=f"closed-{number}")).callback())
    for one in (disabled, stranger):
        await people.Update(users_pb2.UpdateUtilisateurRequest(id=one.id, actif=False))
    await people.Delete(users_pb2.DeleteUtilisateurRequest(id=deleted.id))
    popups = [
        await popup(disabled.email, sub="closed-0"),
        await popup(deleted.email, sub="closed-1"),
        await popup(stranger.email),
    ]
    for opened in popups:
        told = await refusal(auth.HandleGoogleCallback(opened.callback()))
        assert (told.code, told.message) == (StatusCode.UNAUTHENTICATED, "Identifiants invalides")


async def test_R22_sign_ins_at_google_count_for_their_address(
    auth: AuthServiceStub, popup: OpenPopup, someone: MakeSomeone
) -> None:
    """Sign-ins at Google fill the limit of an IP address, and pass the lock of an email."""
    jeanne, ip = await someone(), new_ip()
    for _ in range(5):
        await refused(auth.Login(jeanne.login("faux")))
    assert (await auth.HandleGoogleCallback((await popup(jeanne.email)).callback())).user.id == jeanne.id
    now = clock.now()
    with clock.frozen_at(now):
        for _ in range(20):
            opened = await popup()
            await refused(auth.HandleGoogleCallback(opened.callback(ip=ip, liaison="wrong")))
        told = [
            await refused(auth.HandleGoogleCallback((await popup()).callback(ip=ip))),
            await refused(auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=ip))),
            await refused(auth.Login((await someone()).login(ip=ip))),
        ]
    assert set(told) == {(StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_REQUETES")}


async def test_R22_the_journal_tells_the_way(
    auth: AuthServiceStub, security: SecurityServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """Journal lines of Google tell success with the masked email, failure and refusal."""
    ip = new_ip()
    await auth.HandleGoogleCallback((await popup("jeanne.google@exemple.fr")).callback(ip=ip))
    opened = await popup()
    with provider.claiming(nonce="another"):
        await refused(auth.HandleGoogleCallback(opened.callback(ip=ip)))
    await refused(auth.HandleGoogleCallback(opened.callback(ip=ip)))
    listed = await security.ListLoginAttempts(pb.ListLoginAttemptsRequest(ip=ip))
    assert [(one.methode, one.resultat, one.email_masque) for one in listed.tentatives] == [
        ("google", "refus", ""),
        ("google", "echec", ""),
        ("google", "succes", "j***@exemple.fr"),
    ]


async def test_R7_users_away_is_unavailable(mesh: Mesh, auth: AuthServiceStub, popup: OpenPopup) -> None:
    """UTILISATEURS_INDISPONIBLES leaves the state consumed: the person begins again."""
    opened = await popup()
    async with mesh.without("users"):
        told = await refused(auth.HandleGoogleCallback(opened.callback()))
    assert told == (StatusCode.UNAVAILABLE, "UTILISATEURS_INDISPONIBLES")
    assert (await refused(auth.HandleGoogleCallback(opened.callback())))[1] == "ETAT_DEJA_UTILISE"
