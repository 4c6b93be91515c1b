"""The audit: each event noted once, and read by those who may (R2, R22, R24)."""

import re
from datetime import timedelta

import psycopg
import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AuditServiceStub, IntegrationServiceStub
from db_utils import clock
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc_utils import timestamp
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import refusal, refused
from service_testing.oauth import TOKEN, OauthProvider
from tests.titulaires import MakePersonne, Personne

CORRELATION = re.compile(r"int-\d{13}-[0-9a-z]{7}")


async def test_R22_each_event_is_noted_once(jeanne: Personne, provider: OauthProvider) -> None:
    """Connecting, refreshing, failing and disconnecting make five lines, in order."""
    connected = await jeanne.connect()
    names = {"provider": "google", "account_id": connected.account_id}
    await jeanne.own_tokens.Refresh(pb.RefreshRequest(**names))
    with provider.failing(TOKEN, 400, error="invalid_grant"):
        await refused(jeanne.own_tokens.Refresh(pb.RefreshRequest(**names)))
    await jeanne.own.Disconnect(pb.DisconnectRequest(**names))
    assert await jeanne.events() == [
        "OAUTH_INITIATED",
        "OAUTH_COMPLETED",
        "TOKEN_REFRESHED",
        "TOKEN_REFRESH_FAILED",
        "INTEGRATION_DISCONNECTED",
    ]


async def test_R2_one_correlation_id_goes_through_everything(jeanne: Personne) -> None:
    """The caller's id is in the trailing metadata, the audit and the error."""
    stub = jeanne.own
    mine = (("x-correlation-id", "trace-7"),)
    call = stub.InitiateOAuth(pb.InitiateOAuthRequest(provider="google"), metadata=mine)
    await call
    assert dict(await call.trailing_metadata())["x-correlation-id"] == "trace-7"
    assert [line.correlation_id for line in await jeanne.lines()] == ["trace-7"]
    told = await refusal(stub.InitiateOAuth(pb.InitiateOAuthRequest(provider="x"), metadata=mine))
    assert told.metadata["correlation_id"] == "trace-7"


async def test_R2_without_one_an_id_is_made(jeanne: Personne) -> None:
    """The id that the service makes is in the trailing metadata, the audit and the error."""
    call = jeanne.own.InitiateOAuth(pb.InitiateOAuthRequest(provider="google"))
    await call
    made = str(dict(await call.trailing_metadata())["x-correlation-id"])
    assert CORRELATION.fullmatch(made)
    assert [line.correlation_id for line in await jeanne.lines()] == [made]
    told = await refusal(jeanne.begin("x"))
    assert CORRELATION.fullmatch(told.metadata["correlation_id"])


async def test_R1_a_refusal_tells_all_that_is_needed(jeanne: Personne) -> None:
    """A refusal carries provider, retryable, correlation id and instant."""
    with clock.frozen_at(now := clock.now()):
        request = pb.GetIntegrationRequest(provider="google", account_id="autre")
        told = await refusal(jeanne.own.Get(request))
    assert (told.code, told.reason, told.domain) == (
        StatusCode.NOT_FOUND,
        "ACCOUNT_NOT_FOUND",
        "crm.integrations",
    )
    assert told.metadata.keys() == {"provider", "retryable", "correlation_id", "timestamp"}
    assert (told.metadata["provider"], told.metadata["retryable"]) == ("google", "false")
    assert told.metadata["timestamp"] == now.isoformat()


async def test_R1_a_provider_that_was_made_up_is_not_repeated(jeanne: Personne) -> None:
    """An unknown provider, which may be as long as a request, is answered with an empty one."""
    told = await refusal(jeanne.own.Get(pb.GetIntegrationRequest(provider="x" * 100_000, account_id="a")))
    assert (told.reason, told.metadata["provider"]) == ("ACCOUNT_NOT_FOUND", "")


