"""Hostile calls: callers that pose as one of our services (C5)."""

from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from db_utils import clock
from grpc_utils import KeyPair, new_key_pair
from service_testing.http2 import Headers
from service_testing.probe import Probe, bearer
from service_testing.tokens import compact, ed25519_by, hmac_by, unsigned

Member = Callable[[Probe], Headers]

NAME, CALLEE = "service:email", "service:dashboard"


def private_key(pair: KeyPair) -> Ed25519PrivateKey:
    """The signing key of *pair*."""
    return Ed25519PrivateKey.from_private_bytes(jwt.utils.base64url_decode(pair.private))


def claims(**changes: object) -> dict[str, object]:
    """The claims of a good internal token with *changes*; None removes one."""
    now = int(clock.timestamp())
    good: dict[str, object] = {"iss": NAME, "sub": NAME, "aud": CALLEE, "iat": now, "exp": now + 60}
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(**changes: object) -> Member:
    """A token signed by the service that it names, with *changes* to its claims."""
    return lambda p: bearer(compact({"alg": "EdDSA"}, claims(**changes), email(p)))


def email(probe: Probe) -> Callable[[bytes], bytes]:
    """The signer of the email service."""
    return ed25519_by(private_key(probe.services["email"]))


def stranger(signed: bytes) -> bytes:
    """A signature by a fresh key, known to no server."""
    return Ed25519PrivateKey.generate().sign(signed)


def now() -> int:
    """The current second."""
    return int(clock.timestamp())


BARE: dict[str, Member] = {
    "x-internal-service": lambda p: [(b"x-internal-service", b"email")],
    "x-internal-service with a subject": lambda p: [(b"x-internal-service", NAME.encode())],
    "x-service-name": lambda p: [(b"x-service-name", b"email")],
    "x-caller-service": lambda p: [(b"x-caller-service", b"email"), (b"x-internal", b"true")],
    "an organisation": lambda p: [(b"x-organisation-id", b"org-1")],
    "a name as token": lambda p: bearer(NAME),
    "a public key as token": lambda p: bearer(p.services["email"].public),
}

FORGED: dict[str, Member] = {
    "a key of nobody": lambda p: bearer(p.service_token(by=new_key_pair())),
    "the key of another service": lambda p: bearer(p.service_token("email", by=p.services["factures"])),
    "no signature": lambda p: bearer(compact({"alg": "none"}, claims(), unsigned)),
    "EdDSA without a signature": lambda p: bearer(compact({"alg": "EdDSA"}, claims(), unsigned)),
    "the shared secret": lambda p: bearer(compact({"alg": "HS256"}, claims(), hmac_by(p.secret))),
    "the shared secret called EdDSA": lambda p: bearer(
        compact({"alg": "EdDSA"}, claims(), hmac_by(p.secret))
    ),
    "the public key as a secret": lambda p: bearer(
        compact({"alg": "HS256"}, claims(), hmac_by(jwt.utils.base64url_decode(p.services["email"].public)))
    ),
    "a key in the header": lambda p: bearer(
        compact({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}, claims(), stranger)
    ),
    "Ed25519 by its other name": lambda p: bearer(compact({"alg": "Ed25519"}, claims(), email(p))),
    "a service nobody knows": lambda p: bearer(p.service_token("intruder", by=new_key_pair())),
    "another service in sub": signed(sub="service:factures"),
    "another service in iss": signed(iss="service:factures"),
    "another service in both": signed(iss="service:factures", sub="service:factures"),
    "a user in sub": signed(sub="user-1"),
    "no sub": signed(sub=None),
    "no sub but a userId": signed(sub=None, userId="user-1"),
    "the prefix alone": signed(sub="service:"),
    "other letters": signed(sub="Service:email"),
    "another callee": lambda p: bearer(p.service_token(callee="clients")),
    "no callee": signed(aud=None),
    "every callee": signed(aud="*"),
    "a callee without its prefix": signed(aud="dashboard"),
    "a list of other callees": signed(aud=["service:clients", "service:email"]),
    "expired": lambda p: bearer(compact({"alg": "EdDSA"}, claims(iat=now() - 120, exp=now() - 60), email(p))),
    "made in the future": lambda p: bearer(
        compact({"alg": "EdDSA"}, claims(iat=now() + 3600, exp=now() + 3660), email(p))
    ),
    "a life of 61 seconds": lambda p: bearer(
        compact({"alg": "EdDSA"}, claims(iat=now(), exp=now() + 61), email(p))
    ),
    "a life of an hour": lambda p: bearer(
        compact({"alg": "EdDSA"}, claims(iat=now(), exp=now() + 3600), email(p))
    ),
    "a life that is not told": signed(iat=None),
    "a life that ends before it begins": lambda p: bearer(
        compact({"alg": "EdDSA"}, claims(iat=now() + 20, exp=now() + 10), email(p))
    ),
    "an act_for that is a list": signed(act_for=["user-1"]),
    "an empty act_for": signed(act_for=""),
}

POSING: dict[str, Member] = {
    "sub of a service": lambda p: bearer(p.token(sub=NAME)),
    "userId of a service": lambda p: bearer(p.token(sub=None, userId=NAME)),
    "iss of a service": lambda p: bearer(p.token(iss=NAME)),
    "iss and sub of a service": lambda p: bearer(p.token(iss=NAME, sub=NAME, aud=CALLEE)),
    "sub of a service, RS256": lambda p: bearer(p.keycloak.token(sub=NAME)),
    "iss and sub of a service, RS256": lambda p: bearer(p.keycloak.token(iss=NAME, sub=NAME, aud=CALLEE)),
}

FAMILIES = {"bare": BARE, "forged": FORGED, "posing": POSING}
MEMBERS = {f"{family} - {name}": made for family, table in FAMILIES.items() for name, made in table.items()}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
async def test_a_caller_that_poses_as_a_service_is_unauthenticated(probe: Probe, member: Member) -> None:
    """Each member lacks a token signed by the service's own key, for this callee, for at most a minute."""
    await probe.refuses(member(probe))


CLAIMING: dict[str, Member] = {
    "a header": lambda p: [*bearer(p.token()), (b"x-internal-service", b"email")],
    "a claim": lambda p: bearer(p.token(internal=True, service="email", kind="service")),
    "the audience of a service": lambda p: bearer(p.token(aud=CALLEE)),
    "somebody to act for": lambda p: bearer(p.token(act_for="admin")),
    "azp of a service": lambda p: bearer(p.token(azp=NAME, client_id=NAME)),
}


@pytest.mark.parametrize("member", CLAIMING.values(), ids=CLAIMING)
async def test_a_user_who_claims_to_be_internal_stays_a_user(probe: Probe, member: Member) -> None:
    """The call is answered as one of the user, whatever else it claims."""
    identity = await probe.accepts(member(probe))
    assert (identity.kind, identity.subject, identity.user_id) == ("user", "user-1", "user-1")


async def test_a_service_with_a_good_token_is_accepted(probe: Probe) -> None:
    """The token is signed by the service's own key, names it and is for this callee."""
    identity = await probe.accepts(bearer(probe.service_token()))
    assert (identity.kind, identity.subject, identity.user_id) == ("service", NAME, "")


async def test_a_service_acts_for_the_user_it_names(probe: Probe) -> None:
    """The handler sees a service as caller and the user of `act_for` behind it."""
    identity = await probe.accepts(signed(act_for="user-9")(probe))
    assert (identity.kind, identity.user_id) == ("service", "user-9")
