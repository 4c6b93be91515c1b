"""Sign-in at Google, against a provider that really is one but for its name (R14–R22)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, SecurityServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_auth.id_tokens import hashed
from service_auth.models import BienvenueAEnvoyer, DemandeOauth
from service_auth.settings import AuthSettings
from service_kit import App
from service_kit.testing import Mesh, code_of, refusal, refused
from service_kit.testing.oidc import CLIENT_ID, CLIENT_SECRET, KEYS, TOKEN, OidcProvider, browse, person
from sqlalchemy import func, select
from tests.connexions import CALLBACK, OTHER_CALLBACK, MakeSomeone, new_email, new_ip

INVALID = (StatusCode.UNAUTHENTICATED, "ID_TOKEN_INVALIDE")
UNAVAILABLE = (StatusCode.UNAVAILABLE, "GOOGLE_INDISPONIBLE")


@dataclass(frozen=True, slots=True)
class Popup:
    """A pop-up window that has been at Google and back, with what its browser keeps."""

    begun: pb.GetGoogleAuthUrlResponse
    back: dict[str, str]
    ip: str

    @property
    def query(self) -> dict[str, str]:
        """What Google was asked."""
        return query_of(self.begun)

    def callback(self, **changes: str) -> pb.HandleGoogleCallbackRequest:
        """What the gateway passes on."""
        told = {"liaison": self.begun.liaison, "ip": self.ip, "user_agent": "Firefox"}
        return pb.HandleGoogleCallbackRequest(**(told | self.back | changes))


def query_of(begun: pb.GetGoogleAuthUrlResponse) -> dict[str, str]:
    """The parameters of the address at Google."""
    return dict(parse_qsl(urlsplit(begun.auth_url).query))


OpenPopup = Callable[..., Awaitable[Popup]]


@pytest.fixture
def popup(auth: AuthServiceStub, provider: OidcProvider) -> OpenPopup:
    """Sends a new browser to Google, where somebody signs in."""

    async def opened(email: str = "", **claims: object) -> Popup:
        provider.person = person(email or new_email(), **claims)
        ip = new_ip()
        begun = await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=ip))
        return Popup(begun, await browse(begun.auth_url), ip)

    return opened


async def test_R14_the_address_at_google_has_everything(
    auth: AuthServiceStub, provider: OidcProvider
) -> None:
    """As RFC 6749, RFC 7636 and OpenID Connect ask for."""
    begun = await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
    query = query_of(begun)
    secrets = {query.pop(name) for name in ("state", "nonce", "code_challenge")}
    assert begun.auth_url.startswith(f"{provider.issuer}/authorize?")
    assert query == {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
        "prompt": "select_account",
        "access_type": "online",
    }
    assert {len(secret) for secret in secrets} == {43}  # 32 bytes each


async def test_R14_discovery_is_read_once_an_hour(
    mesh: Mesh, auth: AuthServiceStub, provider: OidcProvider
) -> None:
    """And its keys too."""
    now = clock.now() + timedelta(days=10)
    read = []
    for minutes in (0, 30, 59, 61):
        with clock.frozen_at(now + timedelta(minutes=minutes)):
            await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
        read.append(len(provider.asked("/.well-known/openid-configuration")))
    assert [count - read[0] for count in read] == [0, 0, 0, 1]


async def test_R15_no_two_sign_ins_share_a_secret(auth: AuthServiceStub) -> None:
    """Neither state nor nonce, nor verifier, nor what binds the browser."""
    begun = [await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip())) for _ in range(2)]
    queries = [query_of(one) for one in begun]
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]
    assert begun[0].liaison != begun[1].liaison


async def test_R15_the_table_holds_no_secret(app: App[AuthSettings], popup: OpenPopup) -> None:
    """Hashes and a sealed verifier, for ten minutes."""
    opened = await popup()
    statement = select(DemandeOauth).where(DemandeOauth.state_hash == hashed(opened.query["state"]))
    row = await app.database.read().one(statement)
    assert row is not None
    assert row.code_verifier.startswith("v1.k1.")
    assert (row.nonce_hash, row.liaison_hash) == (hashed(opened.query["nonce"]), hashed(opened.begun.liaison))
    assert row.expire_le - row.created_at == timedelta(minutes=10)
    assert opened.begun.expire_le.ToDatetime(tzinfo=row.expire_le.tzinfo) == row.expire_le


@pytest.mark.parametrize("uri", [f"{CALLBACK}/", "https://evil.exemple", CALLBACK.upper()])
async def test_R15_only_known_callbacks_are_taken(auth: AuthServiceStub, uri: str) -> None:
    """To the letter."""
    told = await refusal(auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(redirect_uri=uri, ip=new_ip())))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "REDIRECTION_INVALIDE")


async def test_R15_the_second_callback_may_be_chosen(auth: AuthServiceStub, provider: OidcProvider) -> None:
    """And is the one that the exchange names."""
    provider.person = person(new_email())
    request = pb.GetGoogleAuthUrlRequest(redirect_uri=OTHER_CALLBACK, ip=new_ip())
    begun = await auth.GetGoogleAuthUrl(request)
    opened = Popup(begun, await browse(begun.auth_url), new_ip())
    assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur
    assert provider.asked(TOKEN)[-1].parameters["redirect_uri"] == OTHER_CALLBACK


async def test_R19_a_newcomer_gets_an_account(
    mesh: Mesh, auth: AuthServiceStub, people: UtilisateurServiceStub, popup: OpenPopup
) -> None:
    """With the names, the picture and the identity that Google tells; the sign-in is announced."""
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
    claims = jwt.decode(answer.token, options={"verify_signature": False})
    assert (claims["amr"], claims["organisation_id"]) == (["google"], "")
    await mesh.published(UserLoginEvent, 1, where=lambda event: event.user_id == answer.user.id)


async def test_R19_the_second_time_the_account_is_known(auth: AuthServiceStub, popup: OpenPopup) -> None:
    """By the subject, whatever the address is by then."""
    first = await auth.HandleGoogleCallback((await popup(sub="google-sub-2")).callback())
    second = await auth.HandleGoogleCallback((await popup(sub="google-sub-2")).callback())
    assert (first.nouvel_utilisateur, second.nouvel_utilisateur) == (True, False)
    assert first.user.id == second.user.id


async def test_R19_an_account_of_that_address_is_linked(
    app: App[AuthSettings],
    auth: AuthServiceStub,
    people: UtilisateurServiceStub,
    someone: MakeSomeone,
    popup: OpenPopup,
) -> None:
    """It is no newcomer and gets no welcome mail; its password stays good."""
    jeanne = await someone()
    answer = await auth.HandleGoogleCallback((await popup(jeanne.email)).callback())
    assert (answer.user.id, answer.nouvel_utilisateur) == (jeanne.id, False)
    account = await people.Get(users_pb2.GetUtilisateurRequest(id=jeanne.id))
    assert "google" in {identite.fournisseur for identite in account.identites}
    owed = select(BienvenueAEnvoyer).where(BienvenueAEnvoyer.utilisateur_id == jeanne.id)
    assert await app.database.read().all(owed) == []
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R19_another_google_account_does_not_take_the_place(
    auth: AuthServiceStub, someone: MakeSomeone, popup: OpenPopup
) -> None:
    """An account has one Google identity: CONFLIT_IDENTITE."""
    jeanne = await someone()
    await auth.HandleGoogleCallback((await popup(jeanne.email, sub="google-sub-3")).callback())
    other = await popup(jeanne.email, sub="google-sub-4")
    assert await refused(auth.HandleGoogleCallback(other.callback())) == (
        StatusCode.UNAUTHENTICATED,
        "CONFLIT_IDENTITE",
    )


async def test_R19_two_first_callbacks_make_one_account(
    app: App[AuthSettings], auth: AuthServiceStub, popup: OpenPopup
) -> None:
    """And one welcome mail, of which one callback knows."""
    email = new_email()
    popups = [await popup(email) for _ in range(4)]
    answers = await asyncio.gather(*(auth.HandleGoogleCallback(one.callback()) for one in popups))
    ids = {answer.user.id for answer in answers}
    owed = select(func.count()).where(BienvenueAEnvoyer.utilisateur_id == next(iter(ids)))
    assert (len(ids), await app.database.read().one(owed)) == (1, 1)
    assert [answer.nouvel_utilisateur for answer in answers].count(True) == 1


async def test_R16_a_state_serves_once(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The second callback never reaches Google."""
    opened = await popup()
    await auth.HandleGoogleCallback(opened.callback())
    asked = len(provider.requests)
    assert await refused(auth.HandleGoogleCallback(opened.callback())) == (
        StatusCode.INVALID_ARGUMENT,
        "ETAT_DEJA_UTILISE",
    )
    assert len(provider.requests) == asked


