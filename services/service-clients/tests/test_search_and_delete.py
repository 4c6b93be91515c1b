"""ClientBaseService: Search finds living clients, Delete makes them disappear."""

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import AdresseServiceStub, ClientBaseServiceStub
from grpc import StatusCode
from service_testing import refusal


async def test_R12_search_finds_any_spelling(clients: ClientBaseServiceStub, dupont: pb.ClientBase) -> None:
    """Phone and name are brought into the forms they are stored in."""
    answer = await clients.Search(pb.SearchClientBaseRequest(telephone="+33 6 12345678", nom="  DUPONT "))
    assert answer == pb.SearchClientBaseResponse(found=True, client=dupont)


@pytest.mark.parametrize("typed", ["0692 12 34 56", "693123456", "+262 692 12 34 56", "0508 41 12 34"])
async def test_R12_search_reads_a_phone_as_creation_does(clients: ClientBaseServiceStub, typed: str) -> None:
    """That of an overseas territory too, written with its code or without."""
    client = await clients.Create(pb.CreateClientBaseRequest(nom="Hoarau", telephone=typed))
    for telephone in (typed, client.telephone_e164):
        request = pb.SearchClientBaseRequest(telephone=telephone, nom="HOARAU")
        assert (await clients.Search(request)).client == client


@pytest.mark.parametrize(
    ("telephone", "nom"),
    [
        ("06 12 34 56 79", "Dupont"),
        ("0612345678", "Durand"),
        ("n'importe quoi", "Dupont"),
        ("0612345", "Dupont"),
    ],
)
async def test_R12_search_never_answers_not_found(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase, telephone: str, nom: str
) -> None:
    """Nor is a phone that cannot be read an error."""
    answer = await clients.Search(pb.SearchClientBaseRequest(telephone=telephone, nom=nom))
    assert answer == pb.SearchClientBaseResponse(found=False)


async def test_R12_search_stays_in_the_organisation(
    foreign_clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """A client of another organisation is not found."""
    request = pb.SearchClientBaseRequest(telephone=dupont.telephone, nom=dupont.nom)
    assert await foreign_clients.Search(request) == pb.SearchClientBaseResponse(found=False)


@pytest.mark.parametrize(
    ("telephone", "nom", "champ"), [("", "Dupont", "telephone"), ("0612345678", " ", "nom")]
)
async def test_R12_search_needs_both(
    clients: ClientBaseServiceStub, telephone: str, nom: str, champ: str
) -> None:
    """CHAMP_REQUIS names the one that is missing."""
    answer = await refusal(clients.Search(pb.SearchClientBaseRequest(telephone=telephone, nom=nom)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": champ},
    )


async def test_R13_a_deleted_client_is_gone(clients: ClientBaseServiceStub, dupont: pb.ClientBase) -> None:
    """From Get, List, Search, Update, and from a second Delete."""
    deletion = pb.DeleteClientBaseRequest(id=dupont.id)
    assert [(await clients.Delete(deletion)).success for _ in range(2)] == [True, False]
    for call in (
        clients.Get(pb.GetClientBaseRequest(id=dupont.id)),
        clients.Update(pb.UpdateClientBaseRequest(id=dupont.id, nom="Durand")),
    ):
        assert (await refusal(call)).code == StatusCode.NOT_FOUND
    found = await clients.Search(pb.SearchClientBaseRequest(telephone=dupont.telephone, nom=dupont.nom))
    listed = await clients.List(pb.ListClientBasesRequest())
    assert (found.found, list(listed.clients)) == (False, [])


async def test_R13_the_place_of_a_deleted_client_is_free(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """Its phone and name, and its account code, may be given to another client."""
    await clients.Delete(pb.DeleteClientBaseRequest(id=dupont.id))
    again = await clients.Create(
        pb.CreateClientBaseRequest(nom=dupont.nom, telephone=dupont.telephone, compte_code=dupont.compte_code)
    )
    assert (again.compte_code, again.id == dupont.id) == (dupont.compte_code, False)


async def test_R13_addresses_of_a_deleted_client_are_unreachable(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """By the client and by their own ids."""
    adresse = await adresses.Create(
        pb.CreateAdresseRequest(
            client_base_id=dupont.id, ligne1="1 rue de la Paix", code_postal="75002", ville="Paris"
        )
    )
    await clients.Delete(pb.DeleteClientBaseRequest(id=dupont.id))
    for call in (
        adresses.ListByClient(pb.ListAdressesByClientRequest(client_base_id=dupont.id)),
        adresses.Update(pb.UpdateAdresseRequest(id=adresse.id, ville="Lyon")),
    ):
        assert (await refusal(call)).code == StatusCode.NOT_FOUND
    assert not (await adresses.Delete(pb.DeleteAdresseRequest(id=adresse.id))).success
