"""What other services tell of a contract: its client, the prices and rates of its lines."""

from datetime import date
from typing import Any

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub, LigneContratServiceStub
from crm.products import products_pb2
from crm.products.products_pb2_grpc import ProduitServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, code_of, refusal
from tests.en_statut import SHORT, Contracts
from tests.rayon import new_produit

ARRIVED = (StatusCode.OK, StatusCode.NOT_FOUND)
UNKNOWN = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"


async def new_client(clients: ClientBaseServiceStub, societe_id: str = "soc-1") -> str:
    """The id of a new client of this société."""
    request = clients_pb2.CreateClientBaseRequest(nom="Martin", societe_id=societe_id)
    return (await clients.Create(request)).id


@pytest.fixture
async def client_id(clients: ClientBaseServiceStub) -> str:
    """A client of soc-1."""
    return await new_client(clients)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"client_id": UNKNOWN}, "CLIENT_INCONNU"),
        ({"produit_id": UNKNOWN}, "PRODUIT_INCONNU"),
        ({"produit_id": UNKNOWN, "montant": 5}, "PRODUIT_INCONNU"),
        ({"produit_id": UNKNOWN, "lignes": [{"produit_id": "p"}]}, "PRODUIT_INCONNU"),
        ({"lignes": [{"produit_id": "p"}, {"produit_id": UNKNOWN}]}, "PRODUIT_INCONNU"),
    ],
)
async def test_R03_what_is_ours_must_exist(
    contrats: ContratServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """A contract that names an unknown id of ours is not made."""
    told = await refusal(contrats.Create(pb.CreateContratRequest(**(SHORT | fields))))
    assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, reason)
    assert not (await contrats.List(pb.ListContratsRequest())).contrats


async def test_R03_what_others_have_is_unknown(
    contrats: ContratServiceStub,
    foreign_clients: ClientBaseServiceStub,
    foreign_produits: ProduitServiceStub,
) -> None:
    """Their clients and products alike."""
    theirs = (
        {"client_id": await new_client(foreign_clients)},
        {"produit_id": await new_produit(foreign_produits)},
    )
    for fields in theirs:
        told = await refusal(contrats.Create(pb.CreateContratRequest(**(SHORT | fields))))
        assert told.reason in ("CLIENT_INCONNU", "PRODUIT_INCONNU")


@pytest.mark.parametrize("field", ["client_id", "produit_id"])
async def test_R03_a_draft_does_not_get_what_is_unknown(
    contrats: ContratServiceStub, draft: pb.Contrat, field: str
) -> None:
    """By an Update; an id of another system is taken as it is."""
    unknown: dict[str, Any] = {field: UNKNOWN}
    told = await refusal(contrats.Update(pb.UpdateContratRequest(id=draft.id, **unknown)))
    assert told.reason in ("CLIENT_INCONNU", "PRODUIT_INCONNU")
    other: dict[str, Any] = {field: "autre-1"}
    changed = await contrats.Update(pb.UpdateContratRequest(id=draft.id, **other))
    assert getattr(changed, field) == "autre-1"


async def test_R03_a_line_names_a_product_that_exists(
    lignes: LigneContratServiceStub, draft: pb.Contrat
) -> None:
    """A new line and a changed one."""
    ligne = await lignes.Create(pb.CreateLigneContratRequest(contrat_id=draft.id, produit_id="p"))
    for call in (
        lignes.Create(pb.CreateLigneContratRequest(contrat_id=draft.id, produit_id=UNKNOWN)),
        lignes.Update(pb.UpdateLigneContratRequest(id=ligne.id, produit_id=UNKNOWN)),
    ):
        assert (await refusal(call)).reason == "PRODUIT_INCONNU"


async def test_R03_a_contract_is_made_while_clients_and_products_are_away(
    mesh: Mesh, made: Contracts, client_id: str, produit: str
) -> None:
    """The client is accepted and the price is to be confirmed; nothing is told about it later."""
    async with mesh.without("clients"), mesh.without("products"):
        contrat = await made.signed(client_id=client_id, produit_id=produit)
    await _back(mesh, client_id, produit)
    assert (contrat.client_id, contrat.prix_a_confirmer, contrat.societe_id) == (client_id, True, "")
    (ligne,) = (await made.details(contrat.id)).lignes
    assert (ligne.prix_unitaire, ligne.HasField("taux_tva")) == (0, False)


async def _back(mesh: Mesh, client_id: str, produit_id: str) -> None:
    """Wait until contrats reaches both services again."""
    peers = mesh["contrats"].app.peers
    for call, request in (
        (peers.stub(ClientBaseServiceStub).Get, clients_pb2.GetClientBaseRequest(id=client_id)),
        (peers.stub(ProduitServiceStub).Get, products_pb2.GetProduitRequest(id=produit_id)),
    ):
        asked: Any = call
        assert await code_of(asked(request, wait_for_ready=True, timeout=10)) in ARRIVED


async def test_R04_a_line_without_a_price_costs_what_the_catalogue_says(
    made: Contracts, produits: ProduitServiceStub
) -> None:
    """For its quantity, divided and rounded: three pieces are 157.18 with taxes."""
    produit_id = await new_produit(produits, prix=43.66)
    lignes = [{"produit_id": produit_id, "quantite": 3}, {"produit_id": "p", "prix_unitaire": 10}]
    contrat = await made.signed(lignes=lignes)
    prices = [one.prix_unitaire for one in (await made.details(contrat.id)).lignes]
    assert (prices, contrat.montant, contrat.prix_a_confirmer) == ([52.39, 10.0], 167.17, False)


