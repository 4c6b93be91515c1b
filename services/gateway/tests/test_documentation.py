"""Descriptions of the gateway itself: its front page, its contract, and the viewer of it."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from gateway.edge import GATEWAY
from gateway.policies import CONTRACT, DOCS, FRONT
from service_testing import Mesh, running
from service_testing.web import web_client
from tests.visitors import FRONT as APPLICATION

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
_ADDRESS = re.compile(r'(?:href|src)="([^"]*)"')


def addresses(page: httpx.Response) -> list[str]:
    """Addresses to which a page links, or from which it loads."""
    return [found for found in _ADDRESS.findall(page.text) if not found.startswith("data:")]


def policy(page: httpx.Response) -> dict[str, str]:
    """Content-Security-Policy of an answer, with its nonce left out."""
    text = re.sub(r"nonce-[\w-]+", "nonce", page.headers["content-security-policy"])
    return {name: values for name, _, values in (part.partition(" ") for part in text.split("; "))}


async def test_a_browser_is_told_what_runs_here(edge: httpx.AsyncClient) -> None:
    """A browser gets a page, with nobody behind the gateway, and all its links lead somewhere."""
    page = await edge.get(FRONT, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    own = [address for address in addresses(page) if address.startswith("/")]
    assert {*addresses(page)} - {*own} == {APPLICATION}
    assert {(await edge.get(address)).status_code for address in own} <= {200, 503}
    assert {DOCS, CONTRACT} <= {*own}


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_a_program_is_told_the_same_in_json(edge: httpx.AsyncClient, accept: str) -> None:
    """A client that does not name HTML gets JSON, and headers that name the contract (RFC 8631)."""
    answer = await edge.get(FRONT, headers={"accept": accept})
    links = answer.json()["links"]
    assert (links["documentation"], links["contract"]) == (DOCS, CONTRACT)
    assert answer.json()["application"] == APPLICATION
    assert f'<{CONTRACT}>; rel="service-desc"' in answer.headers["link"]
    assert "Accept" in answer.headers.get_list("vary")


async def test_the_ports_of_the_services_are_told(web: httpx.AsyncClient, mesh: Mesh) -> None:
    """Developers and programs are shown the ports of the services, to call them with other tools."""
    page = (await web.get(FRONT, headers=BROWSER)).text
    told = (await web.get(FRONT)).json()["services"]
    for name in ("auth", "users"):
        port = mesh.address(name).rpartition(":")[2]
        assert port in page
        assert told[name] == int(port)


@pytest.fixture
async def in_production() -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a gateway in production."""
    async with (
        running(GATEWAY, crm_env="production", public_base_url="https://crm.example") as mesh,
        web_client(base_url=f"http://{mesh.address('gateway')}") as client,
    ):
        yield client


async def test_production_keeps_its_ports_to_itself(in_production: httpx.AsyncClient) -> None:
    """In production neither page nor directory shows a service."""
    page = await in_production.get(FRONT, headers=BROWSER)
    assert (page.status_code, "grpcurl" in page.text) == (200, False)
    assert (await in_production.get(FRONT)).json()["services"] == {}


@pytest.mark.parametrize("path", [FRONT, DOCS])
async def test_pages_may_do_nothing_but_what_they_need(edge: httpx.AsyncClient, path: str) -> None:
    """Policies allow the viewer's own script by a nonce; no frame, no eval, no other host."""
    page, again = [await edge.get(path, headers=BROWSER) for _ in range(2)]
    scripts = {"script-src": "'nonce'", "connect-src": "'self'"} if path == DOCS else {}
    assert policy(page) == scripts | {
        "default-src": "'none'",
        "style-src": "'nonce'",
        "img-src": "data:",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page.headers["content-security-policy"] != again.headers["content-security-policy"]
    assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "DENY")


async def test_the_viewer_is_served_by_ourselves(edge: httpx.AsyncClient) -> None:
    """The viewer's files come from here in types that browsers accept; no other host learns of it."""
    page = await edge.get(DOCS)
    loaded = [address for address in addresses(page) if address != CONTRACT]
    files = [await edge.get(address) for address in loaded]
    assert [urlsplit(address).netloc for address in loaded] == ["", ""]
    assert [file.headers["content-type"].partition(";")[0] for file in files] == [
        "text/css",
        "text/javascript",
    ]
    assert min(len(file.content) for file in files) > 100_000
    assert "validatorUrl: null" in page.text


async def test_a_file_of_the_viewer_is_not_sent_twice(edge: httpx.AsyncClient) -> None:
    """A file that has not changed is 304."""
    first = await edge.get(f"{DOCS}/swagger-ui.css")
    again = await edge.get(f"{DOCS}/swagger-ui.css", headers={"if-none-match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.status_code, again.content) == ("no-cache", 304, b"")


@pytest.mark.parametrize("file", ["redoc.standalone.js", "favicon.png", "..%2fcore.py", "nothing"])
async def test_other_files_of_its_package_are_not_given(edge: httpx.AsyncClient, file: str) -> None:
    """Other files of the package, and those around it, are 404."""
    assert (await edge.get(f"{DOCS}/{file}")).status_code == 404
