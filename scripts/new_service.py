"""Makes a service: its contract, its folder and its row in the README, from `scripts/templates`.

The templates are a whole service named `registre` with one resource named `fiche`, so that they
read and lint like any other; copies have other names in these places.
"""

import argparse
import ast
import keyword
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tree
from service_kit.registry import ports
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

TEMPLATES, CONTRACTS = tree.ROOT / "scripts/templates", tree.ROOT / "proto/crm"
PORT = "50099"  # of the templates
_WAY_UP = "](../../../", "](../../"  # links of the templates' pages: services stand one folder higher
SERVERS = {"admin", "keycloak", "migrate", "nats", "postgres", "prometheus", "public"}  # neighbours by name
NEXT = """
services/service-{name} is there, on port {port}, with the resource {resource}. What comes next:

  say what it is    its line in README.md, services/service-{name}/README.md, proto/crm/{name}/{name}.proto
  give it fields    the contract, ./scripts/generate, then models.py and the migration, which is
                    frozen once it is merged
  give it rules     RULES.md, a test that names the rule and fails, then rules.py
  try it            ./scripts/test services/service-{name} tests/conformance
                    ./scripts/check
                    ./scripts/up {name}

{kept}docs/contributing.md, "A new service", goes on from here: a second resource, events, settings.
"""

KEPT = """Its contract was prepared and is kept, with the resource at its end: the conformance suite is
red until {services} have their servicers.

"""


class Refused(Exception):
    """A service that cannot be made; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made: a service and its one resource, in singular and plural."""

    name: str
    port: int
    resource: str
    plural: str

    def text(self, template: str) -> str:
        """The *template* with the names of this service; the longer stand-in first."""
        for stand_in, word in (
            ("registre", self.name),
            ("fiches", self.plural),
            ("fiche", self.resource),
        ):
            for case in (str.lower, str.capitalize, str.upper):
                template = template.replace(case(stand_in), case(word))
        return template.replace(PORT, str(self.port))

    def row(self) -> str:
        """Its line in the README's map of services."""
        page = f"services/service-{self.name}/README.md"
        return f"| [{self.name}]({page}) | {self.port} | {self.plural} | | |"


def checked(plan: Plan) -> Plan:
    """*plan*, if such a service can be made. Raises Refused."""
    check_words(plan)
    if plan.name in taken_names():
        raise Refused(f"NAME {plan.name!r} is taken")
    if re.search(rf"^message \w*{plan.resource.capitalize()}s? ", prepared(plan.name), re.M):
        raise Refused(f"resource {plan.resource!r} stands in the prepared contract already: see --resource")
    if not 1024 <= plan.port <= 65535:
        raise Refused(f"PORT {plan.port}: services listen on one between 1024 and 65535")
    if owner := taken_ports().get(plan.port):
        raise Refused(f"PORT {plan.port} is taken by {owner}; free is {free_port()}")
    return plan


def check_words(plan: Plan) -> None:
    """Refuse words that cannot be names of modules, classes and tables. Raises Refused."""
    for kind, word in (("NAME", plan.name), ("resource", plan.resource), ("plural", plan.plural)):
        if not re.fullmatch("[a-z]{3,30}", word):
            raise Refused(f"{kind} {word!r}: 3 to 30 letters a to z, as in `factures`")
        if keyword.iskeyword(word):
            raise Refused(f"{kind} {word!r} is a word of Python")
        if word in RESERVED_WORDS:  # it would be the name of a schema or a table
            raise Refused(f"{kind} {word!r} is a reserved word of SQL")
    if {plan.resource, plan.plural} & words_of_the_code():
        raise Refused(
            f"resource {plan.resource!r} has a meaning in the code of every service: see --resource"
        )
    if plan.resource == plan.plural:
        raise Refused(f"resource and plural are both {plan.plural!r}: see --plural")


def words_of_the_code() -> set[str]:
    """The names in the templates that are not stand-ins: a resource of that name would hide them."""
    words: set[str] = {"overlaps"}  # of SQL, and missing in SQLAlchemy's list
    for path in TEMPLATES.rglob("*.py"):
        words |= {path.stem, path.parent.name}
        for node in ast.walk(ast.parse(path.read_text())):
            found = (getattr(node, field, None) for field in ("id", "attr", "arg", "name"))
            words |= {name.lower() for name in found if isinstance(name, str)}
    return words - {"fiche", "fiches", "registre"}


def taken_names() -> set[str]:
    """Folders, shared contracts, packages and machines of the compose stacks that have a name already.

    A contract alone takes none: it was prepared for a service that others call before it is there.
    """
    folders = {path.name.removeprefix("service-") for path in (tree.ROOT / "services").iterdir()}
    contracts = {path.name for path in CONTRACTS.iterdir() if not prepared(path.name)}
    packages = {folder.name.removeprefix("service_") for folder in tree.packages()}
    return folders | contracts | packages | SERVERS


