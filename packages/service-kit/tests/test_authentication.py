"""A running service with the issuers that its settings name."""

import logging
from collections.abc import AsyncIterator

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from service_clients.service import SERVICE
from service_testing import Mesh, refusal, running
from service_testing.issuer import IdentityProvider, identity_provider

REQUEST = pb.ListClientBasesRequest()


async def code(mesh: Mesh, token: str) -> grpc.StatusCode:
    """How a call with *token* ends."""
    try:
        await ClientBaseServiceStub(mesh.channel("clients", token)).List(REQUEST)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.fixture(scope="module")
async def keycloak() -> AsyncIterator[IdentityProvider]:
    """The realm."""
    async with identity_provider(1) as provider:
        yield provider


@pytest.fixture(scope="module")
async def auth() -> AsyncIterator[IdentityProvider]:
    """Our own auth service."""
    async with identity_provider(100) as provider:
        yield provider


@pytest.fixture(scope="module")
async def mesh(keycloak: IdentityProvider, auth: IdentityProvider) -> AsyncIterator[Mesh]:
    """The clients service with all issuers configured together."""
    async with running(
        SERVICE,
        keycloak_realm_url=keycloak.issuer + "/",
        keycloak_audience="crm-app,crm-web",
        jwks_url=auth.jwks_url,
    ) as mesh:
        yield mesh


async def test_C5_issuers_of_all_kinds_work_side_by_side(
    mesh: Mesh, keycloak: IdentityProvider, auth: IdentityProvider
) -> None:
    """Keycloak, our own auth service and the shared secret, each with its key."""
    tokens = [
        keycloak.token(aud=["account", "crm-app"]),
        keycloak.token(aud="account", azp="crm-web"),
        auth.token(iss="crm-auth", aud="crm"),
        mesh.secrets.token(),
        mesh.secrets.token(iss=""),
    ]
    assert [await code(mesh, token) for token in tokens] == [grpc.StatusCode.OK] * 5


async def test_C5_each_issuer_vouches_for_itself_only(
    mesh: Mesh, keycloak: IdentityProvider, auth: IdentityProvider
) -> None:
    """Wrong audience, an ID token, another's name."""
    tokens = [
        keycloak.token(),
        keycloak.token(aud="account", azp="another-client"),
        keycloak.token(azp=["crm-web"]),
        keycloak.token(aud="crm-app", typ="ID"),
        auth.token(iss="crm-auth", azp="crm"),
        keycloak.token(iss="crm-auth", aud="crm"),
        auth.token(iss=keycloak.issuer, aud="crm-app"),
        auth.token(iss="crm-auth"),
        auth.token(iss="crm", aud="crm"),
        mesh.secrets.token(iss="crm-auth", aud="crm"),
        mesh.secrets.token(iss=keycloak.issuer, aud="crm-app", typ="Bearer"),
    ]
    assert [await code(mesh, token) for token in tokens] == [grpc.StatusCode.UNAUTHENTICATED] * 11


@pytest.mark.parametrize(
    ("size", "reason", "message"),
    [
        (8192, "JETON_INVALIDE", "Le jeton est invalide."),
        (8193, "JETON_TROP_LONG", "Le jeton dépasse 8 192 octets, la taille maximale."),
    ],
)
async def test_C5_a_token_that_is_too_long_is_told_so(
    mesh: Mesh, size: int, reason: str, message: str
) -> None:
    """With the limit; up to it, what the token says decides."""
    token = mesh.secrets.token().ljust(size, "A")
    told = await refusal(ClientBaseServiceStub(mesh.channel("clients", token)).List(REQUEST))
    assert (told.code, told.reason, told.message) == (grpc.StatusCode.UNAUTHENTICATED, reason, message)


async def test_I6_known_callers_go_on_while_their_issuer_is_away(
    mesh: Mesh, keycloak: IdentityProvider
) -> None:
    """New tokens of a known key too."""
    await code(mesh, keycloak.token(aud="crm-app"))
    async with keycloak.down():
        tokens = [keycloak.token(aud="crm-app", sub=f"user-{number}") for number in range(20)]
        assert {await code(mesh, token) for token in tokens} == {grpc.StatusCode.OK}


async def test_C5_an_audience_that_nobody_checks_is_told_at_the_start(
    keycloak: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Outside production, tokens of every client of the realm are accepted without the setting."""
    with caplog.at_level(logging.WARNING):
        async with running(SERVICE, keycloak_realm_url=keycloak.issuer) as mesh:
            assert await code(mesh, keycloak.token(azp="any-client")) == grpc.StatusCode.OK
    told = [record.getMessage() for record in caplog.records if "KEYCLOAK" in record.getMessage()]
    assert told == ["KEYCLOAK_AUDIENCE is empty: tokens of every client of the realm are accepted"]


async def test_AUTH_ENABLED_false_lets_everybody_in_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """One warning at the start; no token is needed."""
    with caplog.at_level(logging.WARNING):
        async with running(SERVICE, auth_enabled=False) as mesh:
            assert await code(mesh, "") == grpc.StatusCode.OK
    told = [record.getMessage() for record in caplog.records if "AUTH_ENABLED" in record.getMessage()]
    assert told == ["AUTH_ENABLED=false: every call is let in as user 'anonyme'"]
