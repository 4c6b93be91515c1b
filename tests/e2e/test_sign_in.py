"""Second story: a person signs in, calls services with the token, and signs out."""

import json
from http import HTTPStatus

import httpx
import jwt
import pytest
from crm_cli.demo import Demo
from crm_cli.home import Home
from service_testing import eventually
from service_testing.command import Up
from service_testing.web import web_client

from tests.e2e.shell import Shell

LIST = ("clients", "clients.ClientBaseService/List")


@pytest.fixture
def demo(mesh: Up) -> Demo:
    """The demo account of the mesh."""
    return Demo.of(Home(mesh.crm.home))


async def sign_in(mesh: Up, demo: Demo) -> httpx.Response:
    """Sign in with the password of *demo*; the answer of the gateway."""
    body = {"email": demo.email, "password": demo.password}
    async with web_client() as client:
        return await client.post(f"http://{mesh.address('gateway')}/api/auth/login", json=body)


async def test_the_demo_account_signs_in_with_the_password_that_crm_up_prints(mesh: Up, demo: Demo) -> None:
    """The printed address and password sign in; the answer has the user and the organisation."""
    await mesh.says_once(f"Sign in as {demo.email} with the password {demo.password}.")
    answer = (await sign_in(mesh, demo)).json()
    assert (answer["message"], answer["user"]["email"]) == ("Connexion réussie", demo.email)
    assert answer["user"]["organisationId"] == "org-123"


async def test_crm_token_is_a_token_of_the_auth_service(mesh: Up) -> None:
    """A token without options is RS256, signed by auth; with options it is HS256, made by the command."""
    signed_in = (await mesh.crm("token")).out.strip()
    made_here = (await mesh.crm("token", "--user", "ada")).out.strip()
    assert [jwt.get_unverified_header(token)["alg"] for token in (signed_in, made_here)] == ["RS256", "HS256"]


async def test_a_token_opens_services_until_its_bearer_signs_out(shell: Shell, demo: Demo) -> None:
    """A token is refused as JETON_REVOQUE within 2 s after its sign-out (C5)."""
    token = (await sign_in(shell.mesh, demo)).json()["token"]
    bearer = ("-H", f"authorization: Bearer {token}")
    code, told = await shell.grpcurl(*LIST, *bearer)
    assert (code, "pagination" in json.loads(told)) == (0, True)
    async with web_client(headers={"authorization": f"Bearer {token}"}) as client:
        left = await client.post(f"http://{shell.mesh.address('gateway')}/api/auth/logout")
    assert left.status_code == HTTPStatus.NO_CONTENT

    async def refused() -> bool:
        return "JETON_REVOQUE" in (await shell.grpcurl(*LIST, *bearer))[1]

    assert await eventually(refused, timeout=2)