async def test_R24_a_user_reads_his_own_audit(jeanne: Personne, someone: MakePersonne) -> None:
    """A user reads his own lines; asking for another user's is refused."""
    other = someone()
    await jeanne.begin()
    await other.begin()
    assert [line.user_id for line in await jeanne.lines()] == [jeanne.user_id]
    stub = jeanne.mesh.stub(AuditServiceStub, user=jeanne.user_id)
    expected = (StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert await refused(stub.List(pb.ListAuditRequest(user_id=other.user_id))) == expected


async def test_R24_services_read_the_audit_of_all(jeanne: Personne, audit: AuditServiceStub) -> None:
    """Services filter by user, provider, event and time, or read the lines of all."""
    connected = await jeanne.connect("microsoft")
    before, after = connected.integration.created_at, timestamp(clock.now() + timedelta(minutes=1))
    for chosen, count in (
        ({"user_id": jeanne.user_id}, 2),
        ({"user_id": jeanne.user_id, "provider": "microsoft"}, 2),
        ({"user_id": jeanne.user_id, "provider": "google"}, 0),
        ({"user_id": jeanne.user_id, "evenement": "OAUTH_COMPLETED"}, 1),
        ({"user_id": jeanne.user_id, "au": Timestamp(seconds=1)}, 0),
        ({"user_id": jeanne.user_id, "du": after}, 0),
        ({"user_id": jeanne.user_id, "au": after}, 2),
    ):
        assert len((await audit.List(pb.ListAuditRequest(**chosen))).entrees) == count, chosen
    everything = await audit.List(pb.ListAuditRequest(du=before))
    assert {jeanne.user_id} <= {line.user_id for line in everything.entrees}


async def test_the_audit_is_read_in_pages(jeanne: Personne) -> None:
    """Pages hold the newest lines first, each line once."""
    for _ in range(5):
        await jeanne.begin()
    stub = jeanne.mesh.stub(AuditServiceStub, user=jeanne.user_id)
    request, found = pb.ListAuditRequest(), []
    request.pagination.page_size = 2
    while True:
        page = await stub.List(request)
        found += [line.id for line in page.entrees]
        request.pagination.page_token = page.pagination.next_page_token
        if not request.pagination.page_token:
            break
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 5


async def test_an_unknown_event_is_refused(jeanne: Personne) -> None:
    """An event outside the closed list is VALEUR_INCONNUE."""
    stub = jeanne.mesh.stub(AuditServiceStub, user=jeanne.user_id)
    expected = (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")
    assert await refused(stub.List(pb.ListAuditRequest(evenement="AUTRE"))) == expected


@pytest.mark.parametrize(
    ("ip", "noted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("inconnue", ""),
        ("", ""),
        ("fe80::1%a", "fe80::1"),
    ],
)
async def test_R22_what_is_no_address_is_left_out(jeanne: Personne, ip: str, noted: str) -> None:
    """A text that is no address is left out, and a long browser is cut; neither is refused."""
    request = pb.InitiateOAuthRequest(provider="google", ip=ip, user_agent="a" * 301)
    await jeanne.own.InitiateOAuth(request)
    (line,) = await jeanne.lines()
    assert (line.ip, line.user_agent) == (noted, "a" * 300)


async def test_R22_an_audit_that_fails_fails_nothing(
    jeanne: Personne,
    app: App[IntegrationsSettings],
    integrations: IntegrationServiceStub,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Connecting, refreshing and disconnecting succeed; the missing lines are in the log."""
    with psycopg.connect(app.settings.database_url.get_secret_value(), autocommit=True) as owner:
        owner.execute("ALTER TABLE integrations.audit_integrations RENAME TO elsewhere")
        try:
            connected = await jeanne.connect()
            names = {"provider": "google", "account_id": connected.account_id}
            assert (await jeanne.own_tokens.Refresh(pb.RefreshRequest(**names))).integration.is_connected
            forged = pb.HandleCallbackRequest(provider="google", state="x.y")
            code, reason = await refused(integrations.HandleCallback(forged))
            assert (await jeanne.own.Disconnect(pb.DisconnectRequest(**names))).success
        finally:
            owner.execute("ALTER TABLE integrations.elsewhere RENAME TO audit_integrations")
    assert (code, reason) == (StatusCode.PERMISSION_DENIED, "INVALID_STATE")
    assert (await jeanne.row(connected)).status == "disconnected"
    missed = [event for event in _EVENTS if f"the audit misses {event} of google" in caplog.text]
    assert missed == _EVENTS


_EVENTS = [
    "OAUTH_INITIATED",
    "OAUTH_COMPLETED",
    "TOKEN_REFRESHED",
    "INVALID_STATE_DETECTED",
    "INTEGRATION_DISCONNECTED",
]
