"""HandleProviderWebhook over gRPC: what a webhook does (R21–R24) and that it does it once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_kit.testing import Mesh, refused
from service_kit.testing.issuer import IdentityProvider
from service_kit.testing.webhooks import Webhook, hmac_webhook, token_webhook
from service_users.models import ConflitIdentite, WebhookRecu
from sqlalchemy import select
from tests.personnes import FORMER_SECRET, SECRET, Seen, Someone, new_email

Send = Callable[[Webhook], Awaitable[str]]
Told = Callable[..., Webhook]
UNKNOWN = (StatusCode.NOT_FOUND, "INTROUVABLE")
_numbers = count(1)


def request_of(webhook: Webhook, **fields: Any) -> pb.HandleProviderWebhookRequest:
    """*webhook* as the gateway passes it on."""
    told = {
        "fournisseur": "kinde",
        "corps": webhook.body,
        "content_type": webhook.content_type,
        "entetes": webhook.headers,
    }
    return pb.HandleProviderWebhookRequest(**(told | fields))


@pytest.fixture
def send(sync: SyncServiceStub) -> Send:
    """Sends a webhook and tells its result."""

    async def sent(webhook: Webhook) -> str:
        return (await sync.HandleProviderWebhook(request_of(webhook))).resultat

    return sent


@pytest.fixture
def told(sujet: str, email: str) -> Told:
    """What the provider tells of one person: a signed webhook; *at* seconds from now, fields of the user."""

    def made(kind: str = "user.created", at: float = 0, **user: Any) -> Webhook:
        person = {} if kind == "user.deleted" else {"email": email, "first_name": None, "last_name": None}
        return hmac_webhook(_event(kind, at, {"id": sujet} | person | user), SECRET, at=_now())

    return made


def _now() -> int:
    return int(clock.timestamp())


def _event(kind: str, at: float, user: object, **fields: object) -> dict[str, object]:
    """The body of a webhook in the form that carries its own id and time."""
    return {
        "type": kind,
        "event_id": f"event_{next(_numbers)}",
        "timestamp": (clock.now() + timedelta(seconds=at)).isoformat().replace("+00:00", "Z"),
        "data": {"user": user},
    } | fields


@pytest.fixture
def account(people: UtilisateurServiceStub, sujet: str) -> Callable[[], Awaitable[pb.Utilisateur]]:
    """Reads the account of the person of the test."""

    async def read() -> pb.Utilisateur:
        return await people.GetByIdentity(
            pb.GetUtilisateurByIdentityRequest(fournisseur="kinde", sujet=sujet)
        )

    return read


async def test_R24_a_person_is_created_updated_and_deleted(
    send: Send, told: Told, account: Any, email: str
) -> None:
    """By both forms of the body; the last one tells no more than the id."""
    created = await send(told(first_name="Anne", last_name="Martin", phone="0612345678"))
    made = await account()
    assert (created, made.prenom, made.nom, made.telephone) == ("TRAITE", "Anne", "Martin", "0612345678")
    assert (made.email, made.email_verifie, made.source_creation) == (email, True, "webhook")
    other = new_email()
    updated = await send(told("user.updated", first_name="Annie", email=other))
    after = await account()
    assert (updated, after.id, after.prenom, after.nom, after.email) == (
        "TRAITE",
        made.id,
        "Annie",
        "Martin",
        other,
    )
    assert await send(told("user.deleted")) == "TRAITE"
    assert await refused(account()) == UNKNOWN


async def test_R21_the_short_form_of_the_body(
    send: Send, people: UtilisateurServiceStub, sujet: str, email: str
) -> None:
    """`user` at the top; its time is the signed one."""
    body = {"type": "user.created", "user": {"id": sujet, "email": email}}
    assert await send(hmac_webhook(body, FORMER_SECRET, at=_now())) == "TRAITE"
    made = await people.GetByEmail(pb.GetUtilisateurByEmailRequest(email=email))
    assert (made.prenom, made.nom) == ("User", email.partition("@")[0])


async def test_R20_the_token_form(send: Send, kinde: IdentityProvider, sujet: str, email: str) -> None:
    """The real one, with everything that Kinde puts in."""
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
    event = _event("user.updated", 0, user, source="admin")
    assert [await send(token_webhook(event, kinde)) for _ in range(2)] == ["TRAITE", "DOUBLON"]


async def test_R20_the_content_type_chooses_the_form(
    sync: SyncServiceStub, told: Told, kinde: IdentityProvider, sujet: str
) -> None:
    """Neither form's proof does for the other; other types are none at all."""
    signed, token = told(), token_webhook(_event("user.created", 0, {"id": sujet}), kinde)
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


async def test_R20_a_probe_is_refused(sync: SyncServiceStub, told: Told, account: Any) -> None:
    """Signature `test`, one changed byte: UNAUTHENTICATED, and nothing is stored."""
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
    """VALEUR_INCONNUE."""
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
    """INVALID_ARGUMENT."""
    call = sync.HandleProviderWebhook(request_of(hmac_webhook(body, SECRET, at=_now())))
    assert (await refused(call))[0] == StatusCode.INVALID_ARGUMENT


async def test_R21_other_types_mean_nothing(send: Send, account: Any, told: Told) -> None:
    """IGNORE, whatever they carry; once more it is a replay."""
    webhook = told("role.created")
    assert [await send(webhook), await send(webhook)] == ["IGNORE", "DOUBLON"]
    assert await refused(account()) == UNKNOWN


