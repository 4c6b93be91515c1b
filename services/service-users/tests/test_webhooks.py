"""HandleProviderWebhook over gRPC: forms and proofs (R20, R21, R23), and replays (R22)."""

import asyncio
from collections import Counter

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, refused
from service_testing.issuer import IdentityProvider
from service_testing.webhooks import Webhook, hmac_webhook, token_webhook
from service_users.models import WebhookRecu
from sqlalchemy import select
from tests.personnes import FORMER_SECRET, SECRET
from tests.sent_webhooks import Account, Send, Told, event_of, now, request_of

UNKNOWN = (StatusCode.NOT_FOUND, "INTROUVABLE")


async def test_R21_the_short_form_of_the_body(
    send: Send, people: UtilisateurServiceStub, sujet: str, email: str
) -> None:
    """The short form has `user` at the top; its time is the signed one."""
    body = {"type": "user.created", "user": {"id": sujet, "email": email}}
    assert await send(hmac_webhook(body, FORMER_SECRET, at=now())) == "TRAITE"
    made = await people.GetByEmail(pb.GetUtilisateurByEmailRequest(email=email))
    assert (made.prenom, made.nom) == ("User", email.partition("@")[0])


async def test_R20_the_token_form(send: Send, kinde: IdentityProvider, sujet: str, email: str) -> None:
    """The token form is read with everything that Kinde puts in."""
    user = {
        "id": sujet,
        "email": email,
        "first_name": "Anne",
        "last_name": None,
        "phone": None,
        "username": None,
        "is_suspended": False,
        "is_password_reset_requested": False,
        "organizations": [{"code": "org_1", "roles": None, "permissions": None}],
    }
    event = event_of("user.updated", 0, user, source="admin")
    assert [await send(token_webhook(event, kinde)) for _ in range(2)] == ["TRAITE", "DOUBLON"]


