"""The lists of contracts, their filters and sorts; what a contract with its details tells."""

from typing import Any

import pytest
from crm.common.common_pb2 import Pagination
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from service_testing import pages, refusal
from tests.en_statut import Contracts


async def references(contrats: ContratServiceStub, sort: str = "", **filters: Any) -> list[str]:
    """The references on all pages of one row each."""
    request = pb.ListContratsRequest(pagination=Pagination(page_size=1, sort_by=sort), **filters)
    return [row.reference async for page in pages(contrats.List, request) for row in page.contrats]


@pytest.fixture
async def three(made: Contracts) -> None:
    """A, B and C."""
    await made.signed(
        reference="A",
        titre="Énergie verte",
        client_id="c-1",
        date_debut="2026-03-01",
        duree_mois=1,
        montant=5,
    )
    await made.draft(
        reference="B", titre="Œuvre", commercial_id="app-1", societe_id="soc-1", date_debut="2026-01-01"
    )
    await made.active(reference="C", client_id="c-1", societe_id="soc-1", date_debut="2026-02-01", montant=7)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["C", "B", "A"]),
        ({"client_id": "c-1"}, ["C", "A"]),
        ({"commercial_id": "app-1"}, ["B"]),
        ({"societe_id": "soc-1"}, ["C", "B"]),
        ({"statut": "ACTIF"}, ["C"]),
        ({"statut": "BROUILLON", "client_id": "c-1"}, []),
        ({"fin_avant": "2026-04-01"}, ["A"]),
        ({"fin_avant": "2026-03-31"}, []),
        ({"fin_avant": "2027-01-01"}, ["B", "A"]),
        ({"search": "oeuvre"}, ["B"]),
        ({"search": "VERTE ener"}, ["A"]),
        ({"search": "c"}, ["C"]),
    ],
)
async def test_C8_contracts_are_listed_by_what_they_are(
    contrats: ContratServiceStub, filters: dict[str, str], expected: list[str]
) -> None:
    """The newest first; searched in reference and titre. What has no end ends before no day."""
    assert await references(contrats, **filters) == expected


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_at", ["C", "B", "A"]),
        ("reference", ["A", "B", "C"]),
        ("date_debut", ["B", "A", "C"]),
        ("date_signature", ["B", "A", "C"]),
        ("montant_total", ["A", "C", "B"]),
    ],
)
async def test_C8_contracts_are_sorted(contrats: ContratServiceStub, sort: str, expected: list[str]) -> None:
    """A draft comes before what is signed; the active one begins today."""
    assert await references(contrats, sort) == expected


@pytest.mark.parametrize(
    ("filters", "reason"),
    [({"statut": "PERDU"}, "VALEUR_INCONNUE"), ({"fin_avant": "demain"}, "DATE_INVALIDE")],
)
async def test_C1_a_filter_that_makes_no_sense_is_refused(
    contrats: ContratServiceStub, filters: dict[str, Any], reason: str
) -> None:
    """Rather than answered with nothing."""
    assert (await refusal(contrats.List(pb.ListContratsRequest(**filters)))).reason == reason


async def test_R06_details_are_a_contract_with_lines_and_history(
    made: Contracts, contrats: ContratServiceStub
) -> None:
    """The oldest first."""
    lignes = [{"produit_id": "a", "libelle": "Première"}, {"produit_id": "b", "quantite": 2}]
    draft = await made.draft(lignes=lignes)
    signed = await contrats.Signer(pb.SignerContratRequest(id=draft.id))
    details = await made.details(draft.id)
    assert details.contrat == signed
    assert [(one.produit_id, one.libelle, one.quantite) for one in details.lignes] == [
        ("a", "Première", 1),
        ("b", "", 2),
    ]
    first, second = details.historique
    assert first == pb.HistoriqueStatut(
        id=first.id,
        contrat_id=draft.id,
        nouveau_statut="BROUILLON",
        auteur_id="demo",
        date_changement=first.date_changement,
    )
    assert (second.ancien_statut, second.nouveau_statut) == ("BROUILLON", "SIGNE")


async def test_R16_the_record_of_calls_has_pages(
    made: Contracts, orchestrations: ContractOrchestrationServiceStub
) -> None:
    """The latest first."""
    contrat = await made.active()
    await made.suspended(contrat.id)
    await made.terminated(contrat.id)
    request = pb.GetContratHistoryRequest(contrat_id=contrat.id, pagination=Pagination(page_size=1))
    found = [
        row.operation async for page in pages(orchestrations.GetHistory, request) for row in page.history
    ]
    assert found == ["resilier", "suspendre", "activer"]
