"""Jwks against a real HTTP server that rotates, fails, hangs and lies."""

import asyncio
import gzip
import json
import logging

import pytest
from grpc_utils import Jwks
from grpc_utils.jwks import FORCED_PAUSE, REFRESH_AGE, parse
from grpc_utils.web import LARGEST
from service_testing import eventually
from service_testing.issuer import IdentityProvider, Reply, new_key, public_jwk
from service_testing.party import http_reply
from service_testing.seconds import Seconds


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the keys."""
    return Seconds()


@pytest.fixture
def jwks(provider: IdentityProvider, seconds: Seconds) -> Jwks:
    """The keys of *provider*, of which nothing is known yet."""
    return Jwks(provider.jwks_url, now=seconds)


async def test_keys_are_fetched_when_they_are_needed(provider: IdentityProvider, jwks: Jwks) -> None:
    """The first call fetches them, the next ones do not."""
    assert provider.requests == 0
    found = [await jwks.key(provider.kid) for _ in range(3)]
    assert (found, provider.requests) == ([provider.key.public_key()] * 3, 1)


async def test_calls_that_wait_share_one_request(provider: IdentityProvider, jwks: Jwks) -> None:
    """A hundred first calls at once are one request to the provider."""
    with provider.slow():
        calls = [asyncio.create_task(jwks.key(provider.kid)) for _ in range(100)]
        await eventually(lambda: provider.requests)
    assert await asyncio.gather(*calls) == [provider.key.public_key()] * 100
    assert provider.requests == 1


async def test_a_caller_who_gives_up_does_not_stop_the_request(
    provider: IdentityProvider, jwks: Jwks
) -> None:
    """The others still get their keys."""
    with provider.slow():
        impatient, patient = (asyncio.create_task(jwks.key(provider.kid)) for _ in range(2))
        await eventually(lambda: provider.requests)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
    assert (await patient, provider.requests) == (provider.key.public_key(), 1)


async def test_I6_known_keys_stay_while_the_provider_is_away(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """However long it is away and however old they get, valid calls go through."""
    await jwks.key(provider.kid)
    async with provider.down():
        for _ in range(5):
            seconds.passed += REFRESH_AGE + 1
            assert await jwks.key(provider.kid) == provider.key.public_key()


async def test_old_keys_are_used_while_they_are_fetched_again(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """No call waits for the refresh."""
    await jwks.key(provider.kid)
    seconds.passed = REFRESH_AGE + 1
    with provider.slow():
        assert await jwks.key(provider.kid) == provider.key.public_key()
        await eventually(lambda: provider.requests == 2)
        seconds.passed += FORCED_PAUSE + 1
        assert await jwks.key(provider.kid) == provider.key.public_key()
    await jwks.key("invented")  # waits for what is under way, then asks for itself
    assert provider.requests == 3


async def test_unknown_key_ids_cost_one_request_in_ten_seconds(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A storm of invented key ids does not reach the provider."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    found = await asyncio.gather(*(jwks.key(f"invented-{number}") for number in range(500)))
    assert (set(found), provider.requests) == ({None}, 2)
    seconds.passed += FORCED_PAUSE
    assert (await jwks.key("invented"), provider.requests) == (None, 2)
    seconds.passed += 0.1
    assert (await jwks.key("invented"), provider.requests) == (None, 3)


async def test_a_new_key_is_known_at_its_first_call(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """Rotation refuses no valid call, before, during and after."""
    former = provider.kid
    await jwks.key(former)
    seconds.passed = FORCED_PAUSE + 1
    provider.rotate()
    kids = [former, provider.kid] * 20
    assert None not in await asyncio.gather(*(jwks.key(kid) for kid in kids))
    assert provider.requests == 2


async def test_a_refresh_that_came_too_early_does_not_delay_a_new_key(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """The document was read just before the rotation: the new key id fetches it again."""
    await jwks.key(provider.kid)
    seconds.passed = REFRESH_AGE + 1
    await jwks.key(provider.kid)
    await eventually(lambda: provider.requests == 2)
    provider.rotate()
    assert await jwks.key(provider.kid) == provider.key.public_key()


async def test_a_withdrawn_key_is_forgotten_with_the_next_document(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """What the provider no longer publishes proves nothing."""
    former = provider.kid
    await jwks.key(former)
    provider.rotate(withdraw=True)
    seconds.passed = FORCED_PAUSE + 1
    await jwks.key(provider.kid)
    assert await jwks.key(former) is None


async def test_keys_are_found_once_the_provider_is_back(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A provider that is away at the first call is asked again after the pause."""
    async with provider.down():
        assert await jwks.key(provider.kid) is None
    assert await jwks.key(provider.kid) is None
    seconds.passed = FORCED_PAUSE + 1
    assert await jwks.key(provider.kid) == provider.key.public_key()


