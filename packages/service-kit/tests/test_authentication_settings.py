"""Settings of authentication: what a service must not start with, and what it then says."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from grpc_utils import FixedKey, Issuer, new_key_pair
from service_kit import ConfigurationError, Settings
from service_kit.settings import load
from service_testing.issuer import new_key

GOOD = "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg"
PAIR = new_key_pair()

KEYS: dict[str, Any] = {
    "RSA": new_key(1),
    "P-256": new_ec_key(SECP256R1()),
    "P-384": new_ec_key(SECP384R1()),
    "Ed25519": Ed25519PrivateKey.generate(),
}
PUBLIC = {
    name: key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for name, key in KEYS.items()
}
PRIVATE = {
    name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for name, key in KEYS.items()
}
SSH = new_key(1).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def settings(**values: Any) -> Settings:
    """Settings with these values and what every service needs."""
    return load(Settings, database_url="host=none", **values)


def refusal(**values: Any) -> str:
    """The sentence with which a service with these values does not start."""
    with pytest.raises(ConfigurationError) as told:
        settings(**values).authenticator("clients")
    return str(told.value)


def body(pem: str) -> str:
    """A PEM file without its armour, on one line."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def test_C5_a_service_without_a_source_of_keys_does_not_start() -> None:
    """It says which settings make one."""
    assert refusal() == "no source of keys for tokens: set KEYCLOAK_REALM_URL, JWKS_URL or JWT_SECRET"


def test_C5_who_issues_tokens_asks_nobody_for_his_keys() -> None:
    """The own issuer is a source of keys, and takes the place of JWKS_URL."""
    own = Issuer("crm-auth", "RS256", FixedKey(new_key(1).public_key()), ("crm",))
    assert settings().authenticator("auth", [own]) is not None
    assert settings(jwks_url="https://localhost/keys").authenticator("auth", [own]) is not None


@pytest.mark.parametrize("secret", ["s", "password", "a" + "b1" * 15, "é1" * 10])
def test_C5_a_short_secret_is_refused(secret: str) -> None:
    """With the number of its bytes, the number it needs, and how to make one."""
    told = refusal(jwt_secret=secret)
    assert told == (
        f"JWT_SECRET has {len(secret.encode())} bytes and needs at least 32: "
        "make one with `openssl rand -base64 48`"
    )


@pytest.mark.parametrize("secret", [GOOD[:32], "é0à1è2ù3ç4" * 3])
def test_C5_a_secret_of_32_bytes_is_enough(secret: str) -> None:
    """As RFC 7518 asks of HS256; letters may be more than a byte."""
    assert settings(jwt_secret=secret).authenticator("clients")


@pytest.mark.parametrize(
    "secret",
    [
        "changeme-changeme-changeme-changeme",
        "CHANGE_ME_TO_SOMETHING_LONG_AND_RANDOM",
        "please-change-me-0123456789-abcdefghij",
        "your-secret-0123456789-0123456789-abc",
        "your_jwt_secret_0123456789_0123456789",
        "put-your-secret-here-0123456789-abcdef",
        "placeholder-0123456789-0123456789-abcd",
        "example-0123456789-0123456789-abcdefgh",
        "x" * 40,
        "0" * 64,
    ],
)
def test_C5_a_placeholder_is_refused(secret: str) -> None:
    """What stands in an example file is known to everybody."""
    told = refusal(jwt_secret=secret)
    assert told == "JWT_SECRET is a placeholder: make one with `openssl rand -base64 48`"


LOOK_ALIKES = {
    **{f"public {name}": text for name, text in PUBLIC.items()},
    **{f"public {name} without armour": body(text) for name, text in PUBLIC.items()},
    **{f"private {name}": text for name, text in PRIVATE.items()},
    **{f"private {name} without armour": body(text) for name, text in PRIVATE.items()},
    "OpenSSH": SSH,
    "JWK": '{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}',
}


