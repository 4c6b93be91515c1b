"""The keys of our own tokens: published, rotated under load, kept while auth is away."""

import asyncio
from typing import Any

import httpx
from crm.organisations import organisations_pb2 as organisations
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub
from gateway.policies import DISCOVERY, JWKS, LOGIN, PROFILE
from grpc_utils import Jwks
from jwt import PyJWK, decode, get_unverified_header
from service_auth.keys import Keyring
from service_kit.testing import Mesh
from tests.visitors import SignIn, Someone, bearer


async def keys_of(web: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """The published keys by id."""
    return {key["kid"]: key for key in (await web.get(JWKS)).json()["keys"]}


async def test_the_published_key_verifies_a_token(
    web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """With any library: RS256, our issuer, our audience. Nothing private is published."""
    token = await sign_in(jeanne)
    key = (await keys_of(web))[get_unverified_header(token)["kid"]]
    claims = decode(token, PyJWK(key).key, algorithms=["RS256"], audience="crm", issuer="crm-auth")
    assert (claims["sub"], claims["email"]) == (jeanne.id, jeanne.email)
    assert set(key) <= {"kty", "n", "e", "kid", "use", "alg", "key_ops"}


async def test_discovery_leads_to_the_keys(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The issuer is that of the tokens."""
    found = (await web.get(DISCOVERY)).json()
    assert (found["issuer"], found["id_token_signing_alg_values_supported"]) == ("crm-auth", ["RS256"])
    assert found["jwks_uri"] == f"http://localhost:{mesh.address('gateway').rpartition(':')[2]}{JWKS}"
    assert (await web.get(found["jwks_uri"].replace("localhost", "127.0.0.1"))).status_code == 200


async def test_parallel_questions_for_keys_are_one_to_auth(mesh: Mesh, web: httpx.AsyncClient) -> None:
    """The same document for all."""
    answers = await asyncio.gather(*(web.get(JWKS) for _ in range(30)))
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=60"}


async def test_a_rotation_refuses_nobody(
    mesh: Mesh, web: httpx.AsyncClient, jeanne: Someone, sign_in: SignIn
) -> None:
    """Neither the old tokens nor the first of the new key, at the gateway and at a service, under load."""
    old, statuses, rotated = await sign_in(jeanne), [], asyncio.Event()
    services = OrganisationServiceStub(mesh.channel("organisations", old))

    async def work() -> None:
        while not rotated.is_set():
            statuses.append((await web.get(PROFILE, headers=bearer(old))).status_code)
            await services.List(organisations.ListOrganisationsRequest())

    working = [asyncio.create_task(work()) for _ in range(4)]
    app: Any = mesh["auth"].app
    await Keyring.of(app).rotate()
    fresh = (await web.post(LOGIN, json=jeanne.credentials)).json()["token"]
    first = await asyncio.gather(*(web.get(PROFILE, headers=bearer(fresh)) for _ in range(20)))
    new_holder = OrganisationServiceStub(mesh.channel("organisations", fresh))
    await asyncio.gather(*(new_holder.List(organisations.ListOrganisationsRequest()) for _ in range(20)))
    rotated.set()
    await asyncio.gather(*working)
    assert get_unverified_header(old)["kid"] != get_unverified_header(fresh)["kid"]
    assert {answer.status_code for answer in first} == {200}
    assert set(statuses) == {200}


async def test_a_verifier_reads_the_published_keys(mesh: Mesh, jeanne: Someone, sign_in: SignIn) -> None:
    """As every service does, over http to this machine."""
    kid = get_unverified_header(await sign_in(jeanne))["kid"]
    assert await Jwks(f"http://{mesh.address('gateway')}{JWKS}").key(kid) is not None