async def test_R16_of_parallel_callbacks_one_reaches_google(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The state is used up before any request."""
    opened = await popup()
    asked = len(provider.asked(TOKEN))
    answers = await asyncio.gather(
        *(auth.HandleGoogleCallback(opened.callback()) for _ in range(5)), return_exceptions=True
    )
    refusals = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert refusals == [StatusCode.INVALID_ARGUMENT] * 4
    assert len(provider.asked(TOKEN)) == asked + 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "A" * 43}, "ETAT_INVALIDE"),
        ({"state": ""}, "CHAMP_REQUIS"),
        ({"liaison": ""}, "ETAT_INVALIDE"),
        ({"liaison": "A" * 43}, "ETAT_INVALIDE"),
        ({"liaison": "é"}, "ETAT_INVALIDE"),
    ],
)
async def test_R16_a_state_belongs_to_one_browser(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, changes: dict[str, str], reason: str
) -> None:
    """Another one uses nothing up and makes no account."""
    opened = await popup()
    asked = len(provider.requests)
    assert await refused(auth.HandleGoogleCallback(opened.callback(**changes))) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
    )
    assert len(provider.requests) == asked
    assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur


async def test_R16_a_state_lives_ten_minutes(auth: AuthServiceStub, popup: OpenPopup) -> None:
    """Eleven are too many, also for one that was used."""
    used, unused = await popup(), await popup()
    await auth.HandleGoogleCallback(used.callback())
    with clock.frozen_at(clock.now() + timedelta(minutes=11)):
        for opened in (used, unused):
            assert await refused(auth.HandleGoogleCallback(opened.callback())) == (
                StatusCode.INVALID_ARGUMENT,
                "ETAT_EXPIRE",
            )


async def test_R16_without_a_code_nothing_is_asked(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """And the state is used up."""
    opened = await popup()
    asked = len(provider.requests)
    told = [await refused(auth.HandleGoogleCallback(opened.callback(code=code))) for code in ("", "x")]
    assert [reason for _, reason in told] == ["CODE_REQUIS", "ETAT_DEJA_UTILISE"]
    assert len(provider.requests) == asked


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        ("access_denied", (StatusCode.PERMISSION_DENIED, "REFUS_UTILISATEUR")),
        ("server_error", UNAVAILABLE),
    ],
)
async def test_R16_what_google_refuses_is_over(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, error: str, answer: Any
) -> None:
    """The state is used up by it."""
    with provider.refusing(error):
        opened = await popup()
    assert await refused(auth.HandleGoogleCallback(opened.callback())) == answer
    again = opened.callback(error="", code="anything")
    assert (await refused(auth.HandleGoogleCallback(again)))[1] == "ETAT_DEJA_UTILISE"


async def test_R17_the_exchange_proves_who_began(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """With the secret of the client and a verifier of 64 characters, another one each time."""
    opened = [await popup(), await popup()]
    for one in opened:
        await auth.HandleGoogleCallback(one.callback())
    forms = [dict(request.parameters) for request in provider.asked(TOKEN)[-2:]]
    verifiers = {form.pop("code_verifier") for form in forms}
    assert (len(verifiers), {len(verifier) for verifier in verifiers}) == (2, {64})
    assert forms[0] == {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "code": opened[0].back["code"],
        "redirect_uri": CALLBACK,
        "grant_type": "authorization_code",
    }


async def test_R17_a_code_of_another_sign_in_is_refused(auth: AuthServiceStub, popup: OpenPopup) -> None:
    """The verifier does not fit: a stolen code is worth nothing."""
    mine, stolen = await popup(), await popup()
    told = await refused(auth.HandleGoogleCallback(mine.callback(code=stolen.back["code"])))
    assert told == INVALID


async def test_R17_a_provider_that_recovers_is_asked_again(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """Twice 503, then the code is good."""
    opened = await popup()
    with provider.failing(TOKEN, 503, times=2):
        assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur


@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (429, 3), (500, 1), (403, 1), (0, 1)])
async def test_R17_a_provider_that_fails_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, status: int, attempts: int
) -> None:
    """Asked three times at most, and once when the code may have been taken."""
    opened = await popup()
    asked = len(provider.asked(TOKEN))
    with provider.failing(TOKEN, status):
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE
    assert len(provider.asked(TOKEN)) == asked + attempts


async def test_R17_a_provider_that_is_silent_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """After the time that it is given."""
    opened = await popup()
    with provider.slow():
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE


async def test_R17_a_provider_that_is_away_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The person begins again when it is back."""
    opened = await popup()
    async with provider.down():
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE
    assert (await auth.HandleGoogleCallback((await popup()).callback())).nouvel_utilisateur


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "autre"},
        {"azp": "autre"},
        {"iss": "https://evil.exemple"},
        {"exp": 1_000_000_000},
        {"iat": 1_000_000_000},
        {"sub": ""},
        {"email": ""},
    ],
)
async def test_R18_a_token_that_says_something_else_makes_no_account(
    auth: AuthServiceStub,
    people: UtilisateurServiceStub,
    provider: OidcProvider,
    popup: OpenPopup,
    claims: dict[str, object],
) -> None:
    """ID_TOKEN_INVALIDE."""
    email = new_email()
    opened = await popup(email)
    with provider.claiming(**claims):
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == INVALID
    assert await code_of(people.GetByEmail(users_pb2.GetUtilisateurByEmailRequest(email=email))) == (
        StatusCode.NOT_FOUND
    )


