"""Organisation of a call (C6), case by case, through this service."""

from collections.abc import AsyncIterator

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    StatutClientServiceStub,
)
from grpc import StatusCode
from service_clients.service import SERVICE
from service_testing import Mesh, refusal, running

Header = tuple[tuple[str, str], ...]


def header(organisation: str) -> Header:
    """Metadata that names an organisation."""
    return (("x-organisation-id", organisation),)


async def check_none(clients: ClientBaseServiceStub, of_somebody: pb.ClientBase, named: str = "") -> None:
    """Check the answers to a caller without organisation, whose requests name *named*."""
    creation = pb.CreateClientBaseRequest(nom="Test", organisation_id=named)
    answer = await refusal(clients.Create(creation))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")
    search = pb.SearchClientBaseRequest(
        organisation_id=named, telephone=of_somebody.telephone, nom=of_somebody.nom
    )
    assert not (await clients.Search(search)).found
    assert not (await clients.List(pb.ListClientBasesRequest(organisation_id=named))).clients
    get = await refusal(clients.Get(pb.GetClientBaseRequest(id=of_somebody.id)))
    update = await refusal(clients.Update(pb.UpdateClientBaseRequest(id=of_somebody.id, nom="Pris")))
    assert (get.reason, update.reason) == ("INTROUVABLE", "INTROUVABLE")
    assert not (await clients.Delete(pb.DeleteClientBaseRequest(id=of_somebody.id))).success


@pytest.mark.parametrize(
    "claim", ["organisation_id", "https://wanzo.com/company_id", "company_id", "org_code"]
)
async def test_C06_the_claim_names_the_organisation(mesh: Mesh, org: str, claim: str) -> None:
    """Each of the four claims names it, whether the request names it too or not."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=None, **{claim: org})
    silent = await clients.Create(pb.CreateClientBaseRequest(nom="Test"))
    named = await clients.Create(pb.CreateClientBaseRequest(nom="Test", organisation_id=org))
    assert silent.organisation_id == named.organisation_id == org


async def test_C06_the_first_claim_that_is_not_empty_counts(mesh: Mesh, org: str) -> None:
    """Empty claims are skipped in favour of the next one."""
    clients = mesh.stub(ClientBaseServiceStub, organisation="", company_id="", org_code=org)
    assert (await clients.Create(pb.CreateClientBaseRequest(nom="Test"))).organisation_id == org


@pytest.mark.parametrize("claim", ["org-claim", ""])
async def test_C06_a_request_may_not_contradict_the_claim(mesh: Mesh, org: str, claim: str) -> None:
    """Naming an organisation against the claim, even an empty one, is PERMISSION_DENIED."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=claim)
    for call in (
        clients.Create(pb.CreateClientBaseRequest(nom="Test", organisation_id=org)),
        clients.List(pb.ListClientBasesRequest(organisation_id=org)),
        clients.List(pb.ListClientBasesRequest(), metadata=header(org)),
    ):
        answer = await refusal(call)
        assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "ORGANISATION_DIFFERENTE")


async def test_C06_an_empty_claim_is_no_organisation(mesh: Mesh, dupont: pb.ClientBase) -> None:
    """A caller with an empty claim lists nothing, finds nothing and creates nothing."""
    await check_none(mesh.stub(ClientBaseServiceStub, organisation=""), dupont)


async def test_C06_without_a_claim_the_request_names_it(mesh: Mesh, org: str, dupont: pb.ClientBase) -> None:
    """The field of the request names the organisation when the token has no claim."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=None)
    created = await clients.Create(pb.CreateClientBaseRequest(nom="Test", organisation_id=org))
    listed = await clients.List(pb.ListClientBasesRequest(organisation_id=org))
    assert [client.id for client in listed.clients] == [created.id, dupont.id]


async def test_C06_without_a_claim_the_metadata_names_it(mesh: Mesh, org: str, dupont: pb.ClientBase) -> None:
    """The metadata names it for methods whose request has no field for it."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=None)
    get = pb.GetClientBaseRequest(id=dupont.id)
    assert dupont == await clients.Get(get, metadata=header(org))
    answer = await refusal(clients.Get(get, metadata=header("org-autre")))
    assert answer.reason == "INTROUVABLE"


