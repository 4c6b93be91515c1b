"""Damaged copies of good tokens, twenty thousand of them: each is refused."""

import base64
import random
import re
from collections.abc import Callable, Iterator
from itertools import islice

import grpc
import pytest
from grpc_utils import TokenVerifier
from grpc_utils.claims import InvalidToken
from service_testing.http2 import Http2Connection
from service_testing.probe import METHOD, Probe, bearer

SEED = 20260301
VOLUME = 6_700  # of each kind of token
SAMPLE = 300  # of them over the wire, where metadata are lines of text
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OTHERS = ".=+/ \t\n\0é\u200b\U0001f600%\"'{}[],:;"

Change = Callable[[random.Random, str], str]


def replace(rng: random.Random, text: str) -> str:
    """*text* with another character at one place."""
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(LETTERS + OTHERS) + text[at + 1 :]


def insert(rng: random.Random, text: str) -> str:
    """*text* with one character more."""
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(LETTERS + OTHERS) + text[at:]


def remove(rng: random.Random, text: str) -> str:
    """*text* without one to nine characters in a row."""
    at = rng.randrange(len(text))
    return text[:at] + text[at + rng.randint(1, 9) :]


def exchange(rng: random.Random, text: str) -> str:
    """*text* with two characters exchanged."""
    first, second = sorted(rng.sample(range(len(text)), 2))
    return text[:first] + text[second] + text[first + 1 : second] + text[first] + text[second + 1 :]


def repeat(rng: random.Random, text: str) -> str:
    """*text* with a stretch of it twice."""
    start = rng.randrange(len(text))
    end = rng.randint(start + 1, len(text))
    return text[:end] + text[start:end] + text[end:]


def shuffle(rng: random.Random, text: str) -> str:
    """Three parts chosen from those of *text*, in any order, repeated or not."""
    return ".".join(rng.choices(text.split("."), k=3))


def flip(rng: random.Random, text: str) -> str:
    """*text* with one bit of the bytes of one part flipped."""
    parts = text.split(".")
    which = rng.randrange(3)
    raw = bytearray(base64.urlsafe_b64decode(parts[which] + "=="))
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    parts[which] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    return ".".join(parts)


def edit(rng: random.Random, text: str) -> str:
    """*text* with one digit or letter of its claims replaced."""
    head, payload, signature = text.split(".")
    claims = base64.urlsafe_b64decode(payload + "==").decode()
    at = rng.choice([match.start() for match in re.finditer(r"\w", claims)])
    changed = claims[:at] + rng.choice("0123456789abcxyz") + claims[at + 1 :]
    return f"{head}.{base64.urlsafe_b64encode(changed.encode()).rstrip(b'=').decode()}.{signature}"


OF_TEXT: tuple[Change, ...] = (replace, insert, remove, exchange, repeat)
OF_TOKENS: tuple[Change, ...] = (*OF_TEXT, shuffle, flip, edit)


def damaged(token: str, number: int) -> Iterator[str]:
    """*number* texts that are not *token*, the same in every run."""
    rng = random.Random(SEED)
    while number:
        text = rng.choice(OF_TOKENS)(rng, token)
        for _ in range(rng.choice((0, 0, 0, 1, 4))):
            text = rng.choice(OF_TEXT)(rng, text)
        if text != token:
            number -= 1
            yield text


def is_one_line(text: str) -> bool:
    """Whether *text* may stand in metadata (RFC 9113, section 8.2.1)."""
    return not {"\n", "\0"} & set(text)


def good_tokens(probe: Probe) -> dict[str, str]:
    """A good token of each kind."""
    return {"HS256": probe.token(), "RS256": probe.keycloak.token(), "EdDSA": probe.service_token()}


@pytest.mark.parametrize("kind", ["HS256", "RS256", "EdDSA"])
async def test_damaged_tokens_are_invalid_for_the_verifier(probe: Probe, kind: str) -> None:
    """Of the damaged copies of a good token and the token itself, the verifier accepts the token alone."""
    verifier = TokenVerifier(probe.issuers())
    token = good_tokens(probe)[kind]
    accepted = []
    for text in [*damaged(token, VOLUME), token]:
        try:
            await verifier.verify(text)
        except InvalidToken:
            continue
        accepted.append(text)
    assert accepted == [token]


@pytest.mark.parametrize("kind", ["HS256", "RS256", "EdDSA"])
async def test_a_server_refuses_damaged_tokens_as_unauthenticated(probe: Probe, kind: str) -> None:
    """Over the wire every damaged copy is UNAUTHENTICATED, and no handler is entered."""
    token = good_tokens(probe)[kind]
    known = len(probe.callers)
    async with Http2Connection(probe.address) as connection:
        answers = [
            await connection.call(METHOD, bearer(text.encode(errors="surrogateescape")))
            for text in islice(filter(is_one_line, damaged(token, VOLUME)), SAMPLE)
        ]
    assert [answer.status for answer in answers] == [grpc.StatusCode.UNAUTHENTICATED.value[0]] * SAMPLE
    assert len(probe.callers) == known
    await probe.accepts(bearer(token))
