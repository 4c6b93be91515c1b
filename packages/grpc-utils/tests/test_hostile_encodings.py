"""Hostile calls: second spellings of a good token, and texts that only look like a token.

A token has one spelling. With a second one it would get past a cache, a log or a list that knows
tokens by their text.
"""

import base64
import json
from collections.abc import Callable

import pytest
from service_testing.probe import Probe, bearer
from service_testing.tokens import b64, compact, hmac_by

Member = Callable[[str], str | bytes]


def parts(change: Callable[[list[str]], list[str]]) -> Member:
    """A token with *change* made to its parts."""
    return lambda token: ".".join(change(token.split(".")))


SPELLINGS: dict[str, Member] = {
    "padded parts": parts(lambda p: [f"{part}==" for part in p]),
    "a space inside": lambda t: t.replace(".", ". ", 1),
    "a tab inside": lambda t: t.replace(".", ".\t", 1),
    "a dot behind": lambda t: t + ".",
    "a dot before": lambda t: "." + t,
    "two dots": lambda t: t.replace(".", "..", 1),
    "percent signs": lambda t: t.replace(".", "%2E"),
    "in quotes": lambda t: f'"{t}"',
    "a comma behind": lambda t: t + ",",
    "a semicolon behind": lambda t: t + ";",
    "twice": lambda t: t + t,
    "twice with a comma": lambda t: f"{t}, {t}",
    "lower case": str.lower,
    "upper case": str.upper,
    "reversed": lambda t: t[::-1],
    "encoded once more": lambda t: b64(t.encode()),
    "hexadecimal": lambda t: t.encode().hex(),
    "Bearer twice": lambda t: f"Bearer {t}",
    "a byte order mark before": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "a zero width space behind": lambda t: t.encode() + "\u200b".encode(),
    "a Latin-1 letter behind": lambda t: t.encode() + b"\xe9",
    "full width dots": lambda t: t.replace(".", "\uff0e").encode(),
}

SHAPES: dict[str, Member] = {
    "nothing": lambda t: "",
    "a word": lambda t: "token",
    "null": lambda t: "null",
    "undefined": lambda t: "undefined",
    "dots": lambda t: "..",
    "a part": lambda t: t.split(".")[0],
    "two parts": parts(lambda p: p[:2]),
    "two parts and a dot": parts(lambda p: [*p[:2], ""]),
    "four parts": parts(lambda p: [*p, p[2]]),
    "five parts": parts(lambda p: [*p, p[1], p[2]]),
    "no header": parts(lambda p: ["", *p[1:]]),
    "no payload": parts(lambda p: [p[0], "", p[2]]),
    "payload first": parts(lambda p: [p[1], p[0], p[2]]),
    "JSON": lambda t: json.dumps(dict(zip(("protected", "payload", "signature"), t.split("."), strict=True))),
    "JSON in base64": lambda t: b64(json.dumps({"payload": t}).encode()),
    "a length no base64 has": parts(lambda p: [*p[:2], "AAAAA"]),
    "binary": lambda t: bytes(range(128, 256)),
    "nine kilobytes": lambda t: t + "A" * 9000,
    "eight kilobytes of dots": lambda t: "." * 8192,
    "basic credentials": lambda t: base64.b64encode(b"user:" + t.encode()).decode(),
}

MEMBERS = {f"spelling - {name}": made for name, made in SPELLINGS.items()} | {
    f"shape - {name}": made for name, made in SHAPES.items()
}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
async def test_another_spelling_of_a_good_token_is_unauthenticated(probe: Probe, member: Member) -> None:
    """Each member is refused, also while the good token itself is remembered as verified."""
    token = probe.token()
    await probe.accepts(bearer(token))
    await probe.refuses(bearer(member(token)))


HEADERS: dict[str, object] = {
    "a payload that is not encoded": {"alg": "HS256", "b64": False, "crit": ["b64"]},
    "an extension that must be understood": {"alg": "HS256", "crit": ["exp-strict"], "exp-strict": True},
    "an empty list of extensions": {"alg": "HS256", "crit": []},
    "alg twice": b'{"alg":"HS256","alg":"HS256"}',
    "a list": [{"alg": "HS256"}],
    "a text": "HS256",
    "something behind": b'{"alg":"HS256"}x',
    "deep and cut off": b'{"alg":"HS256","a":' + b"[" * 1000,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_a_header_that_is_no_plain_object_is_unauthenticated(probe: Probe, header: object) -> None:
    """Each member is refused, and so are extensions marked as critical (RFC 7515, section 4.1.11)."""
    await probe.refuses(bearer(compact(header, probe.claims(), hmac_by(probe.secret))))


async def test_a_good_token_above_eight_kilobytes_is_unauthenticated(probe: Probe) -> None:
    """A longer token is refused before its signature is looked at."""
    token = probe.token(groups="g" * 6200)
    assert len(token) > 8192
    await probe.refuses(bearer(token))


async def test_a_token_of_eight_kilobytes_is_accepted(probe: Probe) -> None:
    """A token just below the limit is verified, with the many groups that some providers add."""
    token = probe.token(groups="g" * 5900)
    assert 8000 < len(token) <= 8192
    await probe.accepts(bearer(token))
