"""`crm token`."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import jwt
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm_cli.contributed import COMMANDS, TOOLS
from grpc_utils import TokenVerifier, service_issuers
from grpc_utils.claims import InvalidToken
from service_clients.service import SERVICE as CLIENTS
from service_kit.environment import Secrets
from service_testing import running
from service_testing.command import Command

SECRET = "a-secret-for-tests-0123456789-abcdefghij"
CONTRIBUTED = sorted(entry.module for group in (COMMANDS, TOOLS) for entry in entry_points(group=group))


async def test_a_token_opens_the_mesh_that_shares_its_secret(crm: Command) -> None:
    """The claims are those that the services ask for."""
    made = await crm.where(JWT_SECRET=SECRET)("token", "--organisation", "org-9")
    async with running(CLIENTS, jwt_secret=SECRET) as mesh:
        clients = ClientBaseServiceStub(mesh.channel("clients", made.out.strip()))
        client = await clients.Create(pb.CreateClientBaseRequest(nom="Test"))
    assert client.organisation_id == "org-9"


async def test_tokens_of_one_folder_share_one_secret(crm: Command) -> None:
    """The first call makes the secrets, for this user only; later ones and `crm up` use them."""
    first, second = (await crm("token")).out.strip(), (await crm("token", "--user", "ada")).out.strip()
    (path,) = [*crm.home.glob("secrets.json")]
    secret = json.loads(path.read_text())["jwt_secret"]
    subjects = [jwt.decode(token, secret, algorithms=["HS256"])["sub"] for token in (first, second)]
    assert (subjects, path.stat().st_mode & 0o777) == (["demo", "ada"], 0o600)


async def test_a_token_may_name_no_organisation(crm: Command) -> None:
    """An empty --organisation leaves the claim out, as tokens of outside providers do."""
    made = await crm.where(JWT_SECRET=SECRET)("token", "--organisation", "", "--lifetime", "60")
    claims = jwt.decode(made.out.strip(), SECRET, algorithms=["HS256"])
    assert ("organisation_id" in claims, claims["exp"] - claims["iat"]) == (False, 60)


async def test_a_service_may_be_proven_to_be_another(crm: Command) -> None:
    """With the key that `crm up` gives it: what its callee alone accepts, for a minute."""
    made = await crm("token", "--service", "email", "--to", "clients")
    keys = {
        name: pair["public"]
        for name, pair in json.loads((crm.home / "secrets.json").read_text())["keys"].items()
    }
    verifiers = {
        callee: TokenVerifier(service_issuers(f"email:{keys['email']}", callee))
        for callee in ("clients", "users")
    }
    proven = await verifiers["clients"].verify(made.out.strip())
    assert (proven.kind, proven.subject) == ("service", "service:email")
    with pytest.raises(InvalidToken):
        await verifiers["users"].verify(made.out.strip())


async def test_services_that_do_not_exist_get_a_sentence(crm: Command) -> None:
    """The one that is called, and the one that calls."""
    for names in (("--service", "x"), ("--service", "email", "--to", "x")):
        refused = await crm("token", *names)
        assert (refused.code, refused.out) == (1, "")
        told, _, known = refused.err.partition(": x is none of the services: ")
        assert (told, "clients" in known.split(", ")) == ("crm", True)


async def test_the_claims_are_those_of_the_mesh_in_tests(crm: Command) -> None:
    """What tests call with and what people call with cannot drift apart."""
    made = await crm.where(JWT_SECRET=SECRET)("token")
    ours, theirs = (
        jwt.decode(token, SECRET, algorithms=["HS256"])
        for token in (made.out.strip(), Secrets(SECRET).token())
    )
    instants = ("iat", "exp")
    assert {k: v for k, v in ours.items() if k not in instants} == {
        k: v for k, v in theirs.items() if k not in instants
    }


async def test_damaged_secrets_get_a_sentence(crm: Command) -> None:
    """No traceback, and what to do."""
    crm.home.mkdir()
    (crm.home / "secrets.json").write_text("{")
    refused = await crm("token")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (f"crm: {crm.home}/secrets.json is damaged: remove it, and new secrets are made\n")


@pytest.mark.parametrize("module", ["crm_cli.main", "crm_cli.tokens", "crm_cli.decoding", *CONTRIBUTED])
def test_what_must_answer_at_once_loads_nothing_of_the_kernel(module: str) -> None:
    """`crm --help`, `crm token` and `crm decode` are run by scripts for every call or message.

    The help lists the commands that services and tools contribute, so their modules are light too.
    """
    script = f"import sys, {module}; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"grpc", "sqlalchemy", "psycopg", "nats", "service_kit", "pydantic", "rich.console"}
    assert heavy & set(loaded.stdout.split()) == set()
