"""Hostile calls: tokens with a good signature and bad claims."""

from collections.abc import Callable

import pytest
from db_utils import clock
from service_testing.probe import AUDIENCE, OWN, Probe, bearer
from service_testing.tokens import compact, hmac_by

Member = Callable[[Probe], str]

NOW = clock.timestamp()


def says(**changes: object) -> Member:
    """A token of the shared secret with *changes* to its claims; None removes one."""
    return lambda p: p.token(**changes)


def null(name: str) -> Member:
    """A token whose claim *name* is null."""
    return lambda p: raw(p.claims() | {name: None})(p)


def raw(payload: object) -> Member:
    """A token with exactly *payload*."""
    return lambda p: compact({"alg": "HS256"}, payload, hmac_by(p.secret))


def text(template: str) -> Member:
    """A token whose payload is the JSON text *template*; END stands for a good exp."""
    return raw(template.replace("END", str(int(NOW) + 3600)).encode())


def keycloak(**changes: object) -> Member:
    """A token of the realm with *changes* to its claims."""
    return lambda p: p.keycloak.token(**changes)


def own(**changes: object) -> Member:
    """A token of the issuer that wants an audience, with *changes* to its claims."""
    return lambda p: p.auth.token(**{"iss": OWN, "aud": AUDIENCE, **changes})


TIMES: dict[str, Member] = {
    "no exp": says(exp=None),
    "exp null": null("exp"),
    "exp a word": says(exp="tomorrow"),
    "exp true": says(exp=True),
    "exp a list": says(exp=[NOW + 3600]),
    "exp an object": says(exp={"seconds": NOW + 3600}),
    "exp NaN": text('{"sub":"u","exp":NaN}'),
    "exp Infinity": text('{"sub":"u","exp":Infinity}'),
    "exp 1e308": text('{"sub":"u","exp":1e308}'),
    "exp 1e400": text('{"sub":"u","exp":1e400}'),
    "exp of 5000 digits": text('{"sub":"u","exp":' + "9" * 5000 + "}"),
    "exp after the year 9999": says(exp=253402300800),
    "exp zero": says(exp=0),
    "exp negative": says(exp=-1),
    "exp passed": says(exp=NOW - 60),
    "exp in milliseconds": says(exp=(NOW + 3600) * 1000),
    "nbf ahead": says(nbf=NOW + 3600),
    "nbf a word": says(nbf="yesterday"),
    "nbf null": null("nbf"),
    "iat ahead": says(iat=NOW + 3600),
    "iat a list": says(iat=[NOW]),
    "iat a word": says(iat="today"),
    "iat null": null("iat"),
}

SUBJECTS: dict[str, Member] = {
    "no user id": says(sub=None),
    "sub empty": says(sub=""),
    "sub empty beside a userId": says(sub="", userId="user-1"),
    "sub null": null("sub"),
    "sub a space": says(sub=" "),
    "sub with spaces around": says(sub=" user-1 "),
    "sub NUL": says(sub="\0"),
    "sub with a NUL": says(sub="user-1\0admin"),
    "sub of two lines": says(sub="user-1\nadmin"),
    "sub with a lone surrogate": text('{"sub":"\\ud800","exp":END}'),
    "sub that writes backwards": says(sub="user\u202e1"),
    "sub with nothing to see": says(sub="user\u200b1"),
    "sub of 256 characters": says(sub="u" * 256),
    "sub a number": says(sub=42),
    "sub true": says(sub=True),
    "sub a list": says(sub=["user-1"]),
    "sub an object": says(sub={"id": "user-1"}),
    "userId empty": says(sub=None, userId=""),
    "user_id a number": says(sub=None, user_id=7),
    "id a list": says(sub=None, id=["user-1"]),
    "jti a number": says(jti=5),
    "jti empty": says(jti=""),
    "jti of 256 characters": says(jti="j" * 256),
}

ISSUERS: dict[str, Member] = {
    "iss unknown": says(iss="https://evil.example"),
    "iss in other letters": says(iss="CRM"),
    "iss with a space": says(iss="crm "),
    "iss a list": says(iss=["crm"]),
    "iss null": null("iss"),
    "iss a number": says(iss=1),
    "iss an object": says(iss={"crm": 1}),
    "iss of the realm with a slash more": lambda p: p.keycloak.token(iss=p.keycloak.issuer + "/"),
    "iss below the realm": lambda p: p.keycloak.token(iss=p.keycloak.issuer + "/../other"),
    "an ID token": keycloak(typ="ID"),
    "a refresh token": keycloak(typ="Refresh"),
    "no typ": keycloak(typ=None),
    "typ in other letters": keycloak(typ="bearer"),
    "typ a list": keycloak(typ=["Bearer"]),
    "aud missing": own(aud=None),
    "aud of somebody else": own(aud="account"),
    "aud empty": own(aud=""),
    "aud with a space": own(aud="crm "),
    "aud longer": own(aud="crm-admin"),
    "aud an empty list": own(aud=[]),
    "aud a list of others": own(aud=["CRM", "account"]),
    "aud a list of lists": own(aud=[["crm"]]),
    "aud an object": own(aud={"crm": True}),
    "aud a number": own(aud=1),
}