@pytest.mark.parametrize("unusable", [None, "", "pas une adresse", 7])
async def test_R21_who_has_no_address_gets_no_account(
    send: Send, told: Told, account: Any, unusable: object
) -> None:
    """IGNORE; an account that is there keeps its address."""
    assert await send(told(email=unusable)) == "IGNORE"
    assert await send(told("user.updated", email=unusable)) == "IGNORE"
    assert await send(told("user.updated")) == "TRAITE"
    assert await send(told("user.updated", email=unusable, first_name="Anne")) == "TRAITE"
    assert (await account()).prenom == "Anne"


async def test_R21_texts_that_cannot_be_kept_are_made_to_fit(send: Send, told: Told, account: Any) -> None:
    """Too long, with control characters, of another type: names are shown, they decide nothing."""
    await send(told(first_name="A" * 500, last_name="Mar\u0000tin", phone=["06"]))
    made = await account()
    assert (made.prenom, made.nom, made.telephone) == ("A" * 100, "", "")


@pytest.mark.parametrize("form", ["event_id", "header", "body"])
async def test_R22_a_replay_has_no_effect(send: Send, told: Told, sujet: str, email: str, form: str) -> None:
    """It is known by event_id, else by the header webhook-id, else by its bytes."""
    user = {"id": sujet, "email": email}
    event = {"type": "user.created", "user": user}
    headers = {}
    if form == "event_id":
        event |= {"event_id": f"event_{sujet}"}
    elif form == "header":
        headers = {"webhook_id": f"msg_{sujet}"}
    webhooks = [hmac_webhook(event, SECRET, at=_now(), **headers) for _ in range(5)]
    assert [await send(one) for one in webhooks] == ["TRAITE"] + ["DOUBLON"] * 4


async def test_R22_twenty_at_once_have_one_effect(send: Send, told: Told, mesh: Mesh, sujet: str) -> None:
    """The others are replays, and nothing is stored twice."""
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
    """Beyond 48 hours, or five minutes ahead: FAILED_PRECONDITION HORS_FENETRE."""
    call = sync.HandleProviderWebhook(request_of(told(at=at)))
    if accepted:
        assert (await call).resultat == "TRAITE"
    else:
        assert await refused(call) == (StatusCode.FAILED_PRECONDITION, "HORS_FENETRE")


async def test_R24_the_state_of_the_latest_event_stays(send: Send, told: Told, account: Any) -> None:
    """What is older than it is IGNORE."""
    await send(told(at=-60))
    later = await send(told("user.updated", at=-20, first_name="Tard"))
    sooner = await send(told("user.updated", at=-40, first_name="Tôt"))
    assert (later, sooner, (await account()).prenom) == ("TRAITE", "IGNORE", "Tard")
    assert await send(told("user.deleted", at=-50)) == "IGNORE"
    assert (await account()).actif


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
async def test_R24_events_in_any_order_come_to_the_same(
    send: Send, told: Told, account: Any, order: tuple[int, ...]
) -> None:
    """Created, updated, deleted: the person is gone in the end, also when that was heard first."""
    webhooks = (told(at=-30), told("user.updated", at=-20), told("user.deleted", at=-10))
    for position in order:
        await send(webhooks[position])
    assert await refused(account()) == UNKNOWN


async def test_R24_an_unknown_person_is_not_deleted(send: Send, told: Told) -> None:
    """IGNORE."""
    assert await send(told("user.deleted")) == "IGNORE"


async def test_R24_the_provider_suspends_and_lifts_it(
    send: Send, told: Told, account: Any, people: UtilisateurServiceStub
) -> None:
    """But it does not lift what a service has done."""
    await send(told())
    await send(told("user.updated", is_suspended=True))
    suspended = await account()
    await send(told("user.updated"))
    silent = await account()
    await send(told("user.updated", is_suspended=False))
    lifted = await account()
    assert (suspended.actif, silent.actif, lifted.actif) == (False, False, True)
    await people.Update(pb.UpdateUtilisateurRequest(id=lifted.id, actif=False))
    await send(told("user.updated", is_suspended=False))
    assert not (await account()).actif


async def test_R15_a_deleted_subject_is_not_resurrected(
    send: Send, told: Told, account: Any, people: UtilisateurServiceStub
) -> None:
    """Not by the provider either: IGNORE."""
    await send(told())
    await people.Delete(pb.DeleteUtilisateurRequest(id=(await account()).id))
    assert [await send(told()), await send(told("user.updated"))] == ["IGNORE", "IGNORE"]
    assert await refused(account()) == UNKNOWN


async def test_R10_a_conflict_is_a_result(
    send: Send, told: Told, mesh: Mesh, someone: Someone, email: str, sujet: str
) -> None:
    """No refusal: the address belongs to an account with another person of this provider."""
    await someone(email=email, fournisseur="kinde", sujet=f"{sujet}-b")
    assert await send(told()) == "CONFLIT"
    (conflict,) = (
        await mesh.database("users").read().all(select(ConflitIdentite).where(ConflitIdentite.sujet == sujet))
    )
    assert conflict.motif == "AUTRE_SUJET"


async def test_R09_an_address_in_use_stays_with_its_owner(
    send: Send, told: Told, account: Any, someone: Someone, email: str
) -> None:
    """The rest applies; the result tells of the conflict."""
    await send(told())
    other = await someone()
    assert await send(told("user.updated", email=other.email, first_name="Anne")) == "CONFLIT"
    after = await account()
    assert (after.email, after.prenom) == (email, "Anne")


async def test_R08_a_webhook_and_a_sign_in_at_once_make_one_person(
    send: Send, told: Told, sync: SyncServiceStub, seen: Seen, account: Any
) -> None:
    """With one identity of that provider."""
    answer, result = await asyncio.gather(sync.SyncUser(seen(fournisseur="kinde")), send(told()))
    made = await account()
    assert (result, answer.utilisateur.id) == ("TRAITE", made.id)
    assert sorted(one.fournisseur for one in made.identites) == ["kinde", "local"]
