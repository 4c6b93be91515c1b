"""Jwks against a real HTTP server that rotates its keys, fails, hangs and answers nonsense."""

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
from service_testing.party import Raw
from service_testing.seconds import Seconds
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response


@pytest.fixture
def seconds() -> Seconds:
    """Clock of the keys."""
    return Seconds()


@pytest.fixture
def jwks(provider: IdentityProvider, seconds: Seconds) -> Jwks:
    """Keys of *provider*, not fetched yet."""
    return Jwks(provider.jwks_url, now=seconds)


async def test_keys_are_fetched_when_they_are_needed(provider: IdentityProvider, jwks: Jwks) -> None:
    """The first call fetches them, the next ones do not."""
    assert provider.key_requests == 0
    found = [await jwks.key(provider.kid) for _ in range(3)]
    assert (found, provider.key_requests) == ([provider.key.public_key()] * 3, 1)


async def test_calls_that_wait_share_one_request(provider: IdentityProvider, jwks: Jwks) -> None:
    """A hundred first calls at once are one request to the provider."""
    with provider.slow():
        calls = [asyncio.create_task(jwks.key(provider.kid)) for _ in range(100)]
        await eventually(lambda: provider.key_requests)
    assert await asyncio.gather(*calls) == [provider.key.public_key()] * 100
    assert provider.key_requests == 1


async def test_a_caller_who_gives_up_does_not_stop_the_request(
    provider: IdentityProvider, jwks: Jwks
) -> None:
    """Of two callers who wait for one request, one is cancelled and the other gets the key."""
    with provider.slow():
        impatient, patient = (asyncio.create_task(jwks.key(provider.kid)) for _ in range(2))
        await eventually(lambda: provider.key_requests)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
    assert (await patient, provider.key_requests) == (provider.key.public_key(), 1)