ORGANISATIONS: dict[str, Member] = {
    "a number": says(organisation_id=42),
    "a list": says(organisation_id=["org-1"]),
    "an object": says(organisation_id={"id": "org-1"}),
    "true": says(company_id=True),
    "with a NUL": says(organisation_id="org-1\0"),
    "with a space": says(organisation_id="org 1"),
    "spaces only": says(organisation_id="  "),
    "65 characters": says(organisation_id="o" * 65),
    "a path": says(organisation_id="../org-1"),
    "a statement": says(organisation_id="' OR ''='"),
    "a good one and a number": says(organisation_id="org-1", org_code=1),
}

PAYLOADS: dict[str, Member] = {
    "a list": raw([{"sub": "u"}]),
    "a text": raw("user-1"),
    "a number": raw(1),
    "null": raw(None),
    "empty": raw({}),
    "nothing": raw(b""),
    "sub twice": text('{"sub":"user-1","sub":"admin","exp":END}'),
    "exp twice": text('{"sub":"u","exp":1,"exp":END}'),
    "twice the same deep inside": text('{"sub":"u","exp":END,"a":{"b":1,"b":2}}'),
    "something behind": text('{"sub":"u","exp":END} {}'),
    "a comma too many": text('{"sub":"u","exp":END,}'),
    "a word that is none": text('{"sub":"u","exp":END,"x":nothing}'),
    "a comment": text('{"sub":"u",/**/"exp":END}'),
    "single quotes": text("{'sub':'u','exp':END}"),
    "Latin-1": raw('{"sub":"é","exp":9999999999}'.encode("latin-1")),
    "overlong UTF-8": raw(b'{"sub":"\xc0\xaf","exp":9999999999}'),
    "a control character": raw(b'{"sub":"a\x01b","exp":9999999999}'),
    "deep and cut off": raw(b'{"sub":"u","exp":9999999999,"a":' + b"[" * 1000),
    "compressed": raw(b"\x78\x9c\xab\x56\x2a\x2e\x4d\x52\xb2\x52\x2a\x55\xaa\x05\x00\x15\x3c\x03\x5b"),
}

FAMILIES = {
    "times": TIMES,
    "subjects": SUBJECTS,
    "issuers": ISSUERS,
    "organisations": ORGANISATIONS,
    "payloads": PAYLOADS,
}
MEMBERS = {f"{family} - {name}": made for family, table in FAMILIES.items() for name, made in table.items()}


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
async def test_claims_of_wrong_types_and_ranges_are_unauthenticated(probe: Probe, member: Member) -> None:
    """Each member is refused although its signature is good."""
    await probe.refuses(bearer(member(probe)))


ACCEPTED: dict[str, Member] = {
    "the least": text('{"sub":"u","exp":END}'),
    "the least with spaces": text(' { "sub" : "u" , "exp" : END } '),
    "exp with a fraction": says(exp=NOW + 0.5 + 86_400),
    "exp on the last day of 9999": says(exp=253402300799),
    "nbf passed": says(nbf=NOW),
    "no iat": says(iat=None),
    "sub of 255 characters": says(sub="u" * 255),
    "sub with accents": says(sub="Éloïse d'Arc"),
    "an opaque sub": says(sub="auth0|5f7c8ec7c33c6c004bbafe82"),
    "userId": says(sub=None, userId="user-2"),
    "user_id": says(sub=None, user_id="user-3"),
    "id": says(sub=None, id="user-4"),
    "roles, which mean nothing": says(roles=["ADMIN"], realm_access={"roles": ["admin"]}),
    "claims of any depth": says(address={"lines": [{"a": [1, None, "é"]}]}),
    "an access token": keycloak(),
    "the audience among others": own(aud=["account", AUDIENCE]),
    "an audience where none is asked for": says(aud="whoever"),
    "an organisation": says(organisation_id="org-1"),
    "an empty organisation": says(organisation_id=""),
}


@pytest.mark.parametrize("member", ACCEPTED.values(), ids=ACCEPTED)
async def test_claims_within_the_rules_are_accepted(probe: Probe, member: Member) -> None:
    """Each member is unusual but allowed, so that the refusals above come from the claims."""
    assert (await probe.accepts(bearer(member(probe)))).kind == "user"
