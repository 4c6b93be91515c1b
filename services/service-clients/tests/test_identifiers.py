"""Ids that are unknown, malformed or another organisation's: one answer for all (C2, C6, C11)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    ClientPartenaireServiceStub,
    StatutClientServiceStub,
)
from grpc import StatusCode
from service_testing import Mesh, refusal

UNKNOWN = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
MALFORMED = (
    "",
    "1",
    "null",
    "' OR 1=1 --",
    "x" * 10_000,
    UNKNOWN.replace("-", ""),
    f"{{{UNKNOWN}}}",
    f"urn:uuid:{UNKNOWN}",
    UNKNOWN[:-1],
    UNKNOWN + "0",
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Ids of one row of each kind."""

    client: str
    adresse: str
    entreprise: str
    statut: str


@dataclass(frozen=True, slots=True)
class Stubs:
    """Services over one channel, as functions of the id that they are asked about."""

    channel: grpc.aio.Channel

    def answers(self) -> dict[str, Callable[[str], Awaitable[Any]]]:
        """RPCs that are NOT_FOUND for an unknown id, by the kind of row that the id names."""
        clients, adresses = ClientBaseServiceStub(self.channel), AdresseServiceStub(self.channel)
        entreprises = ClientEntrepriseServiceStub(self.channel)
        partenaires, statuts = (
            ClientPartenaireServiceStub(self.channel),
            StatutClientServiceStub(self.channel),
        )
        paris = {"ligne1": "1 rue de la Paix", "code_postal": "75002", "ville": "Paris"}
        return {
            "client Get": lambda i: clients.Get(pb.GetClientBaseRequest(id=i)),
            "client Update": lambda i: clients.Update(pb.UpdateClientBaseRequest(id=i, nom="Pris")),
            "client Adresse/Create": lambda i: adresses.Create(
                pb.CreateAdresseRequest(client_base_id=i, **paris)
            ),
            "client Adresse/ListByClient": lambda i: adresses.ListByClient(
                pb.ListAdressesByClientRequest(client_base_id=i)
            ),
            "client Partenaire/Create": lambda i: partenaires.Create(
                pb.CreateClientPartenaireRequest(client_base_id=i, partenaire_id="part-1")
            ),
            "adresse Update": lambda i: adresses.Update(pb.UpdateAdresseRequest(id=i, ville="Lyon")),
            "entreprise Get": lambda i: entreprises.Get(pb.GetClientEntrepriseRequest(id=i)),
            "entreprise Update": lambda i: entreprises.Update(
                pb.UpdateClientEntrepriseRequest(id=i, raison_sociale="Prise")
            ),
            "statut Update": lambda i: statuts.Update(pb.UpdateStatutClientRequest(id=i, nom="Pris")),
        }

    def deletions(self) -> dict[str, Callable[[str], Awaitable[Any]]]:
        """Delete RPCs, by the kind of row that they delete."""
        return {
            "client": lambda i: ClientBaseServiceStub(self.channel).Delete(pb.DeleteClientBaseRequest(id=i)),
            "adresse": lambda i: AdresseServiceStub(self.channel).Delete(pb.DeleteAdresseRequest(id=i)),
            "statut": lambda i: StatutClientServiceStub(self.channel).Delete(
                pb.DeleteStatutClientRequest(id=i)
            ),
        }


@pytest.fixture
def stubs(channel: grpc.aio.Channel) -> Stubs:
    """Services as a member of the organisation calls them."""
    return Stubs(channel)


@pytest.fixture
async def theirs(mesh: Mesh, org: str) -> Rows:
    """Rows of another organisation."""
    channel = mesh.channel("clients", mesh.secrets.token(organisation=f"{org}-autre"))
    client = await ClientBaseServiceStub(channel).Create(pb.CreateClientBaseRequest(nom="Test"))
    adresse = await AdresseServiceStub(channel).Create(
        pb.CreateAdresseRequest(
            client_base_id=client.id, ligne1="1 rue X", code_postal="75002", ville="Paris"
        )
    )
    entreprise = await ClientEntrepriseServiceStub(channel).Create(
        pb.CreateClientEntrepriseRequest(raison_sociale="Danone", siren="552032534")
    )
    statut = await StatutClientServiceStub(channel).Create(
        pb.CreateStatutClientRequest(code="VIP", nom="VIP")
    )
    return Rows(client.id, adresse.id, entreprise.id, statut.id)


async def test_C06_what_others_have_does_not_exist(stubs: Stubs, theirs: Rows) -> None:
    """A row of another organisation is answered exactly like an id that never existed."""
    for name, ask in stubs.answers().items():
        unknown = await refusal(ask(UNKNOWN))
        assert (name, unknown.code, unknown.reason) == (name, StatusCode.NOT_FOUND, "INTROUVABLE")
        assert (name, await refusal(ask(getattr(theirs, name.split()[0])))) == (name, unknown)


async def test_C11_what_others_have_cannot_be_deleted(mesh: Mesh, stubs: Stubs, theirs: Rows) -> None:
    """Delete of another organisation's row answers success=false and leaves it."""
    for kind, delete in stubs.deletions().items():
        found = [(await delete(identity)).success for identity in (UNKNOWN, getattr(theirs, kind))]
        assert (kind, found) == (kind, [False, False])
    service = mesh.service_stub(ClientBaseServiceStub, caller="clients")
    assert len((await service.Get(pb.GetClientBaseRequest(id=theirs.client))).adresses) == 1


@pytest.mark.parametrize("identity", MALFORMED, ids=lambda text: repr(text[:12]))
async def test_C02_what_cannot_be_an_id_does_not_exist(stubs: Stubs, identity: str) -> None:
    """A malformed id is answered like an unknown one; an empty mandatory id is CHAMP_REQUIS."""
    for name, ask in stubs.answers().items():
        answer = await refusal(ask(identity))
        required = identity == "" and name.endswith("/Create")
        expected = "CHAMP_REQUIS" if required else "INTROUVABLE"
        assert (name, answer.reason) == (name, expected)
    for kind, delete in stubs.deletions().items():
        assert (kind, (await delete(identity)).success) == (kind, False)