@pytest.mark.parametrize("secret", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_C5_a_key_is_no_secret(secret: str) -> None:
    """A public key that signs is the classic confusion."""
    told = refusal(jwt_secret=secret)
    assert told == "JWT_SECRET looks like a public or private key: it must be a random text"
    assert secret not in told


def test_AUTH_ENABLED_false_is_refused_in_production() -> None:
    """It exists for the roll-out only."""
    told = refusal(auth_enabled=False, crm_env="production", jwt_secret=GOOD)
    assert told == "AUTH_ENABLED=false is refused with CRM_ENV=production: remove it"


def test_C5_keycloak_without_an_audience_is_refused_in_production() -> None:
    """The sentence says what to name."""
    realm = {"keycloak_realm_url": "https://idp.example/realms/crm", "crm_env": "production"}
    assert refusal(**realm) == (
        "KEYCLOAK_AUDIENCE is missing: tokens of every client of the realm would be accepted; name "
        "the audience (aud) of those for the CRM, or the clients (azp) that get them, comma-separated"
    )
    assert settings(**realm, keycloak_audience="crm").authenticator("clients")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"jwks_url": "http://idp.example/keys"},
            "keys must be fetched over https (http only from this machine): http://idp.example/keys",
        ),
        (
            {"keycloak_realm_url": "http://idp.example/realms/crm/"},
            "keys must be fetched over https (http only from this machine): "
            "http://idp.example/realms/crm/protocol/openid-connect/certs",
        ),
        ({"jwks_url": "keys.json"}, "not an address of the web: keys.json"),
        (
            {"jwt_secret": GOOD, "jwks_url": "https://idp.example/keys", "jwt_issuer": "crm"},
            "two key sources for one issuer (iss): give each its own",
        ),
        (
            {"jwt_secret": GOOD, "service_public_keys": f"email:{PAIR.public},email:{PAIR.public}"},
            "two key sources for one issuer (iss): give each its own",
        ),
        (
            {"jwt_secret": GOOD, "service_public_keys": "email:short"},
            "the key of service 'email' is not 32 bytes in base64url",
        ),
        (
            {"jwt_secret": GOOD, "service_public_keys": "email"},
            "the key of service 'email' is not 32 bytes in base64url",
        ),
    ],
)
def test_what_cannot_be_right_is_told_in_a_sentence(values: dict[str, Any], told: str) -> None:
    """Which names the setting or its value, and what to do."""
    assert refusal(**values) == told


def test_a_private_key_that_is_none_is_told_without_showing_it() -> None:
    """It would end up in a log."""
    with pytest.raises(ConfigurationError) as told:
        settings(service_private_key="not-a-key-at-all").signer("clients")
    assert str(told.value) == (
        "SERVICE_PRIVATE_KEY: the key of service 'clients' is not 32 bytes in base64url"
    )


def test_no_secret_is_shown_with_the_settings() -> None:
    """However they are printed."""
    values = {"jwt_secret": GOOD, "service_private_key": PAIR.private, "database_url": "password=hunter2"}
    shown = load(Settings, **values)
    printed = f"{shown} {shown!r} {shown.model_dump()} {shown.model_dump_json()}"
    assert [secret for secret in (GOOD, PAIR.private, "hunter2") if secret in printed] == []


def test_a_setting_of_the_wrong_kind_is_named_without_its_value() -> None:
    """The value may be a secret in the wrong place."""
    with pytest.raises(ConfigurationError, match=r"^DB_POOL_SIZE: ") as told:
        settings(db_pool_size="hunter2")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("values", "required"),
    [
        ({}, False),
        ({"crm_env": "production"}, True),
        ({"crm_env": "production", "tenant_claim_required": False}, False),
        ({"tenant_claim_required": True}, True),
    ],
)
def test_C6_a_claim_is_required_in_production(values: dict[str, Any], required: bool) -> None:
    """Unless the setting says otherwise."""
    assert settings(**values).tenancy().claim_required == required
