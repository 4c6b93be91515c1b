"""`./scripts/new-service` as an author uses it, in a checkout of its own."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.checkout import ROOT, Checkout

NEW = "./scripts/new-service"
MYPY = "MYPYPATH=$(python scripts/tree.py mypy-path) mypy"


@pytest.fixture
def new_service(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module behind the script."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("new_service")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("Chevaux 50059", "NAME 'Chevaux': 3 to 30 letters a to z, as in `factures`"),
        ("import 50059", "NAME 'import' is a word of Python"),
        ("select 50059", "NAME 'select' is a reserved word of SQL"),
        ("clients 50059", "NAME 'clients' is taken"),
        ("kit 50059", "NAME 'kit' is taken"),
        ("events 50059", "NAME 'events' is taken"),
        ("common 50059", "NAME 'common' is taken"),
        ("nats 50059", "NAME 'nats' is taken"),
        ("chevaux 50052", "PORT 50052 is taken by clients; free is {free}"),
        ("chevaux 5432", "PORT 5432 is taken by the compose stacks; free is {free}"),
        ("chevaux 80", "PORT 80: services listen on one between 1024 and 65535"),
        ("versions 50059", "resource 'version' has a meaning in the code of every service: see --resource"),
        ("prix 50059 --plural prix", "resource and plural are both 'prix': see --plural"),
    ],
)
def test_a_service_that_cannot_be_is_refused(new_service: Any, arguments: str, sentence: str) -> None:
    """With a sentence that says why."""
    with pytest.raises(new_service.Refused) as refused:
        new_service.checked(new_service.asked(arguments.split()))
    assert str(refused.value) == sentence.format(free=new_service.free_port())


def test_a_prepared_contract_is_kept(
    new_service: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It takes no name; what is made stands at its end, with the imports that it lacks."""
    contract = (
        'syntax = "proto3";\n\n// Stables, as far as others call them.\npackage ecuries;\n\n'
        'import "crm/common/common.proto";\n\nservice BoxService {}\n\nmessage Box {}\n'
    )
    (tmp_path / "ecuries").mkdir()
    (tmp_path / "ecuries/ecuries.proto").write_text(contract)
    monkeypatch.setattr(new_service, "CONTRACTS", tmp_path)
    plan = new_service.checked(new_service.asked(["ecuries", "50099"]))
    own = plan.text((new_service.TEMPLATES / "proto/registre.proto").read_text())
    made = new_service.with_resource(contract, own)
    assert [line for line in contract.splitlines() if line not in made.splitlines()] == []
    assert made.count("package ecuries;") == made.count('import "crm/common/common.proto";') == 1
    assert 'import "google/protobuf/timestamp.proto";' in made
    assert "service EcurieService {" in made.partition("message Box {}")[2]
    with pytest.raises(new_service.Refused) as refused:
        new_service.checked(new_service.asked(["ecuries", "50099", "--resource", "box"]))
    assert str(refused.value) == "resource 'box' stands in the prepared contract already: see --resource"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout to make services in."""
    return Checkout(tmp_path / "checkout")


@pytest.mark.timeout(600)  # type checks, starts of a mesh and a suite: half a minute alone
def test_a_new_service_passes_every_check_at_once(checkout: Checkout) -> None:
    """Format, lint, types, its own tests, the conformance suite and the map of the README."""
    code, said = checkout.run(NEW, "clients", "50099")
    assert (code, said.splitlines()[-1]) == (1, "new-service: NAME 'clients' is taken")
    code, said = checkout.run(NEW, "chevaux", "50099", "--resource", "cheval", "--plural", "chevaux")
    assert code == 0, said
    assert "./scripts/test services/service-chevaux" in said
    folder, suite = Path("services/service-chevaux"), ("python", "-m", "pytest", "-n", "0")
    for command in (
        ("ruff", "check", folder),
        ("ruff", "format", "--check", folder),
        ("buf", "lint"),
        ("bash", "-c", f"{MYPY} --exclude '/(migrations|tests)/' {folder} && {MYPY} {folder}/tests"),
        (*suite, folder, "tests/conformance", "tests/e2e/test_readme.py", "-k", "chevaux or cited"),
    ):
        code, said = checkout.run(*command)
        assert code == 0, said