@pytest.mark.parametrize(("date_debut", "montant"), [("2027-06-15", 36.0), ("2027-07-01", 49.90)])
async def test_R04_the_price_is_that_of_the_day_on_which_the_contract_begins(
    made: Contracts, produits: ProduitServiceStub, produit: str, date_debut: str, montant: float
) -> None:
    """A promotion of June is for contracts that begin in June."""
    bounds = {"date_debut": clock.midnight(date(2027, 6, 1)), "date_fin": clock.midnight(date(2027, 7, 1))}
    june = {name: timestamp(instant) for name, instant in bounds.items()}
    await produits.SetPromotion(
        products_pb2.SetPromotionRequest(produit_id=produit, prix_promotion=30, **june)
    )
    assert (await made.signed(produit_id=produit, date_debut=date_debut)).montant == montant


async def test_R04_an_amount_that_is_given_wins(made: Contracts, produit: str) -> None:
    """The line of the product has it; lines with a price of their own keep it; 0 counts, too."""
    for montant in (40.0, 0.0):
        contrat = await made.signed(produit_id=produit, montant=montant)
        (ligne,) = (await made.details(contrat.id)).lignes
        assert (contrat.montant, ligne.prix_unitaire, contrat.prix_a_confirmer) == (montant, montant, False)
    contrat = await made.signed(montant=40, lignes=[{"produit_id": produit, "prix_unitaire": 10}])
    (ligne,) = (await made.details(contrat.id)).lignes
    assert (contrat.montant, ligne.prix_unitaire) == (40.0, 10.0)


@pytest.mark.parametrize(
    ("statut_cycle", "expected"), [("ACTIF", (49.90, 49.90, False)), ("BROUILLON", (0.0, 0.0, True))]
)
async def test_R04_what_is_not_for_sale_has_no_price(
    made: Contracts, produits: ProduitServiceStub, statut_cycle: str, expected: tuple[float, float, bool]
) -> None:
    """But a rate (R22)."""
    produit_id = await new_produit(produits, prix=47.30, taux_tva=5.5, statut_cycle=statut_cycle)
    contrat = await made.signed(produit_id=produit_id)
    (ligne,) = (await made.details(contrat.id)).lignes
    assert (contrat.montant, ligne.prix_unitaire, contrat.prix_a_confirmer) == expected
    assert ligne.taux_tva == 5.5


async def test_R22_a_line_keeps_the_rate_of_its_product(
    made: Contracts, produits: ProduitServiceStub
) -> None:
    """And why there is none; a product of another system has no rate, which is not a rate of 0."""
    produit_id = await new_produit(produits, taux_tva=0, motif_exoneration="EXONERATION_261C")
    contrat = await made.signed(
        lignes=[
            {"produit_id": produit_id, "prix_unitaire": 5},
            {"produit_id": produit_id},
            {"produit_id": "p"},
        ]
    )
    *ours, other = (await made.details(contrat.id)).lignes
    for ligne in ours:
        assert (ligne.HasField("taux_tva"), ligne.taux_tva) == (True, 0)
        assert ligne.motif_exoneration == "EXONERATION_261C"
    assert (other.HasField("taux_tva"), other.motif_exoneration) == (False, "")
    change = products_pb2.UpdateProduitRequest(id=produit_id, taux_tva=20, motif_exoneration="")
    await produits.Update(change)
    assert (await made.details(contrat.id)).lignes[0] == ours[0]


async def test_R22_another_product_brings_its_rate(
    made: Contracts, lignes: LigneContratServiceStub, produits: ProduitServiceStub
) -> None:
    """Not its price; a product of another system takes the rate away."""
    draft = await made.draft(lignes=[{"produit_id": "p", "prix_unitaire": 5}])
    (ligne,) = (await made.details(draft.id)).lignes
    produit_id = await new_produit(produits, taux_tva=10)
    ours = await lignes.Update(pb.UpdateLigneContratRequest(id=ligne.id, produit_id=produit_id))
    assert (ours.produit_id, ours.prix_unitaire, ours.taux_tva) == (produit_id, 5.0, 10.0)
    other = await lignes.Update(pb.UpdateLigneContratRequest(id=ligne.id, produit_id="p"))
    assert (other.prix_unitaire, other.HasField("taux_tva")) == (5.0, False)


async def test_R21_a_contract_has_the_societe_of_its_client(
    made: Contracts, clients: ClientBaseServiceStub, client_id: str
) -> None:
    """Unless it names one; it stays when that of the client changes."""
    own = await made.signed(client_id=client_id)
    named = await made.signed(client_id=client_id, societe_id="soc-2")
    assert (own.societe_id, named.societe_id) == ("soc-1", "soc-2")
    await clients.Update(clients_pb2.UpdateClientBaseRequest(id=client_id, societe_id="soc-3"))
    assert (await made.read(own.id)).societe_id == "soc-1"


async def test_R21_a_draft_has_the_societe_of_its_client_when_it_is_signed(
    made: Contracts, contrats: ContratServiceStub, clients: ClientBaseServiceStub
) -> None:
    """If it has none; a client that is gone by then has none either."""
    client_id = await new_client(clients, societe_id="")
    draft, late = [await made.draft(client_id=client_id) for _ in range(2)]
    await clients.Update(clients_pb2.UpdateClientBaseRequest(id=client_id, societe_id="soc-1"))
    signed = await contrats.Signer(pb.SignerContratRequest(id=draft.id))
    assert (draft.societe_id, signed.societe_id) == ("", "soc-1")
    await clients.Delete(clients_pb2.DeleteClientBaseRequest(id=client_id))
    assert (await contrats.Signer(pb.SignerContratRequest(id=late.id))).societe_id == ""
