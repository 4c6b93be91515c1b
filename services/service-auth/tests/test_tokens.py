"""Our own tokens: their published keys, and VerifyToken (R8, R9)."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.users.users_pb2 import Utilisateur
from db_utils import clock, uuid7
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from service_auth.keys import Keyring
from service_auth.service import SERVICE
from service_auth.settings import AuthSettings
from service_auth.tokens import Compte, Mint, Session, claims
from service_kit import App
from service_testing import Mesh, refused, running
from service_testing.issuer import new_key
from service_testing.tokens import compact, hmac_by, rsa_by, unsigned
from tests.connexions import Someone

Forge = Callable[..., str]


@pytest.fixture
async def token(auth: AuthServiceStub, jeanne: Someone) -> str:
    """A token of ours."""
    return (await auth.Login(jeanne.login())).token


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of *token*."""
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


async def verified(tokens: TokenServiceStub, token: str) -> pb.VerifyTokenResponse:
    """Answer of auth about *token*."""
    return await tokens.VerifyToken(pb.VerifyTokenRequest(token=token))


async def test_R8_any_library_verifies_our_tokens(tokens: TokenServiceStub, token: str) -> None:
    """PyJWT verifies a token by the published key of its kid: RS256, 2048 bits."""
    keys = json.loads((await tokens.GetJwks(pb.GetJwksRequest())).jwks)
    header, claims = read(token)
    key = jwt.PyJWKSet.from_dict(keys)[header["kid"]]
    assert (header["alg"], key.key.key_size) == ("RS256", 2048)
    assert jwt.decode(token, key, algorithms=["RS256"], audience="crm", issuer="crm-auth") == claims


async def test_R8_private_keys_are_neither_published_nor_readable(
    app: App[AuthSettings], tokens: TokenServiceStub
) -> None:
    """The JWK set has public members alone, and the table an envelope."""
    keys = json.loads((await tokens.GetJwks(pb.GetJwksRequest())).jwks)["keys"]
    assert {name for key in keys for name in key} == {"kty", "n", "e", "kid", "use", "alg"}
    row = (await Keyring.of(app).rotate()).cle_privee
    assert row.startswith("v1.k1.")
    assert "PRIVATE" not in row


async def test_R8_the_keys_are_public(mesh: Mesh, tokens: TokenServiceStub) -> None:
    """A user reads the same keys as a service."""
    anybody = mesh.stub(TokenServiceStub)
    request = pb.GetJwksRequest()
    assert (await anybody.GetJwks(request)).jwks == (await tokens.GetJwks(request)).jwks


@pytest.mark.parametrize(("characters", "kept"), [(1024, True), (1025, False)])
def test_R8_a_long_picture_is_left_out(characters: int, kept: bool) -> None:
    """A picture of more than 1024 characters is an empty claim, as a token travels with each call."""
    picture = "https://images.exemple/".ljust(characters, "x")
    now = clock.now()
    told = claims(Compte(Utilisateur(photo_url=picture)), Session.begun("pwd", now), now, 3600)
    assert told["picture"] == (picture if kept else "")


async def test_R8_auth_asks_nobody_for_its_own_keys() -> None:
    """The process of auth accepts its own tokens without a JWKS_URL."""
    async with running(replace(SERVICE, workers=())) as mesh:
        app: Any = mesh["auth"].app
        person = Compte(Utilisateur(id=str(uuid7()), email="jeanne@exemple.fr"))
        mint, now = Mint(Keyring.of(app), app.settings), clock.now()
        token = (await mint.jeton(person, Session.begun("pwd", now), now)).texte
        holder = AuthServiceStub(mesh.channel("auth", token))
        assert (await holder.Logout(pb.LogoutRequest())).success


async def test_R9_a_good_token_is_told_with_its_claims(
    tokens: TokenServiceStub, jeanne: Someone, token: str
) -> None:
    """A good token is answered with all its claims."""
    answer = await verified(tokens, token)
    assert (answer.valide, answer.motif) == (True, "")
    assert MessageToDict(answer.claims) == read(token)[1]


@pytest.fixture
def forge(token: str) -> Forge:
    """Tokens like ours with changed claims, signed by the key of somebody else."""
    header, claims = read(token)

    def make(sign: Any = None, alg: str = "RS256", **changes: object) -> str:
        return compact(header | {"alg": alg}, claims | changes, sign or rsa_by(new_key(77)))

    return make


async def test_R9_what_is_not_signed_by_us_is_not_valid(
    mesh: Mesh, tokens: TokenServiceStub, forge: Forge, token: str
) -> None:
    """SIGNATURE is the answer to foreign keys, secrets, changed bytes and unknown kids."""
    keys = (await tokens.GetJwks(pb.GetJwksRequest())).jwks
    header, claims = read(token)
    signature = token.rpartition(".")[2]
    for forged in (
        forge(),
        forge(hmac_by(mesh.secrets.jwt_secret.encode()), alg="HS256"),
        forge(hmac_by(keys.encode()), alg="HS256"),
        compact(header, claims | {"sub": "somebody"}, lambda _: _decoded(signature)),
        compact(header | {"kid": "unknown"}, claims, rsa_by(new_key(77))),
    ):
        answer = await verified(tokens, forged)
        assert (answer.valide, answer.motif, len(answer.claims)) == (False, "SIGNATURE", 0)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("changes", "motif"),
    [({"iss": "somebody"}, "EMETTEUR"), ({"aud": "autre"}, "AUDIENCE"), ({"jti": "not-ours"}, "FORMAT")],
)
async def test_R9_another_party_is_not_valid(
    app: App[AuthSettings], tokens: TokenServiceStub, token: str, changes: dict[str, str], motif: str
) -> None:
    """A wrong issuer, audience or jti is refused even when our key has signed it."""
    kid, key = await Keyring.of(app).signing()
    _, claims = read(token)
    signed = jwt.encode(claims | changes, key, algorithm="RS256", headers={"kid": kid})
    answer = await verified(tokens, signed)
    assert (answer.valide, answer.motif) == (False, motif)


async def test_R9_a_token_without_signature_is_not_valid(tokens: TokenServiceStub, forge: Forge) -> None:
    """A token of alg none is FORMAT without a signature and SIGNATURE with one."""
    told = [await verified(tokens, forge(sign, alg="none")) for sign in (unsigned, rsa_by(new_key(77)))]
    assert [(answer.valide, answer.motif) for answer in told] == [(False, "FORMAT"), (False, "SIGNATURE")]


@pytest.mark.parametrize("text", ["abc", "a.b.c", "é", "x" * 9000])
async def test_R9_anything_else_is_an_answer_too(tokens: TokenServiceStub, text: str) -> None:
    """FORMAT is the answer to any other text; it is no error."""
    answer = await verified(tokens, text)
    assert (answer.valide, answer.motif) == (False, "FORMAT")


async def test_R9_a_token_ends_thirty_seconds_after_its_end(
    auth: AuthServiceStub, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """A token is good one second before the end of the leeway, and EXPIRE one second after."""
    now = clock.now()
    with clock.frozen_at(now):
        token = (await auth.Login(jeanne.login())).token
    told = []
    for seconds in (3629, 3631):
        with clock.frozen_at(now + timedelta(seconds=seconds)):
            told.append((await verified(tokens, token)).motif)
    assert told == ["", "EXPIRE"]


async def test_R9_an_empty_token_is_no_question(tokens: TokenServiceStub) -> None:
    """CHAMP_REQUIS is the answer to an empty token."""
    assert await refused(tokens.VerifyToken(pb.VerifyTokenRequest())) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
    )