def prepared(name: str) -> str:
    """The contract that waits for the service *name*, "" when there is none."""
    path = CONTRACTS / name / f"{name}.proto"
    if not path.exists() or (tree.ROOT / f"services/service-{name}").exists():
        return ""
    text = path.read_text()
    return text if re.search("^service ", text, re.M) else ""  # without one, all services share it


def with_resource(contract: str, own: str) -> str:
    """The prepared *contract*, whole, with the resource of the contract *own* at its end."""
    imports = [line for line in own.splitlines() if line.startswith("import ") and line not in contract]
    package, semicolon, rest = contract.partition(";\n\nimport ")
    assert semicolon, "a contract imports the messages that all share"
    body = own[own.rindex("import ") :].partition("\n")[2]
    return f"{package};\n\n" + "".join(f"{line}\n" for line in imports) + f"import {rest}{body}"


def taken_ports() -> dict[int, str]:
    """Ports of the other processes and of the servers of the compose stacks, each with its owner."""
    found = {port: name for name, port in ports().items()}
    for path in tree.ROOT.glob("compose/*/*"):
        if path.name in ("infrastructure.yml", "nats.conf", "prometheus.yml"):
            numbers = re.findall(r":\s?(\d{4,5})\b", path.read_text())
            found |= {int(number): "the compose stacks" for number in numbers if int(number) not in found}
    return found


def free_port() -> int:
    """The first free port after the ports of the services."""
    taken = taken_ports()
    return next(port for port in range(50051, 65536) if port not in taken)


def write(plan: Plan) -> list[Path]:
    """Write the files of *plan* and its line in the README; the files that are new."""
    folders = {
        TEMPLATES / "proto": tree.ROOT / "proto/crm" / plan.name,
        TEMPLATES / "service": tree.ROOT / "services" / f"service-{plan.name}",
    }
    written = []
    for source, target in folders.items():
        for path in sorted(path for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            copy = target / plan.text(str(path.relative_to(source)))
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = plan.text(path.read_text()).replace(*_WAY_UP)
            copy.write_text(with_resource(copy.read_text(), text) if copy.exists() else text)
            written.append(copy)
    readme = tree.ROOT / "README.md"
    readme.write_text(with_row(readme.read_text(), plan))
    return written


def with_row(readme: str, plan: Plan) -> str:
    """The *readme* with the line of *plan* in its map of services, which is sorted by name."""
    lines = readme.splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if line.startswith("| [")]
    later = (number for number in rows if lines[number] > plan.row())
    lines.insert(next(later, rows[-1] + 1), f"{plan.row()}\n")
    return "".join(lines)


def finish(written: list[Path]) -> None:
    """Order what depends on the alphabet, install the service and generate what is derived from it.

    Raises Refused.
    """
    programs = Path(sys.executable).parent
    code = [path for path in written if path.suffix == ".py"]
    contracts = [path for path in written if path.suffix == ".proto"]
    for command in (
        [programs / "ruff", "check", "--quiet", "--fix", "--select", "I", *code],
        [programs / "ruff", "format", "--quiet", *code],
        [programs / "buf", "format", "--write", *contracts],
        [tree.ROOT / "scripts/generate"],
    ):
        done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(f"{command[0]} failed; what is written stays:\n{done.stdout}{done.stderr}")


def asked(arguments: list[str]) -> Plan:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="./scripts/new-service",
        description="Make a service that passes every check: contract, code, migration, rules, tests.",
        epilog="as in: ./scripts/new-service factures 50059",
    )
    parser.add_argument(
        "name", metavar="NAME", help="name of service, schema and contract: lower-case letters"
    )
    parser.add_argument("port", metavar="PORT", type=int, help="port that it listens on")
    parser.add_argument("--resource", help="its one resource, in singular (default: NAME without a last s)")
    parser.add_argument("--plural", help="of the resource: table and list (default: with an s)")
    told = parser.parse_args(arguments)
    resource = told.resource or told.name.removesuffix("s")
    return Plan(told.name, told.port, resource, told.plural or f"{resource}s")


def main() -> None:
    """Make the service of the command line, or say why not."""
    try:
        plan = checked(asked(sys.argv[1:]))
        waiting = re.findall(r"^service (\w+) ", prepared(plan.name), re.M)
        finish(write(plan))
    except Refused as refused:
        sys.exit(f"new-service: {refused}")
    kept = KEPT.format(services=" and ".join(waiting)) if waiting else ""
    print(NEXT.format(name=plan.name, port=plan.port, resource=plan.resource, kept=kept))


if __name__ == "__main__":
    main()
