"""Exchange of the code at Google, and the checks of the ID token that comes back (R17, R18)."""

import logging
from datetime import timedelta

import pytest
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import code_of, refused
from service_testing.oidc import CLIENT_ID, CLIENT_SECRET, KEYS, TOKEN, OidcProvider
from tests.connexions import CALLBACK, MakeSomeone, new_email
from tests.popups import OpenPopup

INVALID = (StatusCode.UNAUTHENTICATED, "ID_TOKEN_INVALIDE")
UNAVAILABLE = (StatusCode.UNAVAILABLE, "GOOGLE_INDISPONIBLE")


async def test_R17_the_exchange_proves_who_began(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """The exchange carries the client's secret and a verifier of 64 characters, new each time."""
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
    """A stolen code is refused, as the verifier of the thief does not fit it."""
    mine, stolen = await popup(), await popup()
    told = await refused(auth.HandleGoogleCallback(mine.callback(code=stolen.back["code"])))
    assert told == INVALID


async def test_R17_a_provider_that_recovers_is_asked_again(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """Two answers of 503 are followed by a third attempt, which succeeds."""
    opened = await popup()
    with provider.failing(TOKEN, 503, times=2):
        assert (await auth.HandleGoogleCallback(opened.callback())).nouvel_utilisateur


@pytest.mark.parametrize(("status", "attempts"), [(503, 3), (429, 3), (500, 1), (403, 1), (0, 1)])
async def test_R17_a_provider_that_fails_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, status: int, attempts: int
) -> None:
    """Three attempts are made at most, and one when the code may have been taken."""
    opened = await popup()
    asked = len(provider.asked(TOKEN))
    with provider.failing(TOKEN, status):
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE
    assert len(provider.asked(TOKEN)) == asked + attempts


async def test_R17_a_provider_that_is_silent_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """GOOGLE_INDISPONIBLE ends the wait for a silent provider."""
    opened = await popup()
    with provider.slow():
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE


async def test_R17_a_provider_that_is_away_is_unavailable(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """GOOGLE_INDISPONIBLE is the answer until the provider is back and the person begins again."""
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
    """ID_TOKEN_INVALIDE is the answer to each wrong claim, and no account exists afterwards."""
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
    """EMAIL_NON_VERIFIE leaves the account of that address without a Google identity."""
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
    """ID_TOKEN_INVALIDE is the answer to a token that another key has signed."""
    opened = await popup()
    with provider.forging():
        assert await refused(auth.HandleGoogleCallback(opened.callback())) == INVALID


async def test_R18_a_new_key_is_fetched_once_a_minute(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup
) -> None:
    """A second rotation within a minute is refused until the minute is over."""
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
    """GOOGLE_INDISPONIBLE is the answer while the keys of the provider cannot be read."""
    with clock.frozen_at(clock.now() + timedelta(days=30)):
        provider.rotate()
        opened = await popup()
        with provider.failing(KEYS, 503):
            assert await refused(auth.HandleGoogleCallback(opened.callback())) == UNAVAILABLE
    with clock.frozen_at(clock.now() + timedelta(days=30, seconds=61)):
        assert await code_of(auth.HandleGoogleCallback((await popup()).callback())) == StatusCode.OK


async def test_C16_logs_hold_no_secret_of_a_sign_in(
    auth: AuthServiceStub, provider: OidcProvider, popup: OpenPopup, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs of a success and of a failure have no code, state, verifier, liaison or token."""
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
