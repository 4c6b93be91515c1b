"""LigneContratService: the lines of drafts and what they make of the amounts (R13)."""

import asyncio
from typing import Any

import grpc
import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub, LigneContratServiceStub
from grpc import StatusCode
from service_testing import refusal, refused
from service_testing.refusals import read
from tests.en_statut import MONTHLY, Contracts

TERMS = {name: value for name, value in MONTHLY.items() if name != "montant"}


def line(contrat: pb.Contrat, **fields: Any) -> pb.CreateLigneContratRequest:
    """A request for a line of *contrat* at 5.50, with *fields*."""
    wanted: dict[str, Any] = {"contrat_id": contrat.id, "produit_id": "p", "prix_unitaire": 5.50}
    return pb.CreateLigneContratRequest(**(wanted | fields))


def amounts(contrat: pb.Contrat) -> tuple[float, float, bool]:
    """The amount, the total, and whether it is to be confirmed."""
    return contrat.montant, contrat.montant_total, contrat.prix_a_confirmer


@pytest.fixture
async def twenty(made: Contracts) -> pb.Contrat:
    """A draft of one line, 2 × 10.00, monthly for a year."""
    fields = {"lignes": [{"produit_id": "a", "quantite": 2, "prix_unitaire": 10}], "montant": None}
    return await made.draft(**fields)


async def test_R13_each_change_computes_the_amounts(
    lignes: LigneContratServiceStub, made: Contracts, twenty: pb.Contrat
) -> None:
    """Of the period and of all instalments; without lines they are to be confirmed."""
    assert amounts(twenty) == (20.0, 240.0, False)
    second = await lignes.Create(line(twenty))
    assert amounts(await made.read(twenty.id)) == (25.5, 306.0, False)
    await lignes.Update(pb.UpdateLigneContratRequest(id=second.id, quantite=3, prix_unitaire=2))
    assert amounts(await made.read(twenty.id)) == (26.0, 312.0, False)
    first = (await made.details(twenty.id)).lignes[0]
    for ligne, expected in ((second, (20.0, 240.0, False)), (first, (0.0, 0.0, True))):
        assert (await lignes.Delete(pb.DeleteLigneContratRequest(id=ligne.id))).success
        assert amounts(await made.read(twenty.id)) == expected


async def test_R13_an_amount_that_was_given_stays_until_the_last_line_goes(
    lignes: LigneContratServiceStub, made: Contracts
) -> None:
    """The next line makes it anew."""
    draft = await made.draft()
    second = await lignes.Create(line(draft))
    assert amounts(await made.read(draft.id)) == (49.9, 598.8, False)
    for ligne in (*(await made.details(draft.id)).lignes,):
        await lignes.Delete(pb.DeleteLigneContratRequest(id=ligne.id))
    assert amounts(await made.read(draft.id)) == (0.0, 0.0, True)
    assert not (await lignes.Delete(pb.DeleteLigneContratRequest(id=second.id))).success
    await lignes.Create(line(draft, quantite=2))
    assert amounts(await made.read(draft.id)) == (11.0, 132.0, False)


async def test_R13_a_price_that_is_told_is_confirmed(
    lignes: LigneContratServiceStub, made: Contracts, twenty: pb.Contrat
) -> None:
    """The contract is once all of its lines are."""
    unpriced = await lignes.Create(pb.CreateLigneContratRequest(contrat_id=twenty.id, produit_id="p"))
    assert (unpriced.prix_a_confirmer, unpriced.quantite) == (True, 1)
    assert amounts(await made.read(twenty.id)) == (20.0, 240.0, True)
    priced = await lignes.Update(pb.UpdateLigneContratRequest(id=unpriced.id, prix_unitaire=0))
    assert not priced.prix_a_confirmer
    assert amounts(await made.read(twenty.id)) == (20.0, 240.0, False)


async def test_R13_a_line_has_what_was_asked_for(lignes: LigneContratServiceStub, twenty: pb.Contrat) -> None:
    """As the list shows it, after the older one."""
    fields: dict[str, Any] = {"libelle": "Maintenance", "quantite": 4, "periode_facturation": "ANNUELLE"}
    ligne = await lignes.Create(line(twenty, **fields))
    expected = pb.LigneContrat(
        id=ligne.id,
        contrat_id=twenty.id,
        produit_id="p",
        prix_unitaire=5.5,
        created_at=ligne.created_at,
        updated_at=ligne.created_at,
        version=1,
        **fields,
    )
    listed = await lignes.ListByContrat(pb.ListLignesByContratRequest(contrat_id=twenty.id))
    assert expected == ligne == listed.lignes[-1]
    assert len(listed.lignes) == 2


