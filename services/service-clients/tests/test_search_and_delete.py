"""ClientBaseService: Search finds living clients (R12), Delete hides them (R13)."""

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import AdresseServiceStub, ClientBaseServiceStub
from grpc import StatusCode
from service_testing import refusal


async def test_R12_search_finds_any_spelling(clients: ClientBaseServiceStub, dupont: pb.ClientBase) -> None:
    """Search reads phone and name into the forms in which they are stored."""
    answer = await clients.Search(pb.SearchClientBaseRequest(telephone="+33 6 12345678", nom="  DUPONT "))
    assert answer == pb.SearchClientBaseResponse(found=True, client=dupont)


@pytest.mark.parametrize("typed", ["0692 12 34 56", "693123456", "+262 692 12 34 56", "0508 41 12 34"])
async def test_R12_search_reads_a_phone_as_creation_does(clients: ClientBaseServiceStub, typed: str) -> None:
    """A phone overseas is found with its country code and without."""
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
    """An unknown pair and an unreadable phone answer found=false."""
    answer = await clients.Search(pb.SearchClientBaseRequest(telephone=telephone, nom=nom))
    assert answer == pb.SearchClientBaseResponse(found=False)


async def test_R12_search_stays_in_the_organisation(
    foreign_clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """Search does not find a client of another organisation."""
    request = pb.SearchClientBaseRequest(telephone=dupont.telephone, nom=dupont.nom)
    assert await foreign_clients.Search(request) == pb.SearchClientBaseResponse(found=False)


@pytest.mark.parametrize(
    ("telephone", "nom", "champ"), [("", "Dupont", "telephone"), ("0612345678", " ", "nom")]
)
async def test_R12_search_needs_both(
    clients: ClientBaseServiceStub, telephone: str, nom: str, champ: str
) -> None:
    """A search without phone or without name is CHAMP_REQUIS with the field."""
    answer = await refusal(clients.Search(pb.SearchClientBaseRequest(telephone=telephone, nom=nom)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": champ},
    )


async def test_R13_a_deleted_client_is_gone(clients: ClientBaseServiceStub, dupont: pb.ClientBase) -> None:
    """Get, List, Search, Update and a second Delete do not see a deleted client."""
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
    """Phone, name and account code of a deleted client may be given to another one."""
    await clients.Delete(pb.DeleteClientBaseRequest(id=dupont.id))
    again = await clients.Create(
        pb.CreateClientBaseRequest(nom=dupont.nom, telephone=dupont.telephone, compte_code=dupont.compte_code)
    )
    assert (again.compte_code, again.id == dupont.id) == (dupont.compte_code, False)


async def test_R13_addresses_of_a_deleted_client_are_unreachable(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """Addresses of a deleted client are found neither by the client nor by their own ids."""
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
