"""ClientBaseService/List: what a search finds (C8, R3), and how names are sorted (C10)."""

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, ClientEntrepriseServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import text_key, uuid7
from grpc import StatusCode
from service_testing import Mesh, pages, refusal

DUPONT = {"nom": "Dupont", "prenom": "Jean", "telephone": "06 12 34 56 78"}
CLIENTS = (
    DUPONT,
    {"nom": "Hoarau", "telephone": "0692 99 88 77"},
    {"nom": "Martin", "prenom": "Élodie", "email": "elodie@exemple.fr"},
    {"nom": "Œuvre", "type_client": "ENTREPRISE", "email": "élodie@exemple.fr"},
)


@pytest.fixture(scope="module")
async def known(mesh: Mesh) -> ClientBaseServiceStub:
    """Clients of an organisation that has the four of CLIENTS."""
    # An organisation of its own each time: a process may come back to this module after others.
    clients = mesh.stub(ClientBaseServiceStub, organisation=f"org-recherche-{uuid7()}")
    for values in CLIENTS:
        await clients.Create(pb.CreateClientBaseRequest(**values))
    return clients


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("jean dupont", {"Dupont"}),
        ("Dupont Jean", {"Dupont"}),
        ("jean martin", set()),
        ("0612345678", {"Dupont"}),
        ("06.12.34.56.78", {"Dupont"}),
        ("06 12 34", {"Dupont"}),
        ("+33 6 12", {"Dupont"}),
        ("+33612345678", {"Dupont"}),
        ("0033 6 12 34 56 78", {"Dupont"}),
        ("dupont 0612", {"Dupont"}),
        ("martin 0612", set()),
        ("0692998877", {"Hoarau"}),
        ("+262692", {"Hoarau"}),
        ("elodie", {"Martin"}),
        ("ÉLODIE", {"Martin", "Œuvre"}),
        ("élodie@", {"Œuvre"}),
        ("oeuvre", {"Œuvre"}),
        ("\u200bmar\u00adtin", {"Martin"}),
        ("%", set()),
        ("' OR 1=1 --", set()),
    ],
)
async def test_C08_what_a_search_finds(known: ClientBaseServiceStub, search: str, found: set[str]) -> None:
    """All words in any order: names by their keys, emails without case, phones in any form."""
    listed = await known.List(pb.ListClientBasesRequest(search=search))
    assert {client.nom for client in listed.clients} == found


async def test_R03_a_company_is_found_and_listed_by_its_key(
    entreprises: ClientEntrepriseServiceStub,
) -> None:
    """Company sheets are searched and sorted by the key of their name."""
    for nom, siren in (("Œuvre", "552032534"), ("Olive", "418166096"), ("octo", "552100554")):
        await entreprises.Create(pb.CreateClientEntrepriseRequest(raison_sociale=nom, siren=siren))
    listed = await entreprises.List(pb.ListClientEntreprisesRequest())
    found = await entreprises.List(pb.ListClientEntreprisesRequest(search="oeuvre 5520"))
    assert [one.raison_sociale for one in listed.clients] == ["octo", "Œuvre", "Olive"]
    assert [one.raison_sociale for one in found.clients] == ["Œuvre"]


async def test_C10_pages_by_name_neither_repeat_nor_skip(mesh: Mesh) -> None:
    """Pages by name meet fifty names in E, É and F once each, É sorted with E."""
    clients = mesh.stub(ClientBaseServiceStub, organisation="org-ordre")
    names = [f"{'EÉF'[number % 3]}{number:02d}" for number in range(50)]
    for name in names:
        await clients.Create(pb.CreateClientBaseRequest(nom=name))
    by_name = Pagination(page_size=7, sort_by="nom")
    walked = pages(clients.List, pb.ListClientBasesRequest(pagination=by_name))
    met = [client.nom.upper() async for page in walked for client in page.clients]
    assert met == sorted(names, key=lambda name: name.replace("É", "E"))


@pytest.mark.parametrize("nom", ["\ufeffDupont", "Du\u200bpont", "DUPONT\u00ad", "du\u202epont"])
async def test_R04_format_characters_do_not_make_another_client(
    clients: ClientBaseServiceStub, nom: str
) -> None:
    """A name that differs by format characters is refused with the id of the first client."""
    first = await clients.Create(pb.CreateClientBaseRequest(**DUPONT))
    answer = await refusal(clients.Create(pb.CreateClientBaseRequest(**(DUPONT | {"nom": nom}))))
    assert (answer.code, answer.reason, answer.metadata["id"]) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        first.id,
    )


async def test_R04_ligatures_do_not_make_another_client(clients: ClientBaseServiceStub) -> None:
    """A name that differs by a ligature is refused on Create and on Update."""
    await clients.Create(pb.CreateClientBaseRequest(**(DUPONT | {"nom": "Œuvre"})))
    other = await clients.Create(pb.CreateClientBaseRequest(**(DUPONT | {"nom": "Olive"})))
    for call in (
        clients.Create(pb.CreateClientBaseRequest(**(DUPONT | {"nom": "OEUVRE"}))),
        clients.Update(pb.UpdateClientBaseRequest(id=other.id, nom="oeuvre")),
    ):
        assert (await refusal(call)).code == StatusCode.ALREADY_EXISTS


async def test_R03_names_of_any_kind_have_pages(clients: ClientBaseServiceStub) -> None:
    """Names whose keys are many times as long still fit the index that sorts them."""
    expanding = sorted(map(chr, range(0x3000, 0x34FF)), key=lambda c: len(text_key(c)), reverse=True)[:200]
    nom, prenom, local = "".join(expanding[::2]), "".join(expanding[1::2]), "é" * 30
    for number in range(3):
        email = f"{number}{local}@{'d' * 60}.{'e' * 60}.{'f' * 60}.fr"
        await clients.Create(pb.CreateClientBaseRequest(nom=nom, prenom=prenom, email=email))
    by_name = Pagination(page_size=1, sort_by="nom")
    walked = pages(clients.List, pb.ListClientBasesRequest(search=expanding[0], pagination=by_name))
    assert len({client.id async for page in walked for client in page.clients}) == 3


async def test_C10_a_name_of_format_characters_is_none(clients: ClientBaseServiceStub) -> None:
    """A name of format characters only is CHAMP_REQUIS."""
    answer = await refusal(clients.Create(pb.CreateClientBaseRequest(nom="\u200b")))
    assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": "nom"})