async def test_R18_an_unverified_address_takes_nobody_s_account(
    auth: AuthServiceStub, people: UtilisateurServiceStub, someone: MakeSomeone, popup: OpenPopup
) -> None:
    """EMAIL_NON_VERIFIE; the account is not linked."""
    jeanne = await someone()
    opened = await popup(jeanne.email, email_verified=False)
    assert await refused(auth.HandleGoogleCallback(opened.callback())) == (
        StatusCode.UNAUTHENTICATED,
        "EMAIL_NON_VERIFIE",
    )
    account = await people.Get(users_pb2.GetUtilisateurRequest(id=jeanne.id))
    assert {identite.fournisseur for identite in account.identites} == {"local"}


async def test_R18_a_forged_signature_proves_nothing(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The key of the provider must have signed."""
    opened = await popup()
    with provider.forging():
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == INVALID


async def test_R18_a_new_key_is_fetched_once_a_minute(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The second rotation within a minute has to wait."""
    now, told, asked = clock.now() + timedelta(days=20), [], []
    for seconds in (0, 61, 65, 122):
        with clock.frozen_at(now + timedelta(seconds=seconds)):
            provider.rotate()
            opened = await popup()
            told.append(await code_of(auth.HandleGoogleCallback(opened.callback())))
            asked.append(len(provider.asked(KEYS)))
    ok, refusal = StatusCode.OK, StatusCode.UNAUTHENTICATED
    assert told == [ok, ok, refusal, ok]
    assert [count - asked[0] for count in asked] == [0, 1, 1, 2]


async def test_R18_keys_that_cannot_be_fetched_are_no_forgery(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The provider is unavailable, and the person begins again."""
    with clock.frozen_at(clock.now() + timedelta(days=30)):
        provider.rotate()
        opened = await popup()
        with provider.failing(KEYS, 503):
            assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE
    with clock.frozen_at(clock.now() + timedelta(days=30, seconds=61)):
        assert await code_of(auth.HandleGoogleCallback((await popup()).callback())) == StatusCode.OK


async def test_R21_a_closed_account_stays_closed(
    auth: AuthServiceStub, people: UtilisateurServiceStub, someone: MakeSomeone, popup: OpenPopup
) -> None:
    """Disabled or deleted, linked before or not: as for a wrong password."""
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
    """Not for their email: a lock is about passwords."""
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
    """Successes with the masked address, refusals, failures."""
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


async def test_users_away_is_unavailable(mesh: Mesh, auth: AuthServiceStub, popup: OpenPopup) -> None:
    """The state is not given back: the person begins again."""
    opened = await popup()
    async with mesh.without("users"):
        told = await refused(auth.HandleGoogleCallback(opened.callback()))
    assert told == (StatusCode.UNAVAILABLE, "UTILISATEURS_INDISPONIBLES")
    assert (await refused(auth.HandleGoogleCallback(opened.callback())))[1] == "ETAT_DEJA_UTILISE"


async def test_C16_logs_hold_no_secret_of_a_sign_in(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither code, state, verifier, binding nor tokens, whether it succeeds or fails."""
    with caplog.at_level(logging.DEBUG):
        opened, failing = await popup(), await popup()
        token = (await auth.HandleGoogleCallback(opened.callback())).token
        with provider.failing(TOKEN, 503):
            await refused(auth.HandleGoogleCallback(failing.callback()))
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    form = provider.asked(TOKEN)[-1].parameters
    secrets = [token, form["code"], form["code_verifier"], CLIENT_SECRET]
    secrets += [opened.begun.liaison, opened.query["state"], failing.query["state"]]
    assert [secret for secret in secrets for line in told if secret in line] == []