async def test_R20_the_content_type_chooses_the_form(
    sync: SyncServiceStub, told: Told, kinde: IdentityProvider, sujet: str
) -> None:
    """Neither form's proof stands in for the other's; other content types are FORMAT_INVALIDE."""
    signed, token = told(), token_webhook(event_of("user.created", 0, {"id": sujet}), kinde)
    unsigned = (StatusCode.UNAUTHENTICATED, "SIGNATURE_INVALIDE")
    malformed = (StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE")
    for webhook, kind, answer in (
        (signed, "application/jwt", unsigned),
        (token, "application/json", unsigned),
        (signed, "text/plain", malformed),
        (signed, "", malformed),
    ):
        assert await refused(sync.HandleProviderWebhook(request_of(webhook, content_type=kind))) == answer
    padded = request_of(signed, content_type="Application/JSON; charset=utf-8")
    assert (await sync.HandleProviderWebhook(padded)).resultat == "TRAITE"


async def test_R20_a_probe_is_refused(sync: SyncServiceStub, told: Told, account: Account) -> None:
    """The signature `test` and a changed body are UNAUTHENTICATED, and nothing is stored."""
    webhook = told()
    probe = Webhook(webhook.body, webhook.headers | {"x-kinde-signature": "test"})
    changed = Webhook(webhook.body.replace(b"user.created", b"user.updated"), webhook.headers)
    for forged in (probe, changed):
        assert await refused(sync.HandleProviderWebhook(request_of(forged))) == (
            StatusCode.UNAUTHENTICATED,
            "SIGNATURE_INVALIDE",
        )
    assert await refused(account()) == UNKNOWN


async def test_R21_other_providers_are_not_known(sync: SyncServiceStub, told: Told) -> None:
    """Other providers are VALEUR_INCONNUE, a missing one CHAMP_REQUIS."""
    for name, reason in (("auth0", "VALEUR_INCONNUE"), ("", "CHAMP_REQUIS")):
        request = request_of(told(), fournisseur=name)
        assert await refused(sync.HandleProviderWebhook(request)) == (StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    "body",
    [
        {"type": 1},
        {"type": ""},
        {"type": "user.created"},
        {"type": "user.created", "data": []},
        {"type": "user.created", "data": {"user": None}},
        {"type": "user.created", "user": {"email": "a@exemple.fr"}},
        {"type": "user.created", "user": {"id": ""}},
        {"type": "user.created", "user": {"id": 7}},
        {"type": "user.created", "user": {"id": "a\u0000b"}},
        {"type": "user.created", "user": {"id": "x" * 256}},
        {"type": "user.created", "user": {"id": "x"}, "timestamp": "hier"},
        {"type": "user.created", "user": {"id": "x"}, "timestamp": "2026-01-12T09:00:00"},
        {"type": "user.created", "user": {"id": "x"}, "timestamp": 1760000000},
    ],
)
async def test_R21_what_has_no_form_is_refused(sync: SyncServiceStub, body: object) -> None:
    """Bodies without type, user or usable id, or with an impossible time, are INVALID_ARGUMENT."""
    call = sync.HandleProviderWebhook(request_of(hmac_webhook(body, SECRET, at=now())))
    assert (await refused(call))[0] == StatusCode.INVALID_ARGUMENT


async def test_R21_other_types_mean_nothing(send: Send, account: Account, told: Told) -> None:
    """Other types are IGNORE, and DOUBLON when they are sent again."""
    webhook = told("role.created")
    assert [await send(webhook), await send(webhook)] == ["IGNORE", "DOUBLON"]
    assert await refused(account()) == UNKNOWN


@pytest.mark.parametrize("unusable", [None, "", "pas une adresse", 7])
async def test_R21_who_has_no_address_gets_no_account(
    send: Send, told: Told, account: Account, unusable: object
) -> None:
    """A newcomer without usable address is IGNORE; a known person keeps his address."""
    assert await send(told(email=unusable)) == "IGNORE"
    assert await send(told("user.updated", email=unusable)) == "IGNORE"
    assert await send(told("user.updated")) == "TRAITE"
    assert await send(told("user.updated", email=unusable, first_name="Anne")) == "TRAITE"
    assert (await account()).prenom == "Anne"


async def test_R21_texts_that_cannot_be_kept_are_made_to_fit(
    send: Send, told: Told, account: Account
) -> None:
    """Texts too long are cut, those with control characters or of another type left out."""
    await send(told(first_name="A" * 500, last_name="Mar\u0000tin", phone=["06"]))
    made = await account()
    assert (made.prenom, made.nom, made.telephone) == ("A" * 100, "", "")


@pytest.mark.parametrize("form", ["event_id", "header", "body"])
async def test_R22_a_replay_has_no_effect(send: Send, told: Told, sujet: str, email: str, form: str) -> None:
    """Replays are known by event_id, else by the header webhook-id, else by their bytes."""
    user = {"id": sujet, "email": email}
    event = {"type": "user.created", "user": user}
    headers = {}
    if form == "event_id":
        event |= {"event_id": f"event_{sujet}"}
    elif form == "header":
        headers = {"webhook_id": f"msg_{sujet}"}
    tries = [0] * 5 if form == "body" else range(5)
    webhooks = [hmac_webhook(event | {"try": n}, SECRET, at=now(), **headers) for n in tries]
    assert [await send(one) for one in webhooks] == ["TRAITE"] + ["DOUBLON"] * 4


async def test_R22_twenty_at_once_have_one_effect(send: Send, told: Told, mesh: Mesh, sujet: str) -> None:
    """One of twenty simultaneous deliveries takes effect, and one row is stored."""
    webhook = told()
    results = await asyncio.gather(*(send(webhook) for _ in range(20)))
    assert Counter(results) == {"TRAITE": 1, "DOUBLON": 19}
    (kept,) = await mesh.database("users").read().all(select(WebhookRecu).where(WebhookRecu.sujet == sujet))
    assert (kept.resultat, kept.charge_utile) == ("TRAITE", {})


@pytest.mark.parametrize(
    ("at", "accepted"), [(-48 * 3600 + 5, True), (-48 * 3600 - 5, False), (295, True), (305, False)]
)
async def test_R23_what_is_old_or_to_come_is_refused(
    sync: SyncServiceStub, told: Told, at: int, accepted: bool
) -> None:
    """Times beyond 48 hours ago or five minutes ahead are HORS_FENETRE."""
    call = sync.HandleProviderWebhook(request_of(told(at=at)))
    if accepted:
        assert (await call).resultat == "TRAITE"
    else:
        assert await refused(call) == (StatusCode.FAILED_PRECONDITION, "HORS_FENETRE")
