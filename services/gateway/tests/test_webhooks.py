"""Notifications of the identity provider, from its socket to the directory."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from gateway.edge import GATEWAY
from gateway.policies import WEBHOOK, WEBHOOK_HEALTH
from service_testing import Mesh, running
from service_testing.issuer import IdentityProvider
from service_testing.webhooks import Webhook, hmac_webhook, token_webhook
from tests.visitors import WEBHOOK_SECRET, browser, code, new_email

_numbers = count(1)
_VECTOR = b'{"type":"user.created","user":{"id":"test","email":"test@example.com"}}'
_VECTOR_SIGNATURE = "6af16d72a472bc45e655a026f5f09233e77b5db6b42654969aede985eb2756cf"


def event(kind: str = "user.created", *, seconds: float = 0, **user: object) -> dict[str, Any]:
    """Notification about one person, *seconds* from now."""
    number = next(_numbers)
    known = {"id": f"kp_gateway_{number}", "email": new_email(), "first_name": "Anne", "last_name": "Roy"}
    return {
        "type": kind,
        "event_id": f"event_gateway_{number}",
        "timestamp": clock.now().fromtimestamp(clock.timestamp() + seconds).astimezone().isoformat(),
        "data": {"user": known | user},
    }


def signed(content: object, secret: str = WEBHOOK_SECRET, **headers: str) -> Webhook:
    """Webhook of *content*, signed now."""
    return hmac_webhook(content, secret, at=int(clock.timestamp()), **headers)


async def send(web: httpx.AsyncClient, webhook: Webhook, **headers: str) -> httpx.Response:
    """Send *webhook*, with other *headers*."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return await web.post(WEBHOOK, content=webhook.body, headers=webhook.headers | changed)


async def known(mesh: Mesh, sujet: str) -> pb.Utilisateur:
    """The account of a person of the provider."""
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    return await people.GetByIdentity(pb.GetUtilisateurByIdentityRequest(fournisseur="kinde", sujet=sujet))


@pytest.mark.parametrize("form", ["hmac", "token"])
async def test_a_person_is_made_changed_and_deleted(
    mesh: Mesh, web: httpx.AsyncClient, kinde: IdentityProvider, form: str
) -> None:
    """Notifications in both forms make, change and delete an account; the provider reads the result."""

    def webhook(content: object) -> Webhook:
        return signed(content) if form == "hmac" else token_webhook(content, kinde)

    created = event()
    user = created["data"]["user"]
    answer = await send(web, webhook(created))
    assert (answer.status_code, answer.json()) == (
        200,
        {"received": True, "result": "TRAITE", "eventId": created["event_id"]},
    )
    account = await known(mesh, user["id"])
    assert (account.email, account.prenom) == (user["email"], "Anne")
    changed = event("user.updated", seconds=1, **(user | {"first_name": "Annie"}))
    assert (await send(web, webhook(changed))).json()["result"] == "TRAITE"
    assert (await known(mesh, user["id"])).prenom == "Annie"
    deleted = event("user.deleted", seconds=2, id=user["id"])
    assert (await send(web, webhook(deleted))).json()["result"] == "TRAITE"


async def test_the_bytes_arrive_as_they_were_signed(web: httpx.AsyncClient) -> None:
    """Spaces, order and escapes arrive as the sender wrote them: the vector of the contract is accepted."""
    headers = {"content-type": "application/json", "x-kinde-signature": _VECTOR_SIGNATURE}
    first = await web.post(WEBHOOK, content=_VECTOR, headers=headers)
    upper = {**headers, "x-kinde-signature": _VECTOR_SIGNATURE.upper()}
    second = await web.post(WEBHOOK, content=_VECTOR, headers=upper)
    assert [answer.status_code for answer in (first, second)] == [200, 200]
    assert second.json()["result"] == "DOUBLON"


