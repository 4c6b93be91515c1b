"""States that are refused: one answer for all, the cause in the audit, no word to a provider (R3, R4)."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AuditServiceStub, IntegrationServiceStub
from db_utils import clock
from grpc import StatusCode
from service_integrations.states import LIFETIME
from service_testing import Mesh, code_of, refusal
from service_testing.oauth import OauthProvider
from tests.titulaires import Personne

SECOND = timedelta(seconds=1)


def content_of(state: str) -> dict[str, Any]:
    """The content of a state's payload."""
    payload = state.partition(".")[0]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


def encoded(raw: bytes) -> str:
    """The base64url form of *raw* without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(content: object, secret: str) -> str:
    """A state with *content*, signed with *secret*."""
    payload = encoded(json.dumps(content).encode())
    return f"{payload}.{encoded(hmac.digest(secret.encode(), payload.encode(), hashlib.sha256))}"


@pytest.fixture
def ours(mesh: Mesh) -> str:
    """The secret with which the service signs."""
    return mesh.secrets.made["OAUTH_STATE_SECRET"]


async def refused_with(
    state: str, stubs: tuple[IntegrationServiceStub, AuditServiceStub, OauthProvider], correlation: str
) -> str:
    """Send *state* to the callback; return the cause in the audit, which the caller is not told."""
    integrations, audit, provider = stubs
    asked = len(provider.requests)
    request = pb.HandleCallbackRequest(provider="google", code="code", state=state)
    call = integrations.HandleCallback(request, metadata=(("x-correlation-id", correlation),))
    told = await refusal(call)
    assert (told.code, told.reason) == (StatusCode.PERMISSION_DENIED, "INVALID_STATE")
    assert told.metadata["correlation_id"] == correlation
    assert len(provider.requests) == asked
    lines = (await audit.List(pb.ListAuditRequest(correlation_id=correlation))).entrees
    assert [line.evenement for line in lines] == ["INVALID_STATE_DETECTED"]
    return lines[0].erreur


@pytest.fixture
def stubs(
    integrations: IntegrationServiceStub, audit: AuditServiceStub, provider: OauthProvider
) -> tuple[IntegrationServiceStub, AuditServiceStub, OauthProvider]:
    """The stubs and the double that `refused_with` needs."""
    return integrations, audit, provider


Stubs = tuple[IntegrationServiceStub, AuditServiceStub, OauthProvider]


async def test_R3_a_state_says_who_connects_what_since_when(jeanne: Personne, ours: str) -> None:
    """A state has two parts in base64url; the second is an HMAC-SHA256 of the first."""
    with clock.frozen_at(now := clock.now()):
        state = (await jeanne.begin()).state
    content = content_of(state)
    nonce = content.pop("n")
    assert content == {"v": 1, "u": jeanne.user_id, "p": "google", "t": round(now.timestamp() * 1000)}
    assert len(base64.urlsafe_b64decode(nonce + "==")) == 16
    payload, _, signature = state.partition(".")
    assert signature == encoded(hmac.digest(ours.encode(), payload.encode(), hashlib.sha256))


@pytest.mark.parametrize(
    ("spoilt", "cause"),
    [
        (lambda state: "", "malformed"),
        (lambda state: state.partition(".")[0], "malformed"),
        (lambda state: f"{state}.", "malformed"),
        (lambda state: state[:-1], "bad signature"),
        (lambda state: f"{state}=", "bad signature"),
        (lambda state: f"a{state}", "bad signature"),
        (lambda state: f"{state.partition('.')[0]}.", "bad signature"),
        (lambda state: "é.à", "bad signature"),
    ],
)
async def test_R4_a_spoilt_state_is_refused(jeanne: Personne, stubs: Stubs, spoilt: Any, cause: str) -> None:
    """A damaged state is refused before its content is read."""
    state = (await jeanne.begin()).state
    assert await refused_with(spoilt(state), stubs, f"{jeanne.user_id}-spoilt") == cause


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"v": 2}, "unknown version"),
        ({"p": "microsoft"}, "another provider"),
        ({"n": "AAAAAAAAAAAAAAAAAAAAAA"}, "unknown nonce"),
    ],
)
async def test_R4_what_a_signed_state_says_must_fit(
    jeanne: Personne, stubs: Stubs, ours: str, changes: dict[str, object], cause: str
) -> None:
    """Version, provider and nonce of a signed state are checked; the line names its user."""
    content = content_of((await jeanne.begin()).state)
    state = signed(content | changes, ours)
    assert await refused_with(state, stubs, f"{jeanne.user_id}-signed") == cause
    assert await jeanne.events() == ["OAUTH_INITIATED", "INVALID_STATE_DETECTED"]


async def test_R4_a_forged_state_is_nobodys(jeanne: Personne, stubs: Stubs) -> None:
    """A state signed with another secret is noted without the user that it names."""
    state = signed(content_of((await jeanne.begin()).state), "s" * 32)
    assert await refused_with(state, stubs, f"{jeanne.user_id}-forged") == "bad signature"
    assert await jeanne.events() == ["OAUTH_INITIATED"]


@pytest.mark.parametrize(
    ("after", "cause"),
    [(LIFETIME + SECOND, "expired"), (-timedelta(seconds=61), "from the future")],
)
async def test_R3_a_state_is_good_for_ten_minutes(
    jeanne: Personne, stubs: Stubs, after: timedelta, cause: str
) -> None:
    """A state is refused after ten minutes, and more than a minute before its beginning."""
    request = await jeanne.back()
    with clock.frozen_at(clock.now() + after):
        assert await refused_with(request.state, stubs, f"{jeanne.user_id}-age") == cause


@pytest.mark.parametrize("after", [LIFETIME - SECOND, -timedelta(seconds=59)])
async def test_R3_a_state_is_good_until_then(
    jeanne: Personne, integrations: IntegrationServiceStub, after: timedelta
) -> None:
    """A state is accepted a second before ten minutes, and 59 seconds before its beginning."""
    request = await jeanne.back()
    with clock.frozen_at(clock.now() + after):
        assert (await integrations.HandleCallback(request)).user_id == jeanne.user_id


async def test_R4_a_state_is_good_once(
    jeanne: Personne, stubs: Stubs, integrations: IntegrationServiceStub
) -> None:
    """A second use is refused, even when the first one has failed."""
    request = await jeanne.back()
    request.code = "faux"
    assert await code_of(integrations.HandleCallback(request)) == StatusCode.FAILED_PRECONDITION
    assert await refused_with(request.state, stubs, f"{jeanne.user_id}-again") == "used before"


async def test_R4_of_parallel_callbacks_one_is_served(
    jeanne: Personne, integrations: IntegrationServiceStub
) -> None:
    """One of five parallel callbacks uses the nonce, before the code is sent."""
    request = await jeanne.back()
    codes = await asyncio.gather(*(code_of(integrations.HandleCallback(request)) for _ in range(5)))
    assert sorted(codes, key=str) == [StatusCode.OK, *[StatusCode.PERMISSION_DENIED] * 4]
    assert (await jeanne.events()).count("OAUTH_COMPLETED") == 1
