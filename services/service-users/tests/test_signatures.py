"""Proofs of webhooks (R20) and their times (R23): the forms one by one, without accounts."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from db_utils import clock
from grpc_utils import Jwks
from grpc_utils.errors import FormatInvalide
from service_testing.issuer import IdentityProvider, identity_provider, new_key
from service_testing.tokens import compact, hmac_by, pss_by, rsa_by, unsigned
from service_testing.webhooks import Webhook, hmac_webhook, token_webhook
from service_users.notifications import HorsFenetre
from service_users.signatures import ClesIndisponibles, Hmac, SignatureInvalide, Token

VECTOR = b'{"type":"user.created","user":{"id":"test","email":"test@example.com"}}'
VECTOR_SIGNATURE = "6af16d72a472bc45e655a026f5f09233e77b5db6b42654969aede985eb2756cf"
VECTOR_AT = 1760000000
VECTOR_AT_SIGNATURE = "9a5c7bc449268c5007397d38784f63f8013e10cfeeb7f8aef514d689d63c3fdf"
AT = datetime.fromtimestamp(VECTOR_AT, UTC)
SECRET = "test-secret"
EVENT = {"type": "user.updated", "event_id": "event_1", "timestamp": "2026-01-12T09:00:00.000Z"}
LOOSE = Hmac([SECRET.encode()], timestamp_required=False)
STRICT = Hmac([SECRET.encode()], timestamp_required=True)


async def read(verifier: Hmac | Token, webhook: Webhook, **changes: str) -> dict[str, Any]:
    """Return the content that *verifier* reads with these headers changed; an empty one is left out."""
    headers = webhook.headers | {name.replace("_", "-"): value for name, value in changes.items()}
    content, _ = await verifier.verified(webhook.body, {k: v for k, v in headers.items() if v})
    return content


@pytest.mark.parametrize("spelling", [str.lower, str.upper, lambda text: f"sha256={text}"])
async def test_R20_the_vector_without_time(spelling: Any) -> None:
    """The signature is hexadecimal in either case, with or without the name of the digest."""
    headers = {"x-kinde-signature": spelling(VECTOR_SIGNATURE)}
    content, signed_at = await LOOSE.verified(VECTOR, headers)
    assert (content, signed_at) == (json.loads(VECTOR), None)


async def test_R20_the_vector_with_its_time() -> None:
    """The time and the bytes are signed together."""
    headers = {"x-kinde-signature": VECTOR_AT_SIGNATURE, "x-kinde-timestamp": str(VECTOR_AT)}
    with clock.frozen_at(AT):
        content, signed_at = await STRICT.verified(VECTOR, headers)
    assert (content, signed_at) == (json.loads(VECTOR), VECTOR_AT)


@pytest.mark.parametrize(
    "signature",
    ["", "test", VECTOR_SIGNATURE[:-1], f"{VECTOR_SIGNATURE}0", f" {VECTOR_SIGNATURE}", "é" * 64, "0" * 64],
)
async def test_R20_other_signatures_are_refused(signature: str) -> None:
    """Missing, probing, cut, prolonged, non-hexadecimal and simply wrong signatures are refused."""
    with pytest.raises(SignatureInvalide):
        await LOOSE.verified(VECTOR, {"x-kinde-signature": signature})


async def test_R20_one_changed_byte_is_refused() -> None:
    """A changed byte anywhere in the body makes the signature wrong."""
    for position in range(len(VECTOR)):
        body = bytearray(VECTOR)
        body[position] ^= 1
        with pytest.raises(SignatureInvalide):
            await LOOSE.verified(bytes(body), {"x-kinde-signature": VECTOR_SIGNATURE})


async def test_R20_secrets_can_be_rotated() -> None:
    """Each of several secrets is right; another one, or none at all, is not."""
    webhook = hmac_webhook(EVENT, "ancien")
    both = Hmac([b"nouveau", b"ancien"], timestamp_required=False)
    assert await read(both, webhook) == EVENT
    for secrets in ([b"nouveau"], []):
        with pytest.raises(SignatureInvalide):
            await read(Hmac(secrets, timestamp_required=False), webhook)


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-300, True), (300, True), (301, False)])
async def test_R20_a_signed_time_is_of_now(seconds: int, accepted: bool) -> None:
    """A signed time may differ by five minutes; beyond, it is HORS_FENETRE."""
    webhook = hmac_webhook(EVENT, SECRET, at=VECTOR_AT + seconds)
    with clock.frozen_at(AT):
        if accepted:
            assert await read(STRICT, webhook) == EVENT
        else:
            with pytest.raises(HorsFenetre):
                await read(STRICT, webhook)


@pytest.mark.parametrize("stamp", ["", "jamais", "-1", "1e9", "٣", str(VECTOR_AT + 1)])
async def test_R20_a_time_that_is_missing_or_not_the_signed_one_is_refused(stamp: str) -> None:
    """A header without the signed time is refused: it could be replayed for ever."""
    webhook = hmac_webhook(EVENT, SECRET, at=VECTOR_AT)
    with clock.frozen_at(AT), pytest.raises(SignatureInvalide):
        await read(STRICT, webhook, x_kinde_timestamp=stamp)


async def test_R20_a_signature_without_time_does_not_do_where_times_are_required() -> None:
    """A right signature without time is refused where times are required."""
    with pytest.raises(SignatureInvalide):
        await read(STRICT, hmac_webhook(EVENT, SECRET))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"[" * 100_000])
async def test_R21_what_is_no_object_is_refused(body: bytes) -> None:
    """A body that is no JSON object is FORMAT_INVALIDE, though its signature is right."""
    with pytest.raises(FormatInvalide):
        await read(LOOSE, hmac_webhook(body, SECRET))


@pytest.fixture
def token(kinde: IdentityProvider) -> Token:
    """Verifier of the token form."""
    return Token(Jwks(f"{kinde.issuer}/.well-known/jwks"))


async def test_R20_a_token_of_the_provider_is_read(kinde: IdentityProvider, token: Token) -> None:
    """A token is RS256 under a published key, after a rotation under the new one."""
    assert await read(token, token_webhook(EVENT, kinde)) == EVENT
    kinde.rotate()
    assert await read(Token(Jwks(f"{kinde.issuer}/.well-known/jwks")), token_webhook(EVENT, kinde)) == EVENT


async def test_R20_other_tokens_are_refused(kinde: IdentityProvider, token: Token) -> None:
    """Tokens with another algorithm, key or key id, or with a changed byte, are refused."""
    public = kinde.document()["keys"][0]["n"].encode()
    header = {"alg": "RS256", "typ": "JWT", "kid": kinde.kid}
    good = token_webhook(EVENT, kinde).body
    forged = [
        compact({"alg": "none", "kid": kinde.kid}, EVENT, unsigned),
        compact({"alg": "HS256", "kid": kinde.kid}, EVENT, hmac_by(public)),
        compact(header, EVENT, hmac_by(public)),
        compact({"alg": "PS256", "kid": kinde.kid}, EVENT, pss_by(kinde.key)),
        compact(header, EVENT, rsa_by(new_key(99))),
        compact({"alg": "RS256"}, EVENT, rsa_by(kinde.key)),
        compact({"alg": "RS256", "kid": "invented"}, EVENT, rsa_by(kinde.key)),
        compact(header, EVENT, unsigned),
        "pas.un.jeton",
        "",
    ]
    bodies = [one.encode() for one in forged] + [good[:-5] + b"AAAAA", good + b"=", b"\xff" + good]
    for body in bodies:
        with pytest.raises(SignatureInvalide):
            await token.verified(body, {})


async def test_R23_a_token_without_time_is_refused(kinde: IdentityProvider, token: Token) -> None:
    """A token without time could be replayed for ever."""
    with pytest.raises(FormatInvalide):
        await read(token, token_webhook(EVENT | {"timestamp": None}, kinde))


async def test_R20_keys_out_of_reach_are_unavailable() -> None:
    """Keys out of reach are UNAVAILABLE, so the provider sends it again; a key known already suffices."""
    async with identity_provider() as provider:
        webhook, address = token_webhook(EVENT, provider), f"{provider.issuer}/.well-known/jwks"
        async with provider.down():
            with pytest.raises(ClesIndisponibles):
                await read(Token(Jwks(address)), webhook)
        token = Token(Jwks(address))
        await read(token, webhook)
        async with provider.down():
            assert await read(token, webhook) == EVENT
