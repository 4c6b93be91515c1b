"""The commands that services contribute, with `crm auth rotate-key` as the example."""

import json
from typing import Any

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import TokenServiceStub
from service_auth.service import SERVICE as AUTH
from service_kit import RunningService
from service_testing import fresh_database, running
from service_testing.command import Command, up


def settings_of(service: RunningService) -> dict[str, str]:
    """What a process needs to do something with *service*."""
    settings = service.settings.model_dump()
    names = ("database_url", "auth_pepper", "encryption_keys")
    return {name.upper(): settings[name].get_secret_value() for name in names}


async def published(tokens: TokenServiceStub) -> list[str]:
    """The ids of the published keys, the newest first."""
    keys = json.loads((await tokens.GetJwks(pb.GetJwksRequest())).jwks)["keys"]
    return [key["kid"] for key in keys]


async def test_rotate_key_publishes_a_new_key(crm: Command) -> None:
    """It says which one, and from when it signs."""
    database = fresh_database(AUTH)
    async with running(AUTH, database_url=database) as mesh:
        tokens = mesh.service_stub(TokenServiceStub, caller="auth")
        (former,) = await published(tokens)
        settings = settings_of(mesh["auth"])
        said = await crm.where(**settings)("auth", "rotate-key")
    own: dict[str, Any] = {name.lower(): value for name, value in settings.items() if name != "DATABASE_URL"}
    async with running(AUTH, database_url=database, **own) as mesh:
        newest, oldest = await published(mesh.service_stub(TokenServiceStub, caller="auth"))
    assert (said.code, said.err, oldest) == (0, "", former)
    assert said.out.startswith(f"key {newest} is published within ten seconds and signs from 20")


async def test_the_mesh_that_runs_here_is_meant(crm: Command) -> None:
    """Its settings need not be given."""
    async with up(crm, "auth"):
        said = [await crm("auth", "rotate-key") for _ in range(2)]
    assert [(one.code, one.err) for one in said] == [(0, "")] * 2


async def test_without_settings_they_are_asked_for(crm: Command) -> None:
    """In a sentence, with exit code 1."""
    said = await crm("auth", "rotate-key")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("crm: DATABASE_URL is missing: ")


async def test_a_database_that_is_away_is_told(crm: Command) -> None:
    """In a sentence, without a traceback."""
    async with running(AUTH) as mesh:
        settings = settings_of(mesh["auth"])
    nowhere = {**settings, "DATABASE_URL": "host=127.0.0.1 port=1 user=crm dbname=crm"}
    said = await crm.where(**nowhere)("auth", "rotate-key")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("crm: the database does not answer (")


async def test_the_help_lists_them(crm: Command) -> None:
    """Among the commands of the mesh, and by themselves."""
    every, own = await crm("--help"), await crm("auth", "--help")
    assert "auth" in [line.split()[0] for line in every.out.splitlines() if line.startswith("  ")]
    assert "rotate-key" in own.out
