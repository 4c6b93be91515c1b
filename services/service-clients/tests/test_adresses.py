"""AdresseService: postal addresses, one of them PRINCIPALE (R14)."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import AdresseServiceStub, ClientBaseServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import uuid7
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import pages, refusal

PARIS = {"ligne1": "1 rue de la Paix", "code_postal": "75002", "ville": "Paris"}


def new(client: pb.ClientBase, **fields: str) -> pb.CreateAdresseRequest:
    """Request for an address of *client*, in Paris unless *fields* say otherwise."""
    return pb.CreateAdresseRequest(client_base_id=client.id, **(PARIS | fields))


def update(adresse: pb.Adresse, **fields: Any) -> pb.UpdateAdresseRequest:
    """Request that changes *fields* of *adresse*."""
    return pb.UpdateAdresseRequest(id=adresse.id, **fields)


async def kinds(clients: ClientBaseServiceStub, client: pb.ClientBase) -> list[str]:
    """Types of the client's addresses, the oldest address first."""
    read = await clients.Get(pb.GetClientBaseRequest(id=client.id))
    return [adresse.type for adresse in read.adresses]


@pytest.fixture
async def paris(adresses: AdresseServiceStub, dupont: pb.ClientBase) -> pb.Adresse:
    """Main address of a client, in Paris."""
    return await adresses.Create(new(dupont, ligne2="3e étage"))


