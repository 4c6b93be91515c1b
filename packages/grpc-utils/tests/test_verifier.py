"""TokenVerifier: the identity that a token proves, its times, and the memory of verified tokens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from db_utils import clock
from grpc_utils import FixedKey, Identity, Issuer, Jwks, TokenVerifier, claims
from grpc_utils.claims import ExpiredToken, ForeignAudience, ForeignIssuer, ForgedToken, InvalidToken
from grpc_utils.verifier import AmbiguousIssuer
from service_testing import eventually
from service_testing.issuer import IdentityProvider
from service_testing.tokens import b64, compact, hmac_by

SECRET = b"a secret of the tests, long enough for HS256"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_NOON = NOON.timestamp()
UNSIGNED = ("eyJhIjowfQ", "eyJiIjowfQ", "AQ")  # the objects a and b, and a signature of nobody


@pytest.fixture
def verifier() -> TokenVerifier:
    """A verifier of HS256 tokens without an issuer."""
    return TokenVerifier([Issuer("", "HS256", FixedKey(SECRET))])


def token(**claims: object) -> str:
    """A signed token of a user with *claims*."""
    return compact({"alg": "HS256"}, {"sub": "user-1", "exp": AT_NOON + 600, **claims}, hmac_by(SECRET))


async def is_good(verifier: TokenVerifier, text: str) -> bool:
    """Whether *verifier* accepts *text*."""
    try:
        await verifier.verify(text)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize(
    "other", [lambda part: part[:-1] + "R", lambda part: f"{part}=="], ids=["bits", "padded"]
)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_part_has_one_spelling(part: int, other: Callable[[str], str]) -> None:
    """Padding and other unused bits are refused, because caches and logs know a token by its text."""
    parts = [*UNSIGNED]
    assert claims.read(".".join(parts)).payload == {"b": 0}
    parts[part] = other(parts[part])
    with pytest.raises(InvalidToken):
        claims.read(".".join(parts))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(
    "content",
    [
        '{"b":0}'.encode("utf-16"),
        '{"b":0}'.encode("utf-16-be"),
        '{"b":0}'.encode("utf-8-sig"),
        b'{"b":NaN}',
        b'{"b":-Infinity}',
        b'{"b":0,"b":0}',
        b"[]",
    ],
)
def test_a_part_is_an_object_of_json_in_utf_8(part: int, content: bytes) -> None:
    """Other encodings, constants that JSON lacks, repeated names and lists are refused (RFC 8259)."""
    parts = [*UNSIGNED]
    parts[part] = b64(content)
    with pytest.raises(InvalidToken, match="JSON"):
        claims.read(".".join(parts))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [str(AT_NOON), "0", "٠", True, None, [AT_NOON], {"seconds": AT_NOON}, 1e308]
)
def test_a_time_is_a_number_in_the_calendar(name: str, value: object) -> None:
    """A time is a JSON number up to the year 9999 (RFC 7519, section 2), no text of digits and no bool."""
    with pytest.raises(InvalidToken, match=f"{name} is not a time"):
        claims.check_times({"exp": AT_NOON + 60, name: value}, AT_NOON)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (token(iss="somebody"), ForeignIssuer),
        (token(aud="others"), ForeignAudience),
        (token(exp=AT_NOON - 31), ExpiredToken),
        (compact({"alg": "HS512"}, {"sub": "u"}, hmac_by(SECRET)), ForgedToken),
        (compact({"alg": "HS256"}, {"sub": "u"}, hmac_by(b"another")), ForgedToken),
    ],
)
async def test_each_defect_has_its_class(text: str, reason: type[InvalidToken]) -> None:
    """Issuer, audience, expiry and signature have classes, for callers that tell them apart."""
    verifier = TokenVerifier([Issuer("", "HS256", FixedKey(SECRET), ("crm",))])
    with clock.frozen_at(NOON), pytest.raises(reason):
        await verifier.verify(text)


def test_one_issuer_has_one_source_of_keys() -> None:
    """Two sources for one issuer are refused, because the weaker one would speak for both."""
    key = FixedKey(SECRET)
    with pytest.raises(AmbiguousIssuer):
        TokenVerifier([Issuer("crm", "HS256", key), Issuer("crm", "RS256", key)])


@pytest.mark.parametrize(
    ("name", "offset", "good"),
    [
        ("exp", -29, True),
        ("exp", -30, False),
        ("nbf", 30, True),
        ("nbf", 31, False),
        ("iat", 30, True),
        ("iat", 31, False),
    ],
)
async def test_clocks_may_differ_by_thirty_seconds(
    verifier: TokenVerifier, name: str, offset: int, good: bool
) -> None:
    """exp, nbf and iat have 30 s of leeway and not a second more."""
    with clock.frozen_at(NOON):
        assert await is_good(verifier, token(**{name: AT_NOON + offset})) == good


async def test_an_expired_token_has_a_class_of_its_own(verifier: TokenVerifier) -> None:
    """ExpiredToken is raised, so that the caller can be told to fetch another token."""
    with clock.frozen_at(NOON), pytest.raises(ExpiredToken):
        await verifier.verify(token(exp=AT_NOON - 60))


async def test_a_verified_token_is_remembered(verifier: TokenVerifier) -> None:
    """`remembered` returns the identity once the token was verified, and None before."""
    with clock.frozen_at(NOON):
        text = token()
        assert verifier.remembered.get(text) is None
        identity = await verifier.verify(text)
        assert verifier.remembered.get(text) is identity


async def test_the_expiry_of_a_remembered_token_is_checked_again(verifier: TokenVerifier) -> None:
    """A remembered token is forgotten at its exp and the leeway of 30 s."""
    text = token(exp=AT_NOON + 60)
    with clock.frozen_at(NOON):
        await verifier.verify(text)
    with clock.frozen_at(NOON + timedelta(seconds=89)):
        assert verifier.remembered.get(text) is not None
    with clock.frozen_at(NOON + timedelta(seconds=90)):
        assert verifier.remembered.get(text) is None


async def test_a_remembered_token_is_verified_again_after_five_minutes(verifier: TokenVerifier) -> None:
    """A token is forgotten after five minutes whatever its exp, as its key may have been withdrawn."""
    text = token(exp=AT_NOON + 10**6)
    with clock.frozen_at(NOON):
        await verifier.verify(text)
    with clock.frozen_at(NOON + timedelta(seconds=299)):
        assert verifier.remembered.get(text) is not None
    with clock.frozen_at(NOON + timedelta(seconds=300)):
        assert verifier.remembered.get(text) is None


async def test_ten_thousand_tokens_are_remembered_and_no_more(verifier: TokenVerifier) -> None:
    """The oldest of 10,100 tokens are forgotten, so that the memory of the process is bounded."""
    with clock.frozen_at(NOON):
        texts = [token(sub=f"user-{number}") for number in range(10_100)]
        for text in texts:
            await verifier.verify(text)
        known = [verifier.remembered.get(text) is not None for text in texts]
    assert known == [False] * 100 + [True] * 10_000


async def test_a_refused_token_is_not_remembered(verifier: TokenVerifier) -> None:
    """A token with a bad signature takes no place in the memory."""
    with clock.frozen_at(NOON):
        text = token()[:-1] + "A"
        assert not await is_good(verifier, text)
        assert verifier.remembered.get(text) is None


async def test_a_withdrawn_key_ends_its_tokens(provider: IdentityProvider) -> None:
    """A token that was verified before is refused once its key has been withdrawn, whatever its exp."""
    seconds = 0.0
    verifier = TokenVerifier([Issuer(provider.issuer, "RS256", Jwks(provider.jwks_url, now=lambda: seconds))])
    with clock.frozen_at(NOON):
        text = provider.token(exp=253402300799)
        assert await is_good(verifier, text)
    provider.rotate(withdraw=True)
    seconds = 601.0

    async def is_refused() -> bool:
        return not await is_good(verifier, text)

    with clock.frozen_at(NOON + timedelta(seconds=601)):
        await eventually(is_refused)


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"sub": "a", "userId": "b", "user_id": "c", "id": "d"}, "a"),
        ({"userId": "b", "user_id": "c", "id": "d"}, "b"),
        ({"user_id": "c", "id": "d"}, "c"),
        ({"id": "d"}, "d"),
    ],
)
async def test_C5_the_user_id_is_the_first_claim_of_four(
    verifier: TokenVerifier, claims: dict[str, object], user: str
) -> None:
    """The user id is `sub`, else `userId`, `user_id`, `id`."""
    with clock.frozen_at(NOON):
        payload = {"exp": AT_NOON + 600, **claims}
        identity = await verifier.verify(compact({"alg": "HS256"}, payload, hmac_by(SECRET)))
    assert identity.user_id == user


@pytest.mark.parametrize(
    ("claims", "organisation"),
    [
        ({}, None),
        ({"organisation_id": "org-1"}, "org-1"),
        ({"https://wanzo.com/company_id": "org-2"}, "org-2"),
        ({"company_id": "org-3"}, "org-3"),
        ({"org_code": "org-4"}, "org-4"),
        ({"org_code": "org-4", "organisation_id": "org-1"}, "org-1"),
        ({"organisation_id": "", "org_code": "org-4"}, "org-4"),
        ({"organisation_id": None, "company_id": "org-3"}, "org-3"),
        ({"organisation_id": ""}, ""),
        ({"organisation_id": None}, ""),
        ({"organisation_id": "", "company_id": ""}, ""),
        ({"organisation": "org-5"}, None),
    ],
)
async def test_C6_the_organisation_is_the_first_claim_that_is_not_empty(
    verifier: TokenVerifier, claims: dict[str, object], organisation: str | None
) -> None:
    """The organisation is None without any such claim, and empty when all of them are empty."""
    with clock.frozen_at(NOON):
        assert (await verifier.verify(token(**claims))).organisation_id == organisation


async def test_C6_the_claims_of_the_organisation_can_be_configured() -> None:
    """Claims that are not in the configured list are not read."""
    verifier = TokenVerifier([Issuer("", "HS256", FixedKey(SECRET))], ["tenant"])
    with clock.frozen_at(NOON):
        identity = await verifier.verify(token(organisation_id="org-1", tenant="org-2"))
    assert identity.organisation_id == "org-2"


async def test_an_identity_holds_the_claims_of_its_token(verifier: TokenVerifier) -> None:
    """All claims can be read, and none of them changed."""
    with clock.frozen_at(NOON):
        identity = await verifier.verify(token(iat=AT_NOON - 5, jti="token-1", email="a@b.fr"))
    expected = Identity(
        kind="user",
        subject="user-1",
        expires_at=AT_NOON + 600,
        issued_at=AT_NOON - 5,
        token_id="token-1",
        claims=identity.claims,
    )
    assert identity == expected
    assert identity.claims["email"] == "a@b.fr"
    with pytest.raises(TypeError):
        identity.claims["email"] = "b@b.fr"  # type: ignore[index]  # that is what is tested
