"""Hostile calls: tokens whose header or signature names another algorithm or key (RFC 8725, section 3.1)."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.hashes import SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from service_testing.issuer import IdentityProvider, public_jwk
from service_testing.probe import AUDIENCE, OWN, Probe, bearer
from service_testing.tokens import (
    Sign,
    b64,
    compact,
    digest_only,
    ecdsa_by,
    ed25519_by,
    hmac_by,
    pss_by,
    rsa_by,
    unsigned,
)

Member = Callable[[Probe], str]

STRANGER = new_rsa_key(public_exponent=65537, key_size=2048)


def shared(probe: Probe, sign: Sign, **header: object) -> str:
    """A token of the issuer with the shared secret, whatever its header and signature."""
    return compact({"alg": "HS256", **header}, probe.claims(), sign)


def realm(probe: Probe, sign: Sign, **header: object) -> str:
    """A token of the issuer with published keys, whatever its header and signature."""
    claims = probe.claims(iss=probe.keycloak.issuer, typ="Bearer")
    return compact({"alg": "RS256", "kid": probe.keycloak.kid, **header}, claims, sign)


def in_pem(provider: IdentityProvider) -> bytes:
    """The public key of *provider* as text."""
    return provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def modulus(provider: IdentityProvider) -> bytes:
    """The modulus of the public key of *provider*, as its document has it."""
    return str(public_jwk(provider.key, provider.kid)["n"]).encode()


def as_secret(secret: Callable[[IdentityProvider], bytes]) -> Member:
    """A token signed by HS256 with something that an issuer of RS256 tokens has published."""
    return lambda p: realm(p, hmac_by(secret(p.keycloak)), alg="HS256")


def own(probe: Probe, sign: Sign, kid: str) -> str:
    """A token of the issuer that wants an audience."""
    return compact({"alg": "RS256", "kid": kid}, probe.claims(iss=OWN, aud=AUDIENCE), sign)


def swapped(probe: Probe) -> str:
    """The signature of one valid token under the content of another."""
    head, payload, _ = probe.token(sub="admin").split(".")
    return f"{head}.{payload}.{probe.token().split('.')[2]}"


def without_first_byte(probe: Probe) -> str:
    """A valid RS256 token whose signature is a byte short."""
    return realm(probe, lambda signed: rsa_by(probe.keycloak.key)(signed)[1:])


ALGORITHMS: dict[str, Member] = {
    "none": lambda p: shared(p, unsigned, alg="none"),
    "an algorithm that does not exist": lambda p: shared(p, unsigned, alg="XS256"),
    "an algorithm that does not exist, with a signature": lambda p: shared(p, hmac_by(p.secret), alg="XS256"),
    "none with the right signature": lambda p: shared(p, hmac_by(p.secret), alg="none"),
    "none for an issuer with published keys": lambda p: realm(p, unsigned, alg="none"),
    "the right algorithm without a signature": lambda p: shared(p, unsigned),
    "a digest without a key": lambda p: shared(p, digest_only),
    "HS384 under the secret": lambda p: shared(p, hmac_by(p.secret, "sha384"), alg="HS384"),
    "HS512 under the secret": lambda p: shared(p, hmac_by(p.secret, "sha512"), alg="HS512"),
    "HS512 that says HS256": lambda p: shared(p, hmac_by(p.secret, "sha512")),
    "lower case": lambda p: shared(p, hmac_by(p.secret), alg="hs256"),
    "a space behind": lambda p: shared(p, hmac_by(p.secret), alg="HS256 "),
    "null": lambda p: shared(p, hmac_by(p.secret), alg=None),
    "a number": lambda p: shared(p, hmac_by(p.secret), alg=256),
    "a list": lambda p: shared(p, hmac_by(p.secret), alg=["HS256"]),
    "an object": lambda p: shared(p, hmac_by(p.secret), alg={"HS256": True}),
    "no algorithm": lambda p: compact({"typ": "JWT"}, p.claims(), hmac_by(p.secret)),
    "no header": lambda p: compact({}, p.claims(), hmac_by(p.secret)),
    "an empty secret": lambda p: shared(p, hmac_by(b"")),
    "a famous secret": lambda p: shared(p, hmac_by(b"secret")),
    "the start of the secret": lambda p: shared(p, hmac_by(p.secret[:32])),
    "the secret and a line feed": lambda p: shared(p, hmac_by(p.secret + b"\n")),
    "the secret in base64": lambda p: shared(p, hmac_by(b64(p.secret).encode())),
    "a public key in PEM as secret": as_secret(in_pem),
    "the modulus of a public key as secret": as_secret(modulus),
    "the id of a public key as secret": as_secret(lambda issuer: issuer.kid.encode()),
    "the name of the issuer as secret": as_secret(lambda issuer: issuer.issuer.encode()),
    "the published document as secret": as_secret(lambda issuer: str(issuer.document()).encode()),
    "the shared secret for another issuer": lambda p: realm(p, hmac_by(p.secret), alg="HS256"),
    "the shared secret called RS256": lambda p: realm(p, hmac_by(p.secret)),
    "RS256 for the issuer of HS256": lambda p: shared(p, rsa_by(p.keycloak.key), alg="RS256"),
    "RS256 without an issuer": lambda p: compact(
        {"alg": "RS256", "kid": p.keycloak.kid}, p.claims(iss=None), rsa_by(p.keycloak.key)
    ),
    "RS384 under the right key": lambda p: realm(p, rsa_by(p.keycloak.key, SHA384()), alg="RS384"),
    "RS512 that says RS256": lambda p: realm(p, rsa_by(p.keycloak.key, SHA512())),
    "PS256 under the right key": lambda p: realm(p, pss_by(p.keycloak.key), alg="PS256"),
    "PS256 that says RS256": lambda p: realm(p, pss_by(p.keycloak.key)),
    "ES256": lambda p: realm(p, ecdsa_by(new_ec_key(SECP256R1())), alg="ES256"),
    "EdDSA under a key of one's own": lambda p: realm(
        p, ed25519_by(Ed25519PrivateKey.generate()), alg="EdDSA"
    ),
    "RS256 under a key of one's own": lambda p: realm(p, rsa_by(STRANGER)),
    "RS256 a byte short": without_first_byte,
    "a key of another issuer": lambda p: realm(p, rsa_by(p.auth.key)),
    "a key of another issuer, the other way": lambda p: own(p, rsa_by(p.keycloak.key), p.auth.kid),
    "the signature of another token": swapped,
}

KEY_IDS: dict[str, Member] = {
    "unknown": lambda p: realm(p, rsa_by(p.keycloak.key), kid="key-0"),
    "in other letters": lambda p: realm(p, rsa_by(p.keycloak.key), kid=p.keycloak.kid.upper()),
    "empty": lambda p: realm(p, rsa_by(p.keycloak.key), kid=""),
    "null": lambda p: realm(p, rsa_by(p.keycloak.key), kid=None),
    "a number": lambda p: realm(p, rsa_by(p.keycloak.key), kid=1),
    "a list": lambda p: realm(p, rsa_by(p.keycloak.key), kid=[p.keycloak.kid]),
    "an object": lambda p: realm(p, rsa_by(p.keycloak.key), kid={"kid": p.keycloak.kid}),
    "none": lambda p: compact(
        {"alg": "RS256"}, p.claims(iss=p.keycloak.issuer, typ="Bearer"), rsa_by(p.keycloak.key)
    ),
    "with a NUL": lambda p: realm(p, rsa_by(p.keycloak.key), kid=p.keycloak.kid + "\0"),
    "five kilobytes": lambda p: realm(p, rsa_by(p.keycloak.key), kid="k" * 5000),
    "a path": lambda p: realm(p, hmac_by(b""), alg="HS256", kid="../key"),
    "a quote": lambda p: realm(p, hmac_by(b"x"), alg="HS256", kid="x' 'x"),
    "an address": lambda p: realm(p, rsa_by(STRANGER), kid="http://127.0.0.1:9/keys"),
    "a list for the shared secret": lambda p: shared(p, hmac_by(p.secret), kid=["a"]),
    "a key in the header": lambda p: realm(p, rsa_by(STRANGER), kid="own", jwk=public_jwk(STRANGER, "own")),
    "a secret in the header": lambda p: shared(p, hmac_by(b"mine"), jwk={"kty": "oct", "k": b64(b"mine")}),
    "a certificate in the header": lambda p: realm(p, rsa_by(STRANGER), kid="own", x5c=[b64(b"certificate")]),
    "keys elsewhere": lambda p: realm(p, rsa_by(p.auth.key), kid=p.auth.kid, jku=p.auth.jwks_url),
    "a certificate elsewhere": lambda p: realm(p, rsa_by(p.auth.key), kid=p.auth.kid, x5u=p.auth.jwks_url),
}


@pytest.mark.parametrize("member", ALGORITHMS.values(), ids=ALGORITHMS)
async def test_algorithm_and_key_confusion_is_unauthenticated(probe: Probe, member: Member) -> None:
    """The issuer decides algorithm and key, never the token."""
    await probe.refuses(bearer(member(probe)))


@pytest.mark.parametrize("member", KEY_IDS.values(), ids=KEY_IDS)
async def test_a_hostile_key_id_is_unauthenticated(probe: Probe, member: Member) -> None:
    """A key id chooses among the keys that the issuer publishes and does nothing else."""
    await probe.refuses(bearer(member(probe)))


ACCEPTED: dict[str, Member] = {
    "HS256 of the issuer": lambda p: p.token(),
    "HS256 without an issuer": lambda p: p.token(iss=None),
    "HS256 with a key id, which means nothing": lambda p: shared(p, hmac_by(p.secret), kid="any"),
    "RS256 of the realm": lambda p: p.keycloak.token(),
    "RS256 of the second issuer": lambda p: p.auth.token(iss=OWN, aud=AUDIENCE),
    "keys elsewhere, not looked at": lambda p: realm(p, rsa_by(p.keycloak.key), jku="http://127.0.0.1:9/"),
    "a key in the header, not looked at": lambda p: realm(
        p, rsa_by(p.keycloak.key), jwk=public_jwk(STRANGER, "own"), x5u="http://127.0.0.1:9/", x5c=["AA"]
    ),
    "another type": lambda p: shared(p, hmac_by(p.secret), typ="at+jwt", cty="JWT"),
}


@pytest.mark.parametrize("member", ACCEPTED.values(), ids=ACCEPTED)
async def test_tokens_signed_by_their_issuer_are_accepted(probe: Probe, member: Member) -> None:
    """Members of the header that we do not read make no difference."""
    assert (await probe.accepts(bearer(member(probe)))).kind == "user"