async def test_C06_field_and_metadata_may_not_differ(mesh: Mesh, org: str) -> None:
    """Two organisations in one call are ORGANISATION_DIFFERENTE."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=None)
    request = pb.ListClientBasesRequest(organisation_id=org)
    answer = await refusal(clients.List(request, metadata=header("org-autre")))
    assert answer.reason == "ORGANISATION_DIFFERENTE"


async def test_C06_nobody_named_is_no_organisation(mesh: Mesh, dupont: pb.ClientBase) -> None:
    """A call without claim, field and metadata lists, finds and creates nothing."""
    await check_none(mesh.stub(ClientBaseServiceStub, organisation=None), dupont)


@pytest.fixture(scope="module")
async def single_company(mesh: Mesh) -> AsyncIterator[Mesh]:
    """Mesh of an installation for one company."""
    async with running(SERVICE, broker=mesh.broker, default_organisation_id="org-unique") as single:
        yield single


@pytest.mark.parametrize("claim", [None, ""])
async def test_C06_a_default_stands_in_for_none(single_company: Mesh, claim: str | None) -> None:
    """DEFAULT_ORGANISATION_ID is the organisation of callers without one."""
    clients = single_company.stub(ClientBaseServiceStub, organisation=claim)
    created = await clients.Create(pb.CreateClientBaseRequest(nom="Test"))
    assert created.organisation_id == "org-unique"
    assert created == await clients.Get(pb.GetClientBaseRequest(id=created.id))


async def test_C06_a_default_does_not_replace_a_claim(single_company: Mesh) -> None:
    """A caller whose token names an organisation keeps it."""
    clients = single_company.stub(ClientBaseServiceStub, organisation="org-autre")
    assert (await clients.Create(pb.CreateClientBaseRequest(nom="Test"))).organisation_id == "org-autre"


async def test_C06_a_claim_may_be_required(mesh: Mesh) -> None:
    """With TENANT_CLAIM_REQUIRED a token without a claim cannot name an organisation."""
    async with running(SERVICE, broker=mesh.broker, tenant_claim_required=True) as strict:
        member = strict.stub(ClientBaseServiceStub, organisation="org-a")
        theirs = await member.Create(pb.CreateClientBaseRequest(nom="Test", telephone="0612345678"))
        await check_none(strict.stub(ClientBaseServiceStub, organisation=None), theirs, named="org-a")


async def test_C06_a_service_names_the_organisation_it_works_for(
    mesh: Mesh, org: str, dupont: pb.ClientBase
) -> None:
    """A service names it in metadata or field, and sees no other organisation then."""
    for theirs, named in ((org, ""), ("", org)):
        clients = mesh.service_stub(ClientBaseServiceStub, caller="clients", organisation=theirs)
        listed = await clients.List(pb.ListClientBasesRequest(organisation_id=named))
        assert [client.id for client in listed.clients] == [dupont.id]
    clients = mesh.service_stub(ClientBaseServiceStub, caller="clients", organisation="org-autre")
    assert (await refusal(clients.Get(pb.GetClientBaseRequest(id=dupont.id)))).reason == "INTROUVABLE"


async def test_C13_a_service_finds_the_organisation_of_a_client(mesh: Mesh, dupont: pb.ClientBase) -> None:
    """A service that names no organisation may Get a client to learn its organisation."""
    clients = mesh.service_stub(ClientBaseServiceStub, caller="clients")
    assert (await clients.Get(pb.GetClientBaseRequest(id=dupont.id))) == dupont


async def test_C06_a_service_creates_for_an_organisation(mesh: Mesh, org: str) -> None:
    """A service must name the organisation for which it creates."""
    clients = mesh.service_stub(ClientBaseServiceStub, caller="clients")
    answer = await refusal(clients.Create(pb.CreateClientBaseRequest(nom="Test")))
    created = await clients.Create(pb.CreateClientBaseRequest(nom="Test", organisation_id=org))
    assert (answer.reason, created.organisation_id) == ("ORGANISATION_REQUISE", org)


async def test_R10_also_a_service_keeps_organisations_apart(
    mesh: Mesh, clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """A service cannot give a client a sheet or a status of another organisation."""
    token = mesh.secrets.token(organisation="org-autre-fiche")
    theirs = mesh.channel("clients", token)
    sheet = await ClientEntrepriseServiceStub(theirs).Create(
        pb.CreateClientEntrepriseRequest(raison_sociale="Danone", siren="552032534")
    )
    await StatutClientServiceStub(theirs).Create(pb.CreateStatutClientRequest(code="VIP", nom="VIP"))
    service = mesh.service_stub(ClientBaseServiceStub, caller="clients", organisation=dupont.organisation_id)
    with_sheet = pb.UpdateClientBaseRequest(
        id=dupont.id, type_client="ENTREPRISE", client_entreprise_id=sheet.id
    )
    answers = [
        await refusal(service.Update(with_sheet)),
        await refusal(service.Update(pb.UpdateClientBaseRequest(id=dupont.id, statut="VIP"))),
    ]
    assert [answer.reason for answer in answers] == ["REFERENCE_INCONNUE", "STATUT_INCONNU"]