async def test_I6_known_keys_stay_while_the_provider_is_away(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A known key is returned however long the provider is away."""
    await jwks.key(provider.kid)
    async with provider.down():
        for _ in range(5):
            seconds.passed += REFRESH_AGE + 1
            assert await jwks.key(provider.kid) == provider.key.public_key()


async def test_old_keys_are_used_while_they_are_fetched_again(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A known key is returned while the refresh is under way; an unknown one waits for the refresh."""
    await jwks.key(provider.kid)
    seconds.passed = REFRESH_AGE + 1
    with provider.slow():
        assert await jwks.key(provider.kid) == provider.key.public_key()
        await eventually(lambda: provider.key_requests == 2)
        seconds.passed += FORCED_PAUSE + 1
        assert await jwks.key(provider.kid) == provider.key.public_key()
    await jwks.key("invented")  # waits for the refresh, then fetches once more
    assert provider.key_requests == 3


async def test_unknown_key_ids_cost_one_request_in_ten_seconds(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """Five hundred unknown ids at once cost one request, and the next one is allowed 10 s later."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    found = await asyncio.gather(*(jwks.key(f"invented-{number}") for number in range(500)))
    assert (set(found), provider.key_requests) == ({None}, 2)
    seconds.passed += FORCED_PAUSE
    assert (await jwks.key("invented"), provider.key_requests) == (None, 2)
    seconds.passed += 0.1
    assert (await jwks.key("invented"), provider.key_requests) == (None, 3)


async def test_a_new_key_is_known_at_its_first_call(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """Tokens of the former and of the new key are both verified right after a rotation."""
    former = provider.kid
    await jwks.key(former)
    seconds.passed = FORCED_PAUSE + 1
    provider.rotate()
    kids = [former, provider.kid] * 20
    assert None not in await asyncio.gather(*(jwks.key(kid) for kid in kids))
    assert provider.key_requests == 2


async def test_a_refresh_that_came_too_early_does_not_delay_a_new_key(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A document fetched just before the rotation lacks the new key, whose id fetches it again at once."""
    await jwks.key(provider.kid)
    seconds.passed = REFRESH_AGE + 1
    await jwks.key(provider.kid)
    await eventually(lambda: provider.key_requests == 2)
    provider.rotate()
    assert await jwks.key(provider.kid) == provider.key.public_key()


async def test_a_withdrawn_key_is_forgotten_with_the_next_document(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A key that is missing from the newest document is no longer returned."""
    former = provider.kid
    await jwks.key(former)
    provider.rotate(withdraw=True)
    seconds.passed = FORCED_PAUSE + 1
    await jwks.key(provider.kid)
    assert await jwks.key(former) is None


async def test_keys_are_found_once_the_provider_is_back(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """A provider that was away at the first call is asked again after the pause of 10 s."""
    async with provider.down():
        assert await jwks.key(provider.kid) is None
    assert await jwks.key(provider.kid) is None
    seconds.passed = FORCED_PAUSE + 1
    assert await jwks.key(provider.kid) == provider.key.public_key()


def document(*entries: object) -> Reply:
    """A reply with a JWK set of *entries*."""
    return lambda p: JSONResponse({"keys": entries})


def changed(**changes: object) -> Reply:
    """A reply with the right key and *changes* to its members."""
    return lambda p: document(public_jwk(p.key, p.kid, **changes))(p)


BEGUN = b"HTTP/1.1 200 -\r\ncontent-length: 10000\r\n\r\n"  # of an answer that is longer than what follows
LIES: dict[str, Reply] = {
    "301": lambda p: RedirectResponse(p.jwks_url, 301),
    "302 to a good document": lambda p: JSONResponse(p.document(), 302, {"location": "/"}),
    "307": lambda p: RedirectResponse(p.jwks_url, 307),
    "204": lambda p: Response(status_code=204),
    "401": lambda p: JSONResponse(p.document(), 401),
    "500": lambda p: JSONResponse(p.document(), 500),
    "too large": lambda p: JSONResponse(p.document() | {"x": "x" * LARGEST}),
    "an endless header": lambda p: Raw(b"HTTP/1.1 200 -\r\nx: " + b"x" * 200_000),
    "compressed": lambda p: Response(
        gzip.compress(json.dumps(p.document()).encode()), headers={"content-encoding": "gzip"}
    ),
    "cut off": lambda p: Raw(BEGUN + json.dumps(p.document()).encode()),
    "no HTTP": lambda p: Raw(b"hello\r\n"),
    "nothing": lambda p: Raw(),
    "HTML": lambda p: HTMLResponse("<html>Sign in</html>"),
    "UTF-16": lambda p: Response(json.dumps(p.document()).encode("utf-16")),
    "a list": lambda p: JSONResponse(p.document()["keys"]),
    "a number": lambda p: Response(b"1"),
    "null": lambda p: Response(b"null"),
    "keys null": lambda p: Response(b'{"keys":null}'),
    "keys a number": lambda p: Response(b'{"keys":1}'),
    "keys a text": lambda p: Response(b'{"keys":"key-1"}'),
    "deep and cut off": lambda p: Response(b"[" * 1000),
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
async def test_a_bad_document_gives_no_key(provider: IdentityProvider, jwks: Jwks, lie: Reply) -> None:
    """The bad reply gives no key, raises nothing, and is not asked for twice."""
    with provider.lying(lie):
        assert await jwks.key(provider.kid) is None
    assert provider.key_requests == 1


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_I6_a_bad_document_takes_no_known_key_away(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds, lie: Reply
) -> None:
    """A known key stays during the bad replies, and a new one is found in the next good document."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    with provider.lying(lie):
        assert await jwks.key("invented") is None
        assert await jwks.key(provider.kid) == provider.key.public_key()
    seconds.passed += FORCED_PAUSE + 1
    provider.rotate()
    assert await jwks.key(provider.kid) == provider.key.public_key()


def test_a_bad_key_does_not_spoil_the_good_one(provider: IdentityProvider) -> None:
    """Unusable keys of a document are left out, the usable one is taken."""
    good = public_jwk(provider.key, "good")
    bad = [{}, public_jwk(provider.key, "a", n="!!!"), public_jwk(provider.key, "b", use="enc")]
    assert list(parse(json.dumps({"keys": [*bad, good]}).encode())) == ["good"]


@pytest.mark.parametrize(
    "members",
    [{"use": None}, {"alg": None}, {"key_ops": ["verify"]}, {"use": None, "key_ops": ["sign", "verify"]}],
)
def test_C5_a_key_need_not_say_what_it_is_for(members: dict[str, object]) -> None:
    """A key without `use`, `key_ops` or `alg`, all optional in RFC 7517, is usable."""
    entry = public_jwk(new_key(1), "key", **members)
    assert parse(json.dumps({"keys": [entry]}).encode()) == {"key": new_key(1).public_key()}


def test_of_two_keys_of_one_name_the_first_one_counts(provider: IdentityProvider) -> None:
    """A second key of the same name does not replace the first."""
    first, second = public_jwk(new_key(1), "key"), public_jwk(new_key(2), "key")
    assert parse(json.dumps({"keys": [first, second]}).encode()) == {"key": new_key(1).public_key()}


async def test_a_provider_that_hangs_does_not_hold_known_callers(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """Known keys are returned at once; the caller with an unknown id waits and gets None."""
    await jwks.key(provider.kid)
    seconds.passed = FORCED_PAUSE + 1
    with provider.slow():
        waiting = asyncio.create_task(jwks.key("invented"))
        await eventually(lambda: provider.key_requests == 2)
        assert await jwks.key(provider.kid) == provider.key.public_key()
        assert await waiting is None


async def test_a_server_without_tls_gives_no_key_over_https(provider: IdentityProvider) -> None:
    """An https address at which a server answers in the clear gives no key."""
    jwks = Jwks(provider.jwks_url.replace("http:", "https:"))
    assert await jwks.key(provider.kid) is None


async def test_a_failure_is_logged_with_its_reason(
    provider: IdentityProvider, jwks: Jwks, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the source and the reason, so that operators know which keys are missing."""
    with caplog.at_level(logging.WARNING), provider.lying(document()):
        await jwks.key(provider.kid)
    lines = [record.getMessage() for record in caplog.records if record.name == "grpc_utils.jwks"]
    assert lines == [f"keys of {provider.jwks_url} not available, former ones stay: no usable key"]


async def test_a_missing_key_differs_from_a_missing_provider(
    provider: IdentityProvider, jwks: Jwks, seconds: Seconds
) -> None:
    """`reached` is False after a request that failed and True after one that brought keys."""
    async with provider.down():
        assert (await jwks.key(provider.kid), jwks.reached) == (None, False)
    seconds.passed = FORCED_PAUSE + 1
    assert (await jwks.key("invented"), jwks.reached) == (None, True)


async def test_requests_can_be_made_less_often(provider: IdentityProvider, seconds: Seconds) -> None:
    """The refresh age and the pause are settings, because some providers limit how often they answer."""
    jwks = Jwks(provider.jwks_url, now=seconds, refresh_age=3600, forced_pause=60)
    asked = []
    for seconds.passed, kid in ((0, provider.kid), (60, "invented"), (61, "invented"), (3661, provider.kid)):
        await jwks.key(kid)
        asked.append(provider.key_requests)
    assert asked == [1, 1, 2, 2]
    seconds.passed = 3662
    await jwks.key(provider.kid)
    await eventually(lambda: provider.key_requests == 3)