def document(*entries: object) -> Reply:
    """A reply with a JWK set of *entries*."""
    return lambda p: http_reply(200, json.dumps({"keys": entries}).encode())


def changed(**changes: object) -> Reply:
    """A reply with the right key, changed."""
    return lambda p: document(public_jwk(p.key, p.kid, **changes))(p)


LIES: dict[str, Reply] = {
    "301": lambda p: http_reply(301, b"", f"location: {p.jwks_url}"),
    "302 to a good document": lambda p: http_reply(302, json.dumps(p.document()).encode(), "location: /"),
    "307": lambda p: http_reply(307, b"", f"location: {p.jwks_url}"),
    "204": lambda p: http_reply(204, b""),
    "401": lambda p: http_reply(401, json.dumps(p.document()).encode()),
    "500": lambda p: http_reply(500, json.dumps(p.document()).encode()),
    "too large": lambda p: http_reply(200, json.dumps(p.document() | {"x": "x" * LARGEST}).encode()),
    "an endless header": lambda p: b"HTTP/1.1 200 -\r\nx: " + b"x" * 200_000,
    "compressed": lambda p: http_reply(
        200, gzip.compress(json.dumps(p.document()).encode()), "content-encoding: gzip"
    ),
    "cut off": lambda p: http_reply(200, json.dumps(p.document()).encode())[:-20],
    "no HTTP": lambda p: b"hello\r\n",
    "nothing": lambda p: b"",
    "HTML": lambda p: http_reply(200, b"<html>Sign in</html>", "content-type: text/html"),
    "UTF-16": lambda p: http_reply(200, json.dumps(p.document()).encode("utf-16")),
    "a list": lambda p: http_reply(200, json.dumps(p.document()["keys"]).encode()),
    "a number": lambda p: http_reply(200, b"1"),
    "null": lambda p: http_reply(200, b"null"),
    "keys null": lambda p: http_reply(200, b'{"keys":null}'),
    "keys a number": lambda p: http_reply(200, b'{"keys":1}'),
    "keys a text": lambda p: http_reply(200, b'{"keys":"key-1"}'),
    "deep and cut off": lambda p: http_reply(200, b"[" * 1000),
    "no keys": document(),
    "keys that are no objects": document(None, 1, "key-1", []),
    "another type of key": changed(kty="EC"),
    "a symmetric key": document({"kty": "oct", "kid": "key-1", "use": "sig", "k": "c2VjcmV0"}),
    "for encryption": changed(use="enc"),
    "a use that is null": lambda p: document(public_jwk(p.key, p.kid) | {"use": None})(p),
    "operations of encryption": changed(key_ops=["wrapKey", "encrypt"]),
    "operations that are a text": changed(key_ops="verify"),
    "no operation": changed(key_ops=[]),
    "another algorithm": changed(alg="RS512"),
    "an algorithm of encryption": changed(alg="RSA-OAEP"),
    "without a kid": changed(kid=None),
    "a kid that is a number": changed(kid=1),
    "without a modulus": changed(n=None),
    "a modulus that is no base64": changed(n="!!!"),
    "a modulus that is a number": changed(n=65537),
    "an empty modulus": changed(n=""),
    "an exponent of one": changed(e="AQ"),
    "an even exponent": changed(e="BA"),
    "with its private key": changed(d="AQAB"),
    "of 1024 bits": lambda p: document(public_jwk(new_key(0, 1024), p.kid))(p),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_lie_proves_nothing(provider: IdentityProvider, jwks: Jwks, lie: Reply) -> None:
    """No key comes from it, nothing breaks, and the honest document is taken afterwards."""
    with provider.lying(lie):
        assert await jwks.key(provider.kid) is None
    assert provider.requests == 1


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_I6_a_lie_takes_no_known_key_away(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds, lie: Reply
) -> None:
    """A provider that lost its mind is a provider that is away."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    with provider.lying(lie):
        assert await jwks.key("invented") is None
        assert await jwks.key(provider.kid) == provider.key.public_key()
    seconds.passed += FORCED_PAUSE + 1
    provider.rotate()
    assert await jwks.key(provider.kid) == provider.key.public_key()


def test_a_bad_key_does_not_spoil_the_good_one(provider: IdentityProvider) -> None:
    """Keys are judged one by one."""
    good = public_jwk(provider.key, "good")
    bad = [{}, public_jwk(provider.key, "a", n="!!!"), public_jwk(provider.key, "b", use="enc")]
    assert list(parse(json.dumps({"keys": [*bad, good]}).encode())) == ["good"]


@pytest.mark.parametrize(
    "members",
    [{"use": None}, {"alg": None}, {"key_ops": ["verify"]}, {"use": None, "key_ops": ["sign", "verify"]}],
)
def test_C5_a_key_need_not_say_what_it_is_for(members: dict[str, object]) -> None:
    """Use, operations and algorithm are optional (RFC 7517): what is absent forbids nothing."""
    entry = public_jwk(new_key(1), "key", **members)
    assert parse(json.dumps({"keys": [entry]}).encode()) == {"key": new_key(1).public_key()}


def test_of_two_keys_of_one_name_the_first_one_counts(provider: IdentityProvider) -> None:
    """A second one cannot take its place."""
    first, second = public_jwk(new_key(1), "key"), public_jwk(new_key(2), "key")
    assert parse(json.dumps({"keys": [first, second]}).encode()) == {"key": new_key(1).public_key()}


async def test_a_provider_that_hangs_does_not_hold_known_callers(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """Only who brings an unknown key id waits for it, and not for ever."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    with provider.slow():
        waiting = asyncio.create_task(jwks.key("invented"))
        await eventually(lambda: provider.requests == 2)
        assert await jwks.key(provider.kid) == provider.key.public_key()
        assert await waiting is None


async def test_a_certificate_that_nobody_vouches_for_proves_nothing(provider: IdentityProvider) -> None:
    """A server in the clear is not a server over https."""
    jwks = Jwks(provider.jwks_url.replace("http:", "https:"))
    assert await jwks.key(provider.kid) is None


async def test_a_failure_is_logged_with_its_reason(
    provider: IdentityProvider, jwks: Jwks, caplog: pytest.LogCaptureFixture
) -> None:
    """Operators read which keys are missing and why."""
    with caplog.at_level(logging.WARNING), provider.lying(document()):
        await jwks.key(provider.kid)
    lines = [record.getMessage() for record in caplog.records if record.name == "grpc_utils.jwks"]
    assert lines == [f"keys of {provider.jwks_url} not available, former ones stay: no usable key"]


async def test_a_missing_key_can_be_told_from_a_missing_provider(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """By whether the last request brought keys."""
    async with provider.down():
        assert (await jwks.key(provider.kid), jwks.reached) == (None, False)
    seconds.passed = FORCED_PAUSE + 1
    assert (await jwks.key("invented"), jwks.reached) == (None, True)


async def test_the_rhythm_of_requests_can_be_slower(provider: IdentityProvider, seconds: Seconds) -> None:
    """For providers that say how often they want to be asked."""
    jwks = Jwks(provider.jwks_url, now=seconds, refresh_age=3600, forced_pause=60)
    asked = []
    for seconds.passed, kid in ((0, provider.kid), (60, "invented"), (61, "invented"), (3661, provider.kid)):
        await jwks.key(kid)
        asked.append(provider.requests)
    assert asked == [1, 1, 2, 2]
    seconds.passed = 3662
    await jwks.key(provider.kid)
    await eventually(lambda: provider.requests == 3)
