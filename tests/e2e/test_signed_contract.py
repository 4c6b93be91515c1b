"""Second story: a contract is sold with grpcurl; the bus, the mail and the archive tell of it."""

import asyncio
import json
from typing import Any

import pytest
from service_testing import eventually

from tests.e2e.shell import Shell

SHORT_FORM = '{"clientId":"client-123","produitId":"prod-456"}'


@pytest.fixture
async def token(shell: Shell) -> str:
    """The token of a person of one organisation."""
    return (await shell.mesh.crm("token")).out.strip()


class Person:
    """Somebody who calls with grpcurl and *token*."""

    def __init__(self, shell: Shell, token: str) -> None:
        self._shell, self._token = shell, token

    async def says(self, service: str, method: str, body: object) -> tuple[int, str]:
        """Exit code and all that grpcurl prints."""
        asked = body if isinstance(body, str) else json.dumps(body)
        bearer = f"authorization: Bearer {self._token}"
        return await self._shell.grpcurl(service, method, "-H", bearer, "-d", asked)

    async def call(self, service: str, method: str, body: object = "{}") -> Any:
        """The answer. Raises AssertionError if the call is refused."""
        code, told = await self.says(service, method, body)
        assert code == 0, told
        return json.loads(told)


@pytest.fixture
def person(shell: Shell, token: str) -> Person:
    """Somebody of one organisation."""
    return Person(shell, token)


async def test_a_contract_in_its_short_form_is_signed_and_announced(shell: Shell, person: Person) -> None:
    """Client and product of other systems are enough; `nats sub` receives the event of the signature."""
    watching = await shell.start("nats", "sub", "crm.events.contract.signed", "--count=1")
    assert watching.stdout is not None
    assert b"Subscribing" in await watching.stdout.readline()
    contrat = await person.call("contrats", "contrats.ContratService/Create", SHORT_FORM)
    async with asyncio.timeout(30):
        received, _ = await watching.communicate()
    assert (contrat["statut"], contrat["id"].encode() in received) == ("SIGNE", True)


async def test_the_client_is_written_to_and_the_contract_archived(person: Person) -> None:
    """One mail that says what was signed, one PDF that nobody can delete."""
    client = await person.call(
        "clients",
        "clients.ClientBaseService/Create",
        {"nom": "Legrand", "prenom": "Victoire", "email": "victoire@exemple.fr"},
    )
    contrat = await person.call(
        "contrats",
        "contrats.ContratService/Create",
        {"clientId": client["id"], "montant": 49.9, "frequenceFacturation": "MENSUELLE", "dureeMois": 12},
    )

    async def mails() -> list[Any]:
        page = await person.call("email", "email.EmailService/List")
        about = [one for one in page.get("messages", []) if one["origine"] == "contract.signed"]
        return [one for one in about if contrat["id"] in one["cleIdempotence"]]

    async def archive() -> Any:
        named = {"contratId": contrat["id"]}
        code, told = await person.says("documents", "documents.ArchiveService/GetArchiveContrat", named)
        return json.loads(told) if code == 0 else None

    (listed,) = await eventually(mails, timeout=30)
    mail = await person.call("email", "email.EmailService/Get", {"id": listed["id"]})
    assert ("598,80" in mail["corpsTexte"], mail["a"][0]["email"]) == (True, "victoire@exemple.fr")
    piece = await eventually(archive, timeout=60)
    assert (piece["nomFichier"], piece["immuable"]) == (f"contrat-{contrat['reference']}.pdf", True)
    code, told = await person.says("documents", "documents.PieceJointeService/Download", {"id": piece["id"]})
    assert (code, "bloc" in told) == (0, True)
    code, told = await person.says("documents", "documents.PieceJointeService/Delete", {"id": piece["id"]})
    assert (code != 0, "DOCUMENT_IMMUABLE" in told) == (True, True)
