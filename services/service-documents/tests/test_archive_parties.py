"""Who stands in an archive as the parties of its contract (R13, R15), told by organisations and clients."""

from crm.clients.clients_pb2 import (
    CreateAdresseRequest,
    CreateClientBaseRequest,
    CreateClientEntrepriseRequest,
)
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
)
from crm.documents.documents_pb2_grpc import ArchiveServiceStub, PieceJointeServiceStub
from crm.organisations.organisations_pb2 import CreateOrganisationRequest, CreateSocieteRequest
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import uuid7
from grpc import StatusCode
from service_testing import Mesh, eventually, refused
from service_testing.fixtures import Member
from tests.archived import archive, shown
from tests.contrat_doubles import Heard
from tests.piece_stores import app_of


async def test_R15_a_client_of_ours_is_looked_up(
    member: Member, pieces: PieceJointeServiceStub, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """An unknown one is an external reference, and so is one whose id is not of our making."""
    request = CreateClientBaseRequest(nom="Lefèvre", prenom="Zoé", organisation_id=org)
    client = await member(ClientBaseServiceStub).Create(request)
    told = {}
    for client_id in (client.id, unknown := str(uuid7()), "client-123"):
        piece = (await archive(archives, contrats.add(org, client_id=client_id))).piece
        told[client_id] = await shown(pieces, piece)
    assert "Client : Zoé Lefèvre" in told[client.id]
    for client_id in (unknown, "client-123"):
        assert f"Client : référence externe {client_id}" in told[client_id]


async def test_R13_the_parties_are_named_with_their_addresses(
    member: Member, pieces: PieceJointeServiceStub, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """The société that sells, and the company that buys with the person who stands for it."""
    await member(OrganisationServiceStub).Create(CreateOrganisationRequest(id=org, nom="Groupe Élan"))
    societe = await member(SocieteServiceStub).Create(
        CreateSocieteRequest(
            raison_sociale="Atelier Élan", siren="552100554", adresse="3 rue des Œillets\n75002 Paris"
        )
    )
    entreprise = await member(ClientEntrepriseServiceStub).Create(
        CreateClientEntrepriseRequest(raison_sociale="Œuvres SA", siren="732829320")
    )
    client = await member(ClientBaseServiceStub).Create(
        CreateClientBaseRequest(
            nom="Dupont", prenom="Anne", type_client="ENTREPRISE", client_entreprise_id=entreprise.id
        )
    )
    for kind, town in (("FACTURATION", "Lyon"), ("PRINCIPALE", "Lille")):
        adresse = {"ligne1": "1 rue du Lac", "code_postal": "59000", "ville": town, "type": kind}
        await member(AdresseServiceStub).Create(CreateAdresseRequest(client_base_id=client.id, **adresse))
    piece = (await archive(archives, contrats.add(org, client_id=client.id, societe_id=societe.id))).piece
    told = (await shown(pieces, piece)).splitlines()
    of_organisation = (await archive(archives, contrats.add(org))).piece
    assert "Organisation : Groupe Élan" in await shown(pieces, of_organisation)
    begin = told.index("Organisation : Atelier Élan")
    assert told[begin : begin + 10] == [
        "Organisation : Atelier Élan",
        "3 rue des Œillets",
        "75002 Paris",
        "SIREN : 552100554",
        "Client : Œuvres SA",
        "1 rue du Lac",
        "59000 Lille",
        "France",
        "SIREN : 732829320",
        "Représentée par : Anne Dupont",
    ]


async def test_R15_an_archive_waits_for_organisations(
    mesh: Mesh, archives: ArchiveServiceStub, contrats: Heard, org: str
) -> None:
    """It is for ever: who sells is not left out for want of an answer."""
    contrat = contrats.add(org)
    async with mesh.without("organisations"):
        assert await refused(archive(archives, contrat)) == (
            StatusCode.UNAVAILABLE,
            "DEPENDANCE_INDISPONIBLE",
        )
    await eventually(lambda: app_of(mesh).peers.serving("organisations"))
    assert not (await archive(archives, contrat)).deja_archive
