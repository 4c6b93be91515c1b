"""Connections from the click to the stored tokens (R5, R6)."""

import logging
from datetime import UTC, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, refusal, refused
from service_testing.oauth import PROFILE, REFRESH, TOKEN, OauthProvider
from service_testing.oidc import browse
from tests.titulaires import AGENT, IP, Personne

DENIED = (StatusCode.FAILED_PRECONDITION, "OAUTH_CALLBACK_ERROR")


async def test_R26_the_three_providers_are_listed(jeanne: Personne) -> None:
    """Each provider is listed with its name and abilities."""
    listed = (await jeanne.own.ListProviders(pb.ListProvidersRequest())).providers
    told = {one.code: (one.nom, one.actif, one.pkce, one.refresh) for one in listed}
    assert told == {
        "google": ("Google", True, True, True),
        "instagram": ("Instagram", True, False, True),
        "microsoft": ("Microsoft", True, True, True),
    }


@pytest.mark.parametrize("code", ["google", "microsoft", "instagram"])
async def test_R6_an_account_is_connected(jeanne: Personne, code: str) -> None:
    """The answer names user and account and holds no token."""
    told = await jeanne.connect(code, "compte-a")
    integration = told.integration
    assert (told.user_id, told.account_id) == (jeanne.user_id, "compte-a")
    assert told.redirect_url == "https://app.exemple.fr/parametres/integrations"
    shown = (integration.provider, integration.status, integration.is_connected, integration.nom_affiche)
    assert shown == (code, "connected", True, "Jeanne Martin")
    assert integration.expires_at.ToDatetime(UTC) > clock.now()
    assert await jeanne.events() == ["OAUTH_INITIATED", "OAUTH_COMPLETED"]


@pytest.mark.parametrize("code", ["google", "microsoft"])
async def test_R5_the_exchange_proves_who_began(jeanne: Personne, code: str) -> None:
    """The double refuses a PKCE verifier that does not fit the challenge of the beginning."""
    begun = await jeanne.begin(code)
    query = dict(parse_qsl(urlsplit(begun.auth_url).query))
    assert (query["code_challenge_method"], query["state"]) == ("S256", begun.state)
    await jeanne.connect(code)
    assert len(jeanne.provider.asked(TOKEN, code)[0].parameters["code_verifier"]) == 64


async def test_R5_instagram_gets_no_challenge(jeanne: Personne) -> None:
    """Instagram, which has no PKCE, is sent no challenge."""
    begun = await jeanne.begin("instagram")
    assert "code_challenge" not in dict(parse_qsl(urlsplit(begun.auth_url).query))


async def test_R5_a_connection_may_come_back_within_ten_minutes(jeanne: Personne) -> None:
    """The answer tells the instant ten minutes later."""
    now = clock.now().replace(microsecond=0)
    with clock.frozen_at(now):
        begun = await jeanne.begin()
    assert begun.expire_le.ToDatetime(UTC) == now + timedelta(minutes=10)


async def test_R5_the_beginning_is_noted_with_its_origin(jeanne: Personne) -> None:
    """The line has the address, the browser and the correlation id of the call."""
    await jeanne.begin()
    (line,) = await jeanne.lines("OAUTH_INITIATED")
    assert (line.provider, line.ip, line.user_agent) == ("google", IP, AGENT)
    assert line.correlation_id.startswith("int-")


@pytest.mark.parametrize(
    "url",
    ["https://app.exemple.fr", "https://app.exemple.fr/a?b=c#d", "http://localhost:3000/parametres"],
)
async def test_R5_the_browser_ends_at_an_allowed_origin(jeanne: Personne, url: str) -> None:
    """An allowed origin may have any path, query and fragment."""
    begun = await jeanne.begin(redirect_url=url)
    told = await browse(begun.auth_url)
    stub = jeanne.mesh.service_stub(IntegrationServiceStub, caller="integrations")
    request = pb.HandleCallbackRequest(provider="google", code=told["code"], state=told["state"])
    assert (await stub.HandleCallback(request)).redirect_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://ailleurs.fr/",
        "https://app.exemple.fr.ailleurs.fr/",
        "https://app.exemple.fr@ailleurs.fr/",
        "https://moi:secret@app.exemple.fr/",
        "https://app.exemple.fr:444/",
        "http://app.exemple.fr/",
        "//app.exemple.fr/",
        "/parametres",
        "javascript:alert(1)",
        "https://app.exemple.fr\\@ailleurs.fr/",
        "https://app.exemple.fr/a b",
        "https://[app.exemple.fr/",
        "https://app.exemple.fr/" + "a" * 2000,
    ],
)
async def test_R5_the_browser_ends_nowhere_else(jeanne: Personne, url: str) -> None:
    """Another origin, scheme, port or user-info part is refused and nothing is begun."""
    expected = (StatusCode.INVALID_ARGUMENT, "INVALID_REDIRECT_URL")
    assert await refused(jeanne.begin(redirect_url=url)) == expected
    assert await jeanne.events() == []


