"""Update and Delete: what may change before and after the signature (R11, R12)."""

from typing import Any

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from grpc import StatusCode
from service_contrats.models import STATUTS
from service_testing import refusal, refused
from tests.en_statut import Contracts

ALL: dict[str, Any] = {
    "reference": "DOSSIER 8",
    "titre": "Titre",
    "description": "Description",
    "type": "TYPE",
    "client_id": "client-9",
    "produit_id": "prod-9",
    "commercial_id": "app-9",
    "societe_id": "soc-9",
    "date_debut": "2026-04-01",
    "duree_mois": 10,
    "montant": 30.0,
    "devise": "CHF",
    "frequence_facturation": "TRIMESTRIELLE",
    "document_url": "https://exemple.fr/c.pdf",
    "fournisseur": "Fournisseur SA",
    "notes": "à rappeler",
}
ALWAYS = {"notes"}
SIGNED = ALWAYS | {"titre", "description", "commercial_id", "document_url", "fournisseur"}


async def test_R11_a_draft_may_change_in_everything(contrats: ContratServiceStub, draft: pb.Contrat) -> None:
    """What follows from it, too: the end, the instalments, the total."""
    changed = await contrats.Update(pb.UpdateContratRequest(id=draft.id, **ALL))
    assert {name: getattr(changed, name) for name in ALL} == ALL
    assert (changed.date_fin, changed.nombre_echeances, changed.montant_total) == ("2027-01-31", 4, 120.0)
    assert (changed.statut, changed.version) == ("BROUILLON", draft.version + 1)


@pytest.mark.parametrize("statut", [one for one in STATUTS if one != "BROUILLON"])
async def test_R11_after_the_signature_little_may_change(
    contrats: ContratServiceStub, made: Contracts, statut: str
) -> None:
    """Each field by itself: it changes, or it is refused by its name and all stays."""
    contrat = await made.in_statut(statut)
    allowed = SIGNED if statut in ("SIGNE", "ACTIF", "SUSPENDU") else ALWAYS
    for name, value in ALL.items():
        call = contrats.Update(pb.UpdateContratRequest(**{"id": contrat.id, name: value}))
        if name in allowed:
            contrat = await call
            assert getattr(contrat, name) == value
        else:
            told = await refusal(call)
            assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "CONTRAT_ENGAGE")
            assert told.metadata == {"champs": name, "statut": statut}
    assert await made.read(contrat.id) == contrat


async def test_R11_a_refusal_names_all_fields_and_changes_none(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """Also those that could have changed stay."""
    contrat = await made.signed()
    request = pb.UpdateContratRequest(id=contrat.id, montant=1, client_id="client-9", titre="Titre")
    told = await refusal(contrats.Update(request))
    assert told.metadata["champs"] == "client_id,montant"
    assert await made.read(contrat.id) == contrat


async def test_R11_a_value_that_is_there_already_is_no_change(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """A whole form may be sent back: the version stays."""
    contrat = await made.active(**{name: value for name, value in ALL.items() if name != "date_debut"})
    fields = {name: getattr(contrat, name) for name in ALL}
    assert await contrats.Update(pb.UpdateContratRequest(id=contrat.id, **fields)) == contrat


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reference": ""}, "CHAMP_REQUIS"),
        ({"client_id": ""}, "CHAMP_REQUIS"),
        ({"date_debut": ""}, "CHAMP_REQUIS"),
        ({"devise": "euro"}, "FORMAT_INVALIDE"),
        ({"duree_mois": 0}, "DUREE_INVALIDE"),
        ({"duree_mois": 241}, "DUREE_INVALIDE"),
        ({"montant": float("nan")}, "MONTANT_INVALIDE"),
        ({"montant": 9e11}, "MONTANT_INVALIDE"),
        ({"frequence_facturation": "JAMAIS"}, "VALEUR_INCONNUE"),
        ({"date_debut": "2026-02-30"}, "DATE_INVALIDE"),
    ],
)
async def test_R11_bad_input_changes_nothing(
    contrats: ContratServiceStub, made: Contracts, draft: pb.Contrat, fields: dict[str, Any], reason: str
) -> None:
    """INVALID_ARGUMENT, the total of all instalments included."""
    told = await refused(contrats.Update(pb.UpdateContratRequest(id=draft.id, **fields)))
    assert told == (StatusCode.INVALID_ARGUMENT, reason)
    assert await made.read(draft.id) == draft


async def test_R11_what_may_be_empty_can_be_cleared(contrats: ContratServiceStub, made: Contracts) -> None:
    """Texts and ids alike."""
    names = ("titre", "description", "type", "produit_id", "commercial_id", "societe_id", "notes")
    draft = await made.draft(**{name: ALL[name] for name in names})
    cleared: dict[str, Any] = dict.fromkeys(names, "")
    changed = await contrats.Update(pb.UpdateContratRequest(id=draft.id, **cleared))
    assert [getattr(changed, name) for name in names] == [""] * len(names)


async def test_R07_a_draft_that_is_paid_by_periods_runs_a_year(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """When it had no duration; a beginning that moves takes the end along."""
    draft = await made.draft(frequence_facturation="UNIQUE", duree_mois=None, date_debut="2026-01-31")
    assert (draft.date_fin, draft.montant_total) == ("", 49.9)
    yearly = await contrats.Update(pb.UpdateContratRequest(id=draft.id, frequence_facturation="MENSUELLE"))
    assert (yearly.duree_mois, yearly.date_fin, yearly.montant_total) == (12, "2027-01-30", 598.8)
    moved = await contrats.Update(pb.UpdateContratRequest(id=draft.id, date_debut="2026-02-01"))
    assert (moved.date_fin, moved.montant_total) == ("2027-01-31", 598.8)


async def test_R04_an_amount_that_is_told_later_wins_from_then_on(
    contrats: ContratServiceStub, made: Contracts
) -> None:
    """It needs no confirmation, not even an amount of 0."""
    for montant in (49.9, 0.0):
        draft = await made.draft(montant=None)
        assert draft.prix_a_confirmer
        told = await contrats.Update(pb.UpdateContratRequest(id=draft.id, montant=montant))
        assert (told.montant, told.prix_a_confirmer) == (montant, False)


@pytest.mark.parametrize("statut", STATUTS)
async def test_R12_only_drafts_and_cancelled_contracts_are_deleted(
    contrats: ContratServiceStub, made: Contracts, statut: str
) -> None:
    """The reference is free again then; any other contract stays."""
    contrat = await made.in_statut(statut)
    request = pb.DeleteContratRequest(id=contrat.id)
    if statut in ("BROUILLON", "ANNULE"):
        assert (await contrats.Delete(request)).success
        assert (await made.draft(reference=contrat.reference)).reference == contrat.reference
    else:
        told = (StatusCode.FAILED_PRECONDITION, "CONTRAT_ENGAGE")
        assert await refused(contrats.Delete(request)) == told
        assert await made.read(contrat.id) == contrat