async def test_twenty_parallel_copies_have_one_effect(web: httpx.AsyncClient) -> None:
    """Twenty parallel copies are all 200, one of them TRAITE, so that the provider stops sending."""
    webhook = signed(event())
    answers = await asyncio.gather(*(send(web, webhook) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["result"] for answer in answers) == {"TRAITE": 1, "DOUBLON": 19}


@pytest.mark.parametrize(
    "signature",
    ["", "test", "0" * 64, "sha1=" + "0" * 64, _VECTOR_SIGNATURE, "é" * 64],
    ids=["none", "test", "zeros", "sha1", "another", "bytes"],
)
async def test_a_signature_that_is_none_is_refused(web: httpx.AsyncClient, signature: str) -> None:
    """SIGNATURE_INVALIDE is 401 for every wrong signature, the probe `test` included."""
    webhook = signed(event())
    headers = {**webhook.headers, "x-kinde-signature": signature}
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await web.post(WEBHOOK, content=webhook.body, headers=encoded)
    assert code(answer) == (401, "SIGNATURE_INVALIDE")


async def test_a_changed_byte_is_noticed(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """A changed byte, another secret and a changed time are SIGNATURE_INVALIDE."""
    content = event()
    webhook = signed(content)
    changed = Webhook(webhook.body.replace(b"Anne", b"Anna"), webhook.headers)
    assert code(await send(web, changed)) == (401, "SIGNATURE_INVALIDE")
    assert code(await send(web, signed(content, "another-secret"))) == (401, "SIGNATURE_INVALIDE")
    later = str(int(clock.timestamp()) + 1)
    assert code(await send(web, webhook, x_kinde_timestamp=later)) == (401, "SIGNATURE_INVALIDE")
    assert (await send(web, webhook)).json()["result"] == "TRAITE"


async def test_a_token_without_algorithm_is_none(web: httpx.AsyncClient, kinde: IdentityProvider) -> None:
    """A token of alg none is refused, also with the signature of the other form."""
    header, payload, _ = token_webhook(event(), kinde).body.split(b".")
    none = b"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for body in (
        none + b"." + payload + b".",
        none + b"." + payload + b".AAAA",
        header + b"." + payload + b".",
    ):
        webhook = Webhook(body, {**signed(body).headers, "content-type": "application/jwt"})
        assert code(await send(web, webhook)) == (401, "SIGNATURE_INVALIDE")


@pytest.mark.parametrize("seconds", [-49 * 3600, 600])
async def test_a_notification_of_another_time_is_refused_for_good(
    web: httpx.AsyncClient, seconds: float
) -> None:
    """HORS_FENETRE is 400, since sending it again would not help."""
    assert code(await send(web, signed(event(seconds=seconds)))) == (400, "HORS_FENETRE")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"type":1}', b"\xff\xfe"])
async def test_a_notification_that_says_nothing_is_refused(web: httpx.AsyncClient, body: bytes) -> None:
    """A signed notification without content is 400."""
    answer = await send(web, signed(body))
    assert answer.status_code == 400, answer.text


async def test_other_news_are_ignored(web: httpx.AsyncClient) -> None:
    """Notifications of other types are 200, or the provider would send them for ever."""
    assert (await send(web, signed(event("organization.created")))).json()["result"] == "IGNORE"


async def test_events_out_of_order_converge(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The newest state stays, even if an older one comes later."""
    user = {"id": f"kp_order_{next(_numbers)}", "email": new_email()}
    newer = event("user.updated", seconds=-1, **user, first_name="Nouvelle")
    older = event("user.updated", seconds=-60, **user, first_name="Ancienne")
    results = [(await send(web, signed(one))).json()["result"] for one in (newer, older)]
    assert results == ["TRAITE", "IGNORE"]
    assert (await known(mesh, user["id"])).prenom == "Nouvelle"


async def test_while_the_keys_of_the_provider_are_away_it_is_to_try_again(
    fragile: Mesh, kinde: IdentityProvider
) -> None:
    """A token is 503 while the provider's keys cannot be read, and nothing is stored."""
    async with browser(fragile) as web:
        webhook = token_webhook(event(), kinde)
        async with kinde.down():
            assert code(await send(web, webhook)) == (503, "CLES_INDISPONIBLES")


async def test_while_users_is_away_the_provider_is_to_try_again(fragile: Mesh) -> None:
    """A notification is 503 with Retry-After while users is away; health is 503 too."""
    async with browser(fragile) as web, fragile.without("users"):
        answer = await send(web, signed(event()))
        health = await web.get(WEBHOOK_HEALTH)
    assert (code(answer), answer.headers["retry-after"]) == ((503, "DEPENDANCE_INDISPONIBLE"), "5")
    assert code(health) == (503, "WEBHOOK_INDISPONIBLE")


async def test_health_tells_that_webhooks_can_be_received(web: httpx.AsyncClient) -> None:
    """Health answers anybody with `ok` and nothing more."""
    answer = await web.get(WEBHOOK_HEALTH)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.fixture(scope="module")
async def unconfigured() -> AsyncIterator[Mesh]:
    """A gateway without the settings of any provider."""
    async with running(GATEWAY) as mesh:
        yield mesh


async def test_without_a_secret_webhooks_cannot_be_received(unconfigured: Mesh) -> None:
    """Health is 503 without a secret or an issuer, whatever services are there."""
    async with browser(unconfigured) as web:
        assert code(await web.get(WEBHOOK_HEALTH)) == (503, "WEBHOOK_INDISPONIBLE")


async def test_what_a_notification_says_is_not_logged(
    web: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has result, type, id and duration of a notification, and nothing of its body."""
    caplog.set_level("INFO")
    content = event()
    webhook = signed(content)
    await send(web, webhook)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "gateway.webhooks"]
    assert line.startswith(f"webhook TRAITE type=user.created event_id={content['event_id']} duration_ms=")
    user = content["data"]["user"]
    for secret in (webhook.headers["x-kinde-signature"], user["email"], json.dumps(content), WEBHOOK_SECRET):
        assert secret not in caplog.text