async def test_R14_an_address_is_french_and_the_main_one_unless_told(
    adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """Country and type of the smallest creation are France and PRINCIPALE."""
    adresse = await adresses.Create(new(dupont))
    expected = pb.Adresse(
        id=adresse.id,
        client_base_id=dupont.id,
        pays="France",
        type="PRINCIPALE",
        created_at=adresse.created_at,
        updated_at=adresse.created_at,
        version=1,
        **PARIS,
    )
    assert expected == adresse


async def test_get_answers_the_addresses_of_the_client(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """Get and Update of a client answer all its addresses, the oldest first."""
    created = [
        await adresses.Create(new(dupont, type=kind)) for kind in ("LIVRAISON", "AUTRE", "FACTURATION")
    ]
    read = await clients.Get(pb.GetClientBaseRequest(id=dupont.id))
    changed = await clients.Update(pb.UpdateClientBaseRequest(id=dupont.id, prenom="Luc"))
    assert created == list(read.adresses) == list(changed.adresses)


async def test_R14_a_new_main_address_replaces_the_former(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """The former PRINCIPALE becomes AUTRE and its version grows, on Create and on Update."""
    first = await adresses.Create(new(dupont))
    await adresses.Create(new(dupont))
    assert await kinds(clients, dupont) == ["AUTRE", "PRINCIPALE"]
    moved = await adresses.Update(update(first, type="PRINCIPALE", version=2))
    assert moved.version == 3
    assert await kinds(clients, dupont) == ["PRINCIPALE", "AUTRE"]


async def test_R14_other_types_leave_the_main_address(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase, paris: pb.Adresse
) -> None:
    """Several addresses of another type leave the PRINCIPALE as it is."""
    for _ in range(2):
        await adresses.Create(new(dupont, type="LIVRAISON"))
    assert await kinds(clients, dupont) == ["PRINCIPALE", "LIVRAISON", "LIVRAISON"]


async def test_R14_a_refused_main_address_replaces_nothing(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase, paris: pb.Adresse
) -> None:
    """A refused Create or Update leaves the former PRINCIPALE as it was."""
    other = await adresses.Create(new(dupont, type="LIVRAISON"))
    calls = (
        adresses.Create(new(dupont, ligne1="x" * 256)),
        adresses.Update(update(other, type="PRINCIPALE", version=9)),
        adresses.Update(update(other, type="PRINCIPALE", ville="x" * 101)),
    )
    codes = [(await refusal(call)).code for call in calls]
    assert codes == [StatusCode.INVALID_ARGUMENT, StatusCode.ABORTED, StatusCode.INVALID_ARGUMENT]
    assert await kinds(clients, dupont) == ["PRINCIPALE", "LIVRAISON"]


async def test_R14_parallel_main_addresses_leave_one(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """Ten creations of a PRINCIPALE at once all succeed and leave one PRINCIPALE."""
    await asyncio.gather(*(adresses.Create(new(dupont, ligne1=f"{n} rue X")) for n in range(10)))
    found = await kinds(clients, dupont)
    assert (len(found), found.count("PRINCIPALE"), found.count("AUTRE")) == (10, 1, 9)


async def test_R14_a_client_has_twenty_addresses_at_most(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """Five of twenty-five creations at once are refused with the limit; a deletion makes room."""
    creations = (adresses.Create(new(dupont, type="AUTRE")) for _ in range(25))
    answers = await asyncio.gather(*creations, return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.FAILED_PRECONDITION] * 5
    answer = await refusal(adresses.Create(new(dupont)))
    assert (answer.reason, answer.metadata) == ("LIMITE_ATTEINTE", {"maximum": "20"})
    one = next(answer for answer in answers if isinstance(answer, pb.Adresse))
    await adresses.Delete(pb.DeleteAdresseRequest(id=one.id))
    assert (await adresses.Create(new(dupont))).type == "PRINCIPALE"


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"client_base_id": ""}, "CHAMP_REQUIS", "client_base_id"),
        ({"ligne1": " "}, "CHAMP_REQUIS", "ligne1"),
        ({"code_postal": ""}, "CHAMP_REQUIS", "code_postal"),
        ({"ville": ""}, "CHAMP_REQUIS", "ville"),
        ({"ligne1": "x" * 256}, "TROP_LONG", "ligne1"),
        ({"ligne2": "x" * 256}, "TROP_LONG", "ligne2"),
        ({"ville": "x" * 101}, "TROP_LONG", "ville"),
        ({"pays": "x" * 101}, "TROP_LONG", "pays"),
        ({"pays": "Suisse", "code_postal": "1" * 21}, "TROP_LONG", "code_postal"),
        ({"code_postal": "7500"}, "FORMAT_INVALIDE", "code_postal"),
        ({"type": "principale"}, "VALEUR_INCONNUE", "type"),
    ],
)
async def test_R14_creation_names_the_field_at_fault(
    adresses: AdresseServiceStub, dupont: pb.ClientBase, fields: dict[str, str], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with the reason and the field."""
    request = pb.CreateAdresseRequest(**({"client_base_id": dupont.id} | PARIS | fields))
    answer = await refusal(adresses.Create(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


async def test_C09_update_changes_what_is_present(
    adresses: AdresseServiceStub, dupont: pb.ClientBase, paris: pb.Adresse
) -> None:
    """An Update moves an address abroad and leaves the fields that it does not carry."""
    moved = await adresses.Update(
        update(paris, ligne2="", code_postal="1000", ville="Bruxelles", pays="Belgique")
    )
    assert (moved.ligne1, moved.ligne2, moved.code_postal) == (paris.ligne1, "", "1000")
    assert (moved.ville, moved.pays, moved.type, moved.version) == ("Bruxelles", "Belgique", "PRINCIPALE", 2)


@pytest.mark.parametrize("field", ["ligne1", "code_postal", "ville", "pays", "type"])
async def test_C09_what_every_address_has_cannot_be_cleared(
    adresses: AdresseServiceStub, paris: pb.Adresse, field: str
) -> None:
    """Clearing a mandatory field is CHAMP_REQUIS with the field."""
    answer = await refusal(adresses.Update(update(paris, **{field: ""})))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": field},
    )


@pytest.mark.parametrize("fields", [{"code_postal": "1000"}, {"code_postal": "2A004", "pays": "FRANCE"}])
async def test_R14_a_french_postcode_stays_french(
    adresses: AdresseServiceStub, paris: pb.Adresse, fields: dict[str, str]
) -> None:
    """An Update checks the postcode against the country that the address will have."""
    answer = await refusal(adresses.Update(update(paris, **fields)))
    assert (answer.reason, answer.metadata) == ("FORMAT_INVALIDE", {"champ": "code_postal"})


async def test_R14_coming_to_france_needs_a_french_postcode(
    adresses: AdresseServiceStub, dupont: pb.ClientBase
) -> None:
    """An Update of the country alone checks the stored postcode against it."""
    bern = await adresses.Create(new(dupont, code_postal="3000", ville="Berne", pays="Suisse"))
    answer = await refusal(adresses.Update(update(bern, pays="France")))
    assert (answer.reason, answer.metadata) == ("FORMAT_INVALIDE", {"champ": "code_postal"})


async def test_an_address_needs_a_client(adresses: AdresseServiceStub, dupont: pb.ClientBase) -> None:
    """Create and ListByClient of an unknown client are NOT_FOUND."""
    dupont.id = str(uuid7())
    for call in (
        adresses.Create(new(dupont)),
        adresses.ListByClient(pb.ListAdressesByClientRequest(client_base_id=dupont.id)),
    ):
        answer = await refusal(call)
        assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "INTROUVABLE")


@pytest.mark.parametrize(
    ("sort_by", "order", "expected"),
    [
        ("", "", ["AUTRE", "FACTURATION", "LIVRAISON", "LIVRAISON", "PRINCIPALE"]),
        ("type", "desc", ["PRINCIPALE", "LIVRAISON", "LIVRAISON", "FACTURATION", "AUTRE"]),
        ("created_at", "", ["PRINCIPALE", "LIVRAISON", "AUTRE", "LIVRAISON", "FACTURATION"]),
        ("created_at", "desc", ["FACTURATION", "LIVRAISON", "AUTRE", "LIVRAISON", "PRINCIPALE"]),
    ],
)
async def test_C08_every_sort_walks_all_addresses_once(
    adresses: AdresseServiceStub, dupont: pb.ClientBase, sort_by: str, order: str, expected: list[str]
) -> None:
    """Pages of two meet each address once in every sort, with the total on each page."""
    for kind in ("PRINCIPALE", "LIVRAISON", "AUTRE", "LIVRAISON", "FACTURATION"):
        await adresses.Create(new(dupont, type=kind))
    request = pb.ListAdressesByClientRequest(
        client_base_id=dupont.id,
        pagination=Pagination(page_size=2, sort_by=sort_by, sort_order=order, with_total=True),
    )
    walked = [page async for page in pages(adresses.ListByClient, request)]
    assert [page.pagination.total for page in walked] == [5, 5, 5]
    assert [adresse.type for page in walked for adresse in page.adresses] == expected
