"""New encryption keys: old tokens are sealed anew while everybody reads them (R17)."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AdminServiceStub
from grpc import StatusCode
from service_integrations.housekeeping import reencrypt
from service_integrations.rotation import Rotation
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import Mesh, fresh_database, refused, running
from service_testing.oauth import OauthProvider
from tests.titulaires import ORIGINS, STILL, Personne, all_rows, change, new_user

NEW = f"k2:{base64.b64encode(b'n' * 32).decode()}"


@pytest.fixture
async def before(provider: OauthProvider) -> AsyncIterator[tuple[Mesh, dict[str, Any]]]:
    """A service with tables of its own, and its settings."""
    settings: dict[str, Any] = {"integrations_redirect_origins": ORIGINS, **provider.settings()}
    settings["database_url"] = fresh_database()
    async with running(STILL, **settings) as mesh:
        yield mesh, settings


async def test_R17_tokens_are_sealed_with_the_first_key(
    before: tuple[Mesh, dict[str, Any]], provider: OauthProvider
) -> None:
    """Tokens are readable before, during and after the rounds, then without the old key."""
    mesh, settings = before
    jeanne = Personne(new_user(), mesh, provider)
    accounts = [await jeanne.connect(code) for code in ("google", "microsoft", "google")]
    former = [await jeanne.token(account) for account in accounts]
    versions = [row.version for row in await all_rows(mesh.database("integrations"))]
    both = f"{NEW},{mesh.secrets.made['ENCRYPTION_KEYS']}"
    async with running(STILL, **settings, encryption_keys=both) as rotated:
        admin = rotated.service_stub(AdminServiceStub, caller="integrations")
        reader = Personne(jeanne.user_id, rotated, provider)
        for treated, left in ((2, 1), (1, 0), (0, 0)):
            told = await admin.ReencryptTokens(pb.ReencryptTokensRequest(limite=2))
            assert (told.traites, told.restants) == (treated, left)
            assert [await reader.token(account) for account in accounts] == former
        rows = await all_rows(rotated.database("integrations"))
        assert [row.version for row in rows] == versions
    async with running(STILL, **settings, encryption_keys=NEW) as later:
        reader = Personne(jeanne.user_id, later, provider)
        assert [await reader.token(account) for account in accounts] == former


async def test_R17_unreadable_tokens_hold_up_nobody(
    before: tuple[Mesh, dict[str, Any]], provider: OauthProvider
) -> None:
    """Unreadable rows are passed by and counted as left; the job ends."""
    mesh, settings = before
    jeanne = Personne(new_user(), mesh, provider)
    lost, kept = [await jeanne.connect() for _ in range(2)]
    await change(mesh.database("integrations"), lost.integration.id, access_token="v1.k0.a.b")
    both = f"{NEW},{mesh.secrets.made['ENCRYPTION_KEYS']}"
    async with running(STILL, **settings, encryption_keys=both) as rotated:
        app: App[IntegrationsSettings] = rotated["integrations"].app  # type: ignore[assignment]  # its own
        rotation = Rotation(app.database, app.settings.envelope())
        assert (await rotation.round(1), await rotation.left()) == (1, 1)
        assert str((await jeanne.row(kept)).access_token).startswith("v1.k2.")
        await reencrypt(app)
        assert await rotation.left() == 1


async def test_R17_a_round_has_a_size(admin: AdminServiceStub) -> None:
    """A negative size of a round is refused."""
    call = admin.ReencryptTokens(pb.ReencryptTokensRequest(limite=-1))
    assert await refused(call) == (StatusCode.INVALID_ARGUMENT, "FORMAT_INVALIDE")