@pytest.mark.parametrize("statut", ["SIGNE", "ACTIF", "RESILIE", "ANNULE"])
async def test_R13_lines_of_what_is_signed_stay(
    lignes: LigneContratServiceStub, made: Contracts, statut: str
) -> None:
    """Neither added, nor changed, nor deleted."""
    contrat = await made.in_statut(statut)
    before = await made.details(contrat.id)
    ligne = before.lignes[0].id
    for call in (
        lignes.Create(line(contrat)),
        lignes.Update(pb.UpdateLigneContratRequest(id=ligne, quantite=2)),
        lignes.Delete(pb.DeleteLigneContratRequest(id=ligne)),
    ):
        assert await refused(call) == (StatusCode.FAILED_PRECONDITION, "CONTRAT_ENGAGE")
    assert await made.details(contrat.id) == before


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"contrat_id": ""}, "CHAMP_REQUIS", "contrat_id"),
        ({"produit_id": ""}, "CHAMP_REQUIS", "produit_id"),
        ({"quantite": -1}, "QUANTITE_INVALIDE", "quantite"),
        ({"quantite": 100_001}, "QUANTITE_INVALIDE", "quantite"),
        ({"prix_unitaire": -1.0}, "MONTANT_INVALIDE", "prix_unitaire"),
        ({"prix_unitaire": float("nan")}, "MONTANT_INVALIDE", "prix_unitaire"),
        ({"prix_unitaire": 9e11}, "MONTANT_INVALIDE", "montant"),
        ({"libelle": "x" * 256}, "TROP_LONG", "libelle"),
    ],
)
async def test_R13_bad_input_stores_nothing(
    lignes: LigneContratServiceStub,
    made: Contracts,
    twenty: pb.Contrat,
    fields: dict[str, Any],
    reason: str,
    champ: str,
) -> None:
    """The contract stays as it was; a total of 10^12 is refused, too."""
    told = await refusal(lignes.Create(line(twenty, **fields)))
    assert (told.code, told.reason, told.metadata["champ"]) == (StatusCode.INVALID_ARGUMENT, reason, champ)
    assert await made.read(twenty.id) == twenty


async def test_R13_a_change_to_no_quantity_is_refused(
    lignes: LigneContratServiceStub, made: Contracts, twenty: pb.Contrat
) -> None:
    """Only a new line takes 0 for 1."""
    assert (await lignes.Create(line(twenty, quantite=0))).quantite == 1
    (first, _) = (await made.details(twenty.id)).lignes
    told = await refusal(lignes.Update(pb.UpdateLigneContratRequest(id=first.id, quantite=0)))
    assert told.reason == "QUANTITE_INVALIDE"


async def test_R13_lines_at_once_are_fifty_at_most(lignes: LigneContratServiceStub, made: Contracts) -> None:
    """The amount is that of all of them."""
    fields = {"lignes": [{"produit_id": "a", "prix_unitaire": 1}] * 45, "montant": None} | TERMS
    draft = await made.draft(**fields)
    calls = [lignes.Create(line(draft, prix_unitaire=1)) for _ in range(10)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused_ = [read(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert refused_ == ["LIMITE_ATTEINTE"] * 5
    assert (await made.read(draft.id)).montant == 50.0


async def test_R13_lines_of_a_deleted_contract_are_gone(
    lignes: LigneContratServiceStub, contrats: ContratServiceStub, made: Contracts, twenty: pb.Contrat
) -> None:
    """For every call."""
    (ligne,) = (await made.details(twenty.id)).lignes
    await contrats.Delete(pb.DeleteContratRequest(id=twenty.id))
    assert not (await lignes.Delete(pb.DeleteLigneContratRequest(id=ligne.id))).success
    for call in (
        lignes.Update(pb.UpdateLigneContratRequest(id=ligne.id, quantite=2)),
        lignes.ListByContrat(pb.ListLignesByContratRequest(contrat_id=twenty.id)),
    ):
        assert (await refusal(call)).code == StatusCode.NOT_FOUND