async def test_R6_a_refusal_of_the_user_is_noted(
    jeanne: Personne, provider: OauthProvider, integrations: IntegrationServiceStub
) -> None:
    """The provider's error stands in the audit, and the provider is asked nothing."""
    begun = await jeanne.begin()
    with provider.refusing():
        told = await browse(begun.auth_url)
    asked = len(provider.requests)
    request = pb.HandleCallbackRequest(provider="google", state=told["state"], error=told["error"])
    assert await refused(integrations.HandleCallback(request)) == DENIED
    (line,) = await jeanne.lines("OAUTH_FAILED")
    assert (line.erreur, len(provider.requests)) == ("access_denied", asked)


async def test_R22_a_long_cause_is_cut(jeanne: Personne, integrations: IntegrationServiceStub) -> None:
    """The audit keeps 200 characters of what the provider says."""
    begun = await jeanne.begin()
    request = pb.HandleCallbackRequest(provider="google", state=begun.state, error="x" * 300)
    assert await refused(integrations.HandleCallback(request)) == DENIED
    (line,) = await jeanne.lines("OAUTH_FAILED")
    assert line.erreur == "x" * 200


async def test_R6_a_code_that_is_not_good_is_refused(
    jeanne: Personne, integrations: IntegrationServiceStub
) -> None:
    """The provider's refusal of a code stands in the audit."""
    request = await jeanne.back()
    request.code = "faux"
    assert await refused(integrations.HandleCallback(request)) == DENIED
    (line,) = await jeanne.lines("OAUTH_FAILED")
    assert line.erreur == "400 invalid_grant"


async def test_R6_a_profile_without_an_account_is_an_error_of_the_provider(
    jeanne: Personne, provider: OauthProvider, integrations: IntegrationServiceStub
) -> None:
    """A profile without an id is API_ERROR, and nothing is stored."""
    request = await jeanne.back()
    with provider.telling(PROFILE, of="google", sub=None):
        told = await refusal(integrations.HandleCallback(request))
    assert (told.code, told.reason) == (StatusCode.UNAVAILABLE, "API_ERROR")
    assert (told.metadata["provider"], told.metadata["retryable"]) == ("google", "true")
    assert not (await jeanne.own.List(pb.ListIntegrationsRequest())).integrations


@pytest.mark.parametrize(
    "expected", [(503, 3, "API_ERROR", "true"), (400, 1, "OAUTH_CALLBACK_ERROR", "false")]
)
async def test_R9_what_may_help_is_tried_three_times(
    jeanne: Personne,
    provider: OauthProvider,
    integrations: IntegrationServiceStub,
    expected: tuple[int, int, str, str],
) -> None:
    """A provider that is away is asked three times, one that refuses once."""
    status, calls, reason, retryable = expected
    request = await jeanne.back()
    asked = len(provider.asked(TOKEN))
    with provider.failing(TOKEN, status, error="invalid_grant"):
        told = await refusal(integrations.HandleCallback(request))
    assert len(provider.asked(TOKEN)) - asked == calls
    assert (told.reason, told.metadata["retryable"]) == (reason, retryable)
    assert await jeanne.events() == ["OAUTH_INITIATED", "OAUTH_FAILED"]


async def test_R6_a_second_connection_uses_the_same_row(jeanne: Personne) -> None:
    """Connecting an account again stores new tokens in its row."""
    first = await jeanne.connect(account="compte-a")
    former = await jeanne.token(first)
    second = await jeanne.connect(account="compte-a")
    assert second.integration.id == first.integration.id
    assert (await jeanne.token(second)).access_token != former.access_token


