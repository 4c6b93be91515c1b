"""Sign-ins at Google from the first click to the callback, which counts once (R14–R16)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_auth.id_tokens import hashed
from service_auth.models import DemandeOauth
from service_auth.service import SERVICE
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, refusal, refused, running
from service_testing.oidc import CLIENT_ID, DISCOVERY, TOKEN, OidcProvider, browse, person
from sqlalchemy import select
from tests.connexions import CALLBACK, OTHER_CALLBACK, new_email, new_ip, settings_with
from tests.popups import OpenPopup, Popup, query_of

UNAVAILABLE = (StatusCode.UNAVAILABLE, "GOOGLE_INDISPONIBLE")


async def test_R14_the_address_at_google_has_everything(
    auth: AuthServiceStub, provider: OidcProvider
) -> None:
    """Parameters are those of RFC 6749, RFC 7636 and OpenID Connect; secrets have 32 bytes."""
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
    """The discovery document is read at 0 and 61 minutes, not at 30 and 59."""
    now = clock.now() + timedelta(days=10)
    read = []
    for minutes in (0, 30, 59, 61):
        with clock.frozen_at(now + timedelta(minutes=minutes)):
            await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
        read.append(len(provider.asked("/.well-known/openid-configuration")))
    assert [count - read[0] for count in read] == [0, 0, 0, 1]


async def test_R14_the_last_document_stays_while_it_cannot_be_read(
    auth: AuthServiceStub, provider: OidcProvider
) -> None:
    """A discovery document of more than an hour is used while the provider fails to give a new one."""
    now = clock.now() + timedelta(days=40)
    with clock.frozen_at(now):
        await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
    with clock.frozen_at(now + timedelta(minutes=61)), provider.failing(DISCOVERY, 500):
        begun = await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
    assert begun.auth_url.startswith(f"{provider.issuer}/authorize?")


async def test_R14_a_provider_that_was_never_reached_is_unavailable(provider: OidcProvider) -> None:
    """GOOGLE_INDISPONIBLE lasts until the discovery document can be read."""
    request = pb.GetGoogleAuthUrlRequest()
    async with running(replace(SERVICE, workers=()), **settings_with(provider)) as mesh:
        auth = mesh.service_stub(AuthServiceStub, caller="auth")
        with provider.failing(DISCOVERY, 500):
            assert await refused(auth.GetGoogleAuthUrl(request)) == UNAVAILABLE
        assert (await auth.GetGoogleAuthUrl(request)).auth_url


async def test_R14_without_a_client_there_is_no_sign_in_at_google() -> None:
    """GOOGLE_NON_CONFIGURE is the answer at both ends of the sign-in."""
    async with running(replace(SERVICE, workers=())) as mesh:
        auth = mesh.service_stub(AuthServiceStub, caller="auth")
        for call in (
            auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest()),
            auth.HandleGoogleCallback(pb.HandleGoogleCallbackRequest()),
        ):
            assert await refused(call) == (StatusCode.FAILED_PRECONDITION, "GOOGLE_NON_CONFIGURE")


async def test_R15_no_two_sign_ins_share_a_secret(auth: AuthServiceStub) -> None:
    """State, nonce, verifier and liaison differ between two sign-ins."""
    begun = [await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip())) for _ in range(2)]
    queries = [query_of(one) for one in begun]
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]
    assert begun[0].liaison != begun[1].liaison


async def test_R15_the_table_holds_no_secret(app: App[AuthSettings], popup: OpenPopup) -> None:
    """The row has hashes and a sealed verifier, and lives ten minutes."""
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
    """REDIRECTION_INVALIDE is the answer to any address that differs in one character."""
    told = await refusal(auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(redirect_uri=uri, ip=new_ip())))
    assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "REDIRECTION_INVALIDE")


async def test_R15_the_second_callback_may_be_chosen(auth: AuthServiceStub, provider: OidcProvider) -> None:
    """The exchange names the callback that the beginning has chosen."""
    provider.person = person(new_email())
    request = pb.GetGoogleAuthUrlRequest(redirect_uri=OTHER_CALLBACK, ip=new_ip())
    begun = await auth.GetGoogleAuthUrl(request)
    opened = Popup(begun, await browse(begun.auth_url), new_ip())
    assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur
    assert provider.asked(TOKEN)[-1].parameters["redirect_uri"] == OTHER_CALLBACK


async def test_R16_a_state_serves_once(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """A second callback is ETAT_DEJA_UTILISE, and Google is not asked."""
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
    """Five parallel callbacks make one exchange; four are refused."""
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
    """A foreign state or liaison is refused, uses nothing up and asks nothing of Google."""
    opened = await popup()
    asked = len(provider.requests)
    assert await refused(auth.HandleGoogleCallback(opened.callback(**changes))) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
    )
    assert len(provider.requests) == asked
    assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur


async def test_R16_a_state_lives_ten_minutes(auth: AuthServiceStub, popup: OpenPopup) -> None:
    """ETAT_EXPIRE is the answer after eleven minutes, also when the state was used."""
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
    """CODE_REQUIS consumes the state and asks nothing of Google."""
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
    """An *error* of Google consumes the state."""
    with provider.refusing(error):
        opened = await popup()
    assert await refused(auth.HandleGoogleCallback(opened.callback())) == answer
    again = opened.callback(error="", code="anything")
    assert (await refused(auth.HandleGoogleCallback(again)))[1] == "ETAT_DEJA_UTILISE"
