"""The command `crm users creer-utilisateur` (R26), run in a process of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CredentialServiceStub, MembreServiceStub
from service_testing import Mesh
from service_testing.command import Command, Outcome
from service_users.models import OrganisationAAssurer
from tests.personnes import PASSWORD


@pytest.fixture
def crm(mesh: Mesh, tmp_path: Path) -> Command:
    """The command, set up for the database of the tests."""
    url = mesh["users"].settings.database_url.get_secret_value()
    return Command.at(tmp_path).where(DATABASE_URL=url, BCRYPT_COST="4")


def creation(email: str, org: str) -> tuple[str, ...]:
    """Return the arguments that make an account."""
    return ("users", "creer-utilisateur", "--email", email, "--organisation", org)


async def test_R26_the_first_account_signs_in_and_administers(
    mesh: Mesh,
    crm: Command,
    credentials: CredentialServiceStub,
    membres: MembreServiceStub,
    email: str,
    org: str,
) -> None:
    """The account has the password of standard input and administers; organisations will be told."""
    said = await crm(*creation(email.upper(), org), stdin=f"{PASSWORD}\n".encode())
    user = await credentials.VerifyPassword(pb.VerifyPasswordRequest(email=email, mot_de_passe=PASSWORD))
    assert (said.code, said.err) == (0, "")
    assert said.out == f"account {user.id} is made, and is a member of {org}\n"
    assert (user.email_verifie, user.source_creation) == (True, "local")
    (membre,) = (await membres.List(pb.ListMembresRequest(organisation_id=org))).membres
    assert (membre.utilisateur_id, membre.role, membre.etat) == (user.id, "ADMIN", "actif")
    assert await mesh.database("users").read().get(OrganisationAAssurer, org) is not None


async def test_R26_again_it_changes_nothing(
    crm: Command, credentials: CredentialServiceStub, membres: MembreServiceStub, email: str, org: str
) -> None:
    """A second run knows the account by its address and keeps its password."""
    await crm(*creation(email, org), stdin=PASSWORD.encode())
    said = await crm(*creation(email, org), stdin=b"un autre mot de passe")
    user = await credentials.VerifyPassword(pb.VerifyPasswordRequest(email=email, mot_de_passe=PASSWORD))
    assert (said.code, said.out) == (0, f"account {user.id} was there already, and is a member of {org}\n")
    assert len((await membres.List(pb.ListMembresRequest(organisation_id=org))).membres) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda email, org: ((email, org), b"court"), "the password on standard input"),
        (lambda email, org: (("pas une adresse", org), PASSWORD.encode()), "email"),
        (lambda email, org: ((email, "pas un id"), PASSWORD.encode()), "organisation"),
        (
            lambda email, org: ((email, org), b""),
            "the password on standard input: there is none; give it as in: printf",
        ),
        (
            lambda email, org: ((email, org), b"\n"),
            "the password on standard input: there is none; give it as in: printf",
        ),
    ],
)
async def test_R26_what_is_wrong_is_said(
    crm: Command,
    email: str,
    org: str,
    change: Callable[[str, str], tuple[tuple[str, str], bytes]],
    named: str,
) -> None:
    """Mistakes are named with exit code 2, in a sentence that does not repeat the password."""
    arguments, stdin = change(email, org)
    said: Outcome = await crm(*creation(*arguments), stdin=stdin)
    assert (said.code, said.out) == (2, "")
    assert f"Invalid value for {named}" in said.err
    assert "Traceback" not in said.err