async def test_R6_a_refresh_token_that_does_not_come_again_is_kept(
    jeanne: Personne, provider: OauthProvider
) -> None:
    """Google gives a refresh token at the first consent only; the former one stays."""
    first = await jeanne.connect(account="compte-a")
    former = (await jeanne.row(first)).refresh_token
    with provider.telling(TOKEN, of="google", refresh_token=None):
        second = await jeanne.connect(account="compte-a")
    assert (await jeanne.row(second)).refresh_token == former is not None


async def test_R24_one_user_connects_several_accounts(jeanne: Personne) -> None:
    """Accounts at one and at several providers are listed, the newest first."""
    for account in ("compte-a", "compte-b"):
        await jeanne.connect(account=account)
    await jeanne.connect("microsoft", "compte-a")
    listed = (await jeanne.own.List(pb.ListIntegrationsRequest())).integrations
    named = [(one.provider, one.provider_account_id) for one in listed]
    assert named == [("microsoft", "compte-a"), ("google", "compte-b"), ("google", "compte-a")]
    of_google = (await jeanne.own.List(pb.ListIntegrationsRequest(provider="google"))).integrations
    assert [*of_google] == [*listed][1:]


async def test_R24_an_account_is_read_by_its_id_and_by_its_names(jeanne: Personne) -> None:
    """The id and the names lead to the same account."""
    connected = await jeanne.connect()
    by_id = await jeanne.own.Get(pb.GetIntegrationRequest(id=connected.integration.id))
    names = pb.GetIntegrationRequest(provider="google", account_id=connected.account_id)
    assert by_id == await jeanne.own.Get(names)
    assert by_id.integration == connected.integration


async def test_R24_accounts_of_others_do_not_exist(jeanne: Personne, mesh: Mesh) -> None:
    """Another user's account is NOT_FOUND by id and by names."""
    connected = await jeanne.connect()
    other = mesh.stub(IntegrationServiceStub, user="user-autre")
    expected = (StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    names = {"user_id": jeanne.user_id, "provider": "google", "account_id": connected.account_id}
    for request in (
        pb.GetIntegrationRequest(id=connected.integration.id),
        pb.GetIntegrationRequest(**names),
        pb.GetIntegrationRequest(id="pas-un-id"),
        pb.GetIntegrationRequest(provider="google"),
    ):
        assert await refused(other.Get(request)) == expected


async def test_R24_an_account_belongs_to_a_person_whatever_the_organisation(
    jeanne: Personne, mesh: Mesh
) -> None:
    """A token for another organisation, or for none, shows the same accounts."""
    connected = await jeanne.connect()
    for organisation in ("org-autre", "", None):
        stub = mesh.stub(IntegrationServiceStub, user=jeanne.user_id, organisation=organisation)
        (listed,) = (await stub.List(pb.ListIntegrationsRequest())).integrations
        assert listed.id == connected.integration.id


async def test_R7_tables_hold_no_token_in_plain_text(jeanne: Personne, provider: OauthProvider) -> None:
    """The row holds envelopes of the first key and no token in plain text."""
    connected = await jeanne.connect()
    row = await jeanne.row(connected)
    stored = f"{row.access_token} {row.refresh_token}"
    assert stored.count("v1.k1.") == 2
    assert [secret for secret in provider.secrets() if secret in stored] == []


@pytest.mark.parametrize("code", ["google", "microsoft", "instagram"])
async def test_R7_no_secret_is_logged(
    jeanne: Personne, provider: OauthProvider, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No log line of a whole life of an account holds a secret.

    Those of httpx, which shows whole addresses, are switched off where services log (`logs.py`).
    """
    caplog.set_level(logging.INFO)
    connected = await jeanne.connect(code)
    names = {"provider": code, "account_id": connected.account_id}
    await jeanne.own_tokens.Refresh(pb.RefreshRequest(**names))
    with provider.failing(TOKEN, 503), provider.failing(REFRESH, 503):
        await refused(jeanne.own_tokens.Refresh(pb.RefreshRequest(**names)))
    await jeanne.own.Disconnect(pb.DisconnectRequest(**names))
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert f"{code} refresh has failed" in logged
    assert [secret for secret in provider.secrets() if secret in logged] == []
