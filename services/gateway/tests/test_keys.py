"""Keys of our own tokens: published, rotated under load, kept while auth is away."""

import asyncio
from typing import Any

import httpx
from crm.organisations import organisations_pb2 as organisations
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from gateway.policies import DISCOVERY, JWKS, PROFILE
from grpc import StatusCode
from grpc_utils import Jwks
from grpc_utils.jwks import FORCED_PAUSE
from jwt import PyJWK, decode, get_unverified_header
from service_auth.keys import Keyring
from service_testing import Mesh, code_of, eventually
from service_testing.issuer import IdentityProvider
from service_testing.oidc import OidcProvider
from tests.visitors import SignIn, Someone, bearer, browser, identity, made, signed_in


async def keys_of(web: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """Published keys by id."""
    return {key["kid"]: key for key in (await web.get(JWKS)).json()["keys"]}


async def test_the_published_key_verifies_a_token(
    web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """PyJWT verifies a token of ours by the published key, and nothing private is published."""
    token = await sign_in(jeanne)
    key = (await keys_of(web))[get_unverified_header(token)["kid"]]
    claims = decode(token, PyJWK(key).key, algorithms=["RS256"], audience="crm", issuer="crm-auth")
    assert (claims["sub"], claims["email"]) == (jeanne.id, jeanne.email)
    assert set(key) <= {"kty", "n", "e", "kid", "use", "alg", "key_ops"}


async def test_discovery_leads_to_the_keys(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The discovery document names the issuer of the tokens and the address of the keys."""
    found = (await web.get(DISCOVERY)).json()
    assert (found["issuer"], found["id_token_signing_alg_values_supported"]) == ("crm-auth", ["RS256"])
    assert found["jwks_uri"] == f"http://localhost:{mesh.address('gateway').rpartition(':')[2]}{JWKS}"
    assert (await web.get(found["jwks_uri"].replace("localhost", "127.0.0.1"))).status_code == 200


async def test_parallel_questions_for_keys_get_one_document(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """Thirty parallel questions get one document, which may be cached for 30 seconds."""
    answers = await asyncio.gather(*(web.get(JWKS) for _ in range(30)))
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=30"}


async def rotate(mesh: Mesh) -> None:
    """Make auth use a new signing key, as `crm auth rotate-key` does."""
    app: Any = mesh["auth"].app
    await Keyring.of(app).rotate()


async def token_of(mesh: Mesh, person: Someone) -> str:
    """Sign *person* in from an address of his own, and return the token."""
    async with browser(mesh) as web:
        return await signed_in(web, person)


async def is_refused(mesh: Mesh, web: httpx.AsyncClient, token: str) -> bool:
    """Tell whether the gateway or a service refuses *token*."""
    services = OrganisationServiceStub(mesh.channel("organisations", token))
    at_gateway, at_service = await asyncio.gather(
        web.get(PROFILE, headers=bearer(token)),
        code_of(services.List(organisations.ListOrganisationsRequest())),
    )
    return at_gateway.status_code == 401 or at_service == StatusCode.UNAUTHENTICATED


async def test_a_key_that_was_just_made_is_known_at_once(fragile: Mesh) -> None:
    """A service that meets a new key fetches it, however many calls wait for the answer."""
    person = await made(fragile)
    old = await token_of(fragile, person)
    await rotate(fragile)
    fresh = await token_of(fragile, person)
    assert get_unverified_header(old)["kid"] != get_unverified_header(fresh)["kid"]
    async with browser(fragile) as web:
        answers = await asyncio.gather(*(is_refused(fragile, web, token) for token in (old, fresh) * 20))
    assert not any(answers)


async def test_a_rotation_under_load_refuses_nobody(provider: OidcProvider, kinde: IdentityProvider) -> None:
    """A new key is published for longer than verifiers wait between two questions, then it signs."""
    refusals: list[bool] = []
    async with identity(provider, kinde, jwt_key_lead_s=FORCED_PAUSE + 1) as mesh, browser(mesh) as web:
        person = await made(mesh)
        old = await token_of(mesh, person)
        refusals.append(await is_refused(mesh, web, old))
        await rotate(mesh)

        async def new_key_signs() -> bool:
            token = await token_of(mesh, person)
            refusals.extend(await asyncio.gather(*(is_refused(mesh, web, one) for one in (old, token) * 2)))
            return bool(get_unverified_header(token)["kid"] != get_unverified_header(old)["kid"])

        await eventually(new_key_signs, timeout=60, every=0.2)
    assert len(refusals) > 5
    assert not any(refusals)


async def test_a_verifier_reads_the_published_keys(mesh: Mesh, jeanne: Someone, sign_in: SignIn) -> None:
    """The verifier of the services reads the keys over http on this machine."""
    kid = get_unverified_header(await sign_in(jeanne))["kid"]
    assert await Jwks(f"http://{mesh.address('gateway')}{JWKS}").key(kid) is not None
