"""ClientBaseService/Create: what a client may be, and what is refused."""

import asyncio
from datetime import UTC

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    StatutClientServiceStub,
)
from db_utils import clock, uuid7
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import refusal


def new(nom: str = "Test", **fields: str) -> pb.CreateClientBaseRequest:
    """Request for a client."""
    return pb.CreateClientBaseRequest(nom=nom, **fields)


async def test_R01_only_nom_and_an_organisation_are_mandatory(
    clients: ClientBaseServiceStub, org: str
) -> None:
    """The smallest creation gets the documented defaults and nothing else."""
    client = await clients.Create(new(organisation_id=org))
    expected = pb.ClientBase(
        id=client.id,
        organisation_id=org,
        type_client="PARTICULIER",
        nom="Test",
        compte_code="CLI000001",
        statut="ACTIF",
        date_creation=client.date_creation,
        created_at=client.created_at,
        updated_at=client.created_at,
        version=1,
    )
    assert expected == client


@pytest.mark.parametrize("nom", ["", "   ", "\n\t ", "\u00a0\u2003"])
async def test_R01_a_nom_of_spaces_is_none(clients: ClientBaseServiceStub, nom: str) -> None:
    """A name of white space only is CHAMP_REQUIS with the field."""
    answer = await refusal(clients.Create(new(nom)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": "nom"},
    )


async def test_R02_names_are_stored_in_one_form(clients: ClientBaseServiceStub) -> None:
    """Both names of a person are respelt; only the spaces of a company's name are."""
    person = await clients.Create(new("d'artagnan", prenom="JEAN-MARC"))
    company = await clients.Create(new("SAS  D'ARTAGNAN", type_client="ENTREPRISE"))
    assert (person.nom, person.prenom, company.nom) == ("d'Artagnan", "Jean-Marc", "SAS D'ARTAGNAN")


async def test_R04_one_phone_and_name_is_one_client(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """Another spelling and another first name are refused with the id of the first client."""
    answer = await refusal(clients.Create(new("DÙPONT", prenom="Marie", telephone="+33612345678")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_client_tel_nom", "id": dupont.id},
    )


async def test_R04_a_phone_overseas_is_one_with_its_code_and_without(clients: ClientBaseServiceStub) -> None:
    """A number of La Réunion is one phone with its country code and without."""
    hoarau = await clients.Create(new("Hoarau", telephone="+262 692 12 34 56"))
    answer = await refusal(clients.Create(new("Hoarau", telephone="0692 12 34 56")))
    assert (answer.code, answer.metadata["id"]) == (StatusCode.ALREADY_EXISTS, hoarau.id)


async def test_R04_does_not_apply_without_a_phone(clients: ClientBaseServiceStub) -> None:
    """Two clients of one name and without a phone are both created."""
    one, two = await clients.Create(new("Martin")), await clients.Create(new("Martin"))
    assert one.id != two.id


async def test_R04_does_not_apply_between_organisations(
    foreign_clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """Two organisations may have a client of one phone and name."""
    theirs = await foreign_clients.Create(new(dupont.nom, telephone=dupont.telephone))
    assert theirs.organisation_id != dupont.organisation_id


async def test_R04_twenty_parallel_creations_of_one_person_make_one(clients: ClientBaseServiceStub) -> None:
    """One of twenty creations at once succeeds, nineteen are ALREADY_EXISTS."""
    request = new("Durand", telephone="06 12 34 56 78")
    answers = await asyncio.gather(*(clients.Create(request) for _ in range(20)), return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 19


async def test_R05_telephone_stays_as_typed(dupont: pb.ClientBase) -> None:
    """The phone is answered as typed, beside its international form."""
    assert (dupont.telephone, dupont.telephone_e164) == ("06 12 34 56 78", "+33612345678")


async def test_R06_clients_may_share_an_email(clients: ClientBaseServiceStub, dupont: pb.ClientBase) -> None:
    """A second client may have the email, which is stored in lower case."""
    spouse = await clients.Create(new("Dupont", email="JEAN.DUPONT@example.FR"))
    assert spouse.email == dupont.email == "jean.dupont@example.fr"


async def test_R09_a_status_must_exist(clients: ClientBaseServiceStub) -> None:
    """A status that neither the system nor the organisation has is STATUT_INCONNU."""
    answer = await refusal(clients.Create(new(statut="actif")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "STATUT_INCONNU",
        {"champ": "statut"},
    )


@pytest.mark.parametrize("statut", ["PROSPECT", "ACTIF", "SUSPENDU", "INACTIF"])
async def test_R09_a_client_may_start_in_any_status_of_the_system(
    clients: ClientBaseServiceStub, statut: str
) -> None:
    """Create accepts each of the four statuses that are supplied."""
    assert (await clients.Create(new(statut=statut))).statut == statut


async def test_R09_a_status_of_the_organisation_is_its_own(
    clients: ClientBaseServiceStub, foreign_clients: ClientBaseServiceStub, statuts: StatutClientServiceStub
) -> None:
    """A status that an organisation added is unknown to another one."""
    await statuts.Create(pb.CreateStatutClientRequest(code="VIP", nom="Très important"))
    assert (await clients.Create(new(statut="VIP"))).statut == "VIP"
    answer = await refusal(foreign_clients.Create(new(statut="VIP")))
    assert answer.reason == "STATUT_INCONNU"


async def test_R10_a_company_sheet_belongs_to_the_organisation(
    clients: ClientBaseServiceStub,
    foreign_clients: ClientBaseServiceStub,
    entreprises: ClientEntrepriseServiceStub,
) -> None:
    """A sheet of another organisation is refused like one that never existed."""
    sheet = await entreprises.Create(
        pb.CreateClientEntrepriseRequest(raison_sociale="Danone", siren="552032534")
    )
    request = new("Danone", type_client="PARTENAIRE", client_entreprise_id=sheet.id)
    theirs = await refusal(foreign_clients.Create(request))
    request.client_entreprise_id = str(uuid7())
    unknown = await refusal(clients.Create(request))
    assert theirs == unknown
    assert (unknown.code, unknown.reason, unknown.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "REFERENCE_INCONNUE",
        {"champ": "client_entreprise_id"},
    )
    request.client_entreprise_id = sheet.id
    assert (await clients.Create(request)).client_entreprise_id == sheet.id


@pytest.mark.parametrize("type_client", ["", "PARTICULIER"])
async def test_R10_a_person_cannot_have_a_company_sheet(
    clients: ClientBaseServiceStub, type_client: str
) -> None:
    """The type of the client is checked before the id of the sheet."""
    answer = await refusal(
        clients.Create(new(type_client=type_client, client_entreprise_id="pas-un-identifiant"))
    )
    assert (answer.code, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        {"champ": "client_entreprise_id"},
    )


async def test_R11_creation_answers_the_whole_client(clients: ClientBaseServiceStub) -> None:
    """Create answers date_creation and every given field, as Get answers them afterwards."""
    given = {
        "type_client": "PARTENAIRE",
        "prenom": "Marie",
        "date_naissance": "1967-11-07",
        "compte_code": "CLI-VIP",
        "partenaire_id": "part-1",
        "commercial_id": "com-1",
        "societe_id": "soc-1",
        "telephone": "01 40 00 00 00",
        "email": "marie@example.fr",
        "statut": "PROSPECT",
    }
    before = clock.now()
    client = await clients.Create(new("Curie", **given))
    assert before <= client.date_creation.ToDatetime(UTC) <= clock.now()
    assert given == {name: getattr(client, name) for name in given}
    assert client == await clients.Get(pb.GetClientBaseRequest(id=client.id))
