"""Descriptions of the gateway itself: its front page and its contract, for programs and people."""

import secrets
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from service_kit import LIVENESS, READINESS
from service_kit.registry import services
from starlette.exceptions import HTTPException

from gateway.bodies import Body
from gateway.exchange import accepts
from gateway.front_page import Link, front_headers, front_page
from gateway.policies import CONTRACT, DISCOVERY, DOCS, DOCS_FILE, FRONT, HTML, JWKS
from gateway.settings import GatewaySettings
from gateway.viewer import ASSETS, viewer_files, viewer_headers, viewer_page

_LINKS: Final = (
    Link("documentation", DOCS, "the HTTP API, to read and to try"),
    Link("contract", CONTRACT, "the same for programs (OpenAPI)"),
    Link("liveness", LIVENESS, "whether this process lives"),
    Link("readiness", READINESS, "whether the services it needs answer"),
    Link("keys", JWKS, "the public keys of our own tokens"),
    Link("issuer", DISCOVERY, "who issues them (OpenID Connect Discovery)"),
)
# How programs find a contract without having been told (RFC 8631).
_LINK_HEADER: Final = f'<{CONTRACT}>; rel="service-desc", <{DOCS}>; rel="service-doc"'
_REVALIDATED: Final = "no-cache"  # stored, but revalidated each time: 304 while it is unchanged


class Directory(Body):
    """Addresses to go to: *links* are paths by what they lead to, *application* is for people.

    *services* are the gRPC ports of the services behind it, none in production.
    """

    name: str
    application: str
    links: dict[str, str]
    services: dict[str, int]


class Documentation:
    """The endpoints. Outside production they show the ports of the services at *addresses*."""

    def __init__(self, settings: GatewaySettings, addresses: Mapping[str, str]) -> None:
        self._application = settings.frontend_origins[0]
        self._ports = {} if settings.in_production else _ports(addresses)
        self._files = viewer_files()

    def router(self) -> APIRouter:
        """The paths of these endpoints."""
        router = APIRouter(tags=["documentation"])
        router.add_api_route(
            FRONT,
            self.front,
            methods=["GET"],
            response_model=Directory,
            responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
        )
        router.add_api_route(CONTRACT, self.contract, methods=["GET"], include_in_schema=False)
        router.add_api_route(DOCS, self.docs, methods=["GET"], include_in_schema=False)
        router.add_api_route(DOCS_FILE, self.file, methods=["GET"], include_in_schema=False)
        return router

    async def front(self, request: Request) -> Response:
        """Say what runs here and where to go: to a browser as a page, to a program in JSON."""
        told = {"vary": "Accept", "link": _LINK_HEADER}
        if accepts(request.scope, HTML):
            nonce = secrets.token_urlsafe(16)
            page = front_page(self._application, _LINKS, self._ports, nonce)
            return HTMLResponse(page, headers={**told, **front_headers(nonce)})
        links = {link.name: link.path for link in _LINKS}
        directory = Directory(
            name=request.app.title, application=self._application, links=links, services=dict(self._ports)
        )
        return JSONResponse(directory.model_dump(by_alias=True), headers=told)

    async def contract(self, request: Request) -> Response:
        """Tell the contract of this edge (OpenAPI)."""
        return JSONResponse(request.app.openapi())

    async def docs(self, request: Request) -> Response:
        """Show the contract."""
        nonce = secrets.token_urlsafe(16)
        return HTMLResponse(viewer_page(request.app.title, nonce), headers=viewer_headers(nonce))

    async def file(self, request: Request, file: str) -> Response:
        """Give a file of the viewer."""
        if file not in ASSETS:
            raise HTTPException(404)
        response = await self._files.get_response(file, request.scope)
        response.headers["cache-control"] = _REVALIDATED
        return response


def _ports(addresses: Mapping[str, str]) -> Mapping[str, int]:
    """Ports of the services; those of this machine are the same outside of their containers."""
    ports = {name: address.rpartition(":")[2] for name, address in addresses.items() if name in services()}
    return {name: int(port) for name, port in sorted(ports.items()) if port.isdecimal()}
