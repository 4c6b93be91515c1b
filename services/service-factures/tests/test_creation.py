"""Invoices from one call: the shortest one, its event, keys, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import uuid7
from google.protobuf.json_format import ParseDict
from grpc import StatusCode
from service_factures.service import SERVICE
from service_testing import Mesh, refusal, refused, running
from tests.facturation import R3, Invoices

INVALID = StatusCode.INVALID_ARGUMENT


async def test_R06_the_shortest_call_on_an_empty_mesh_issues_and_announces() -> None:
    """Nothing but factures runs: an invoice of 1000.00 € with its number, and one event."""
    async with running(SERVICE, user_sync_enabled=False) as mesh:
        stub = mesh.stub(InvoiceServiceStub, organisation="org-1")
        request = ParseDict({"clientId": "client-123", "montant": 1000}, pb.CreateFactureRequest())
        facture = await stub.Create(request)
        year = facture.date_emission[:4]
        assert (facture.montant_ht, facture.montant_tva, facture.montant_ttc) == (833.33, 166.67, 1000)
        assert (facture.statut, facture.numero, facture.solde) == ("EMISE", f"FAC{year}000001", 1000)
        (event,) = await mesh.published(InvoiceCreatedEvent, 1)
        unknown = await stub.Create(pb.CreateFactureRequest(client_id=str(uuid7()), montant=10))
        assert "CLIENT" in unknown.avertissements  # clients is away: nobody can say that there is none (R12)
    assert (event.invoice_id, event.client_id, event.montant) == (facture.id, "client-123", 1000)
    assert (event.organisation_id, event.numero, event.societe_id) == ("org-1", facture.numero, "")
    noon = datetime.fromisoformat(f"{facture.date_echeance}T12:00:00").replace(tzinfo=UTC)
    assert event.date_echeance.ToDatetime(UTC) == noon


async def test_R06_an_invoice_is_read_by_id_and_number(
    made: Invoices, factures: InvoiceServiceStub, foreign_factures: InvoiceServiceStub
) -> None:
    """In its organisation and société alone."""
    facture = await made.issued(lignes=R3)
    assert await made.read(facture.id) == facture
    by_numero = pb.GetFactureByNumeroRequest(numero=facture.numero)
    assert await factures.GetByNumero(by_numero) == facture
    other = pb.GetFactureByNumeroRequest(numero=facture.numero, societe_id="soc-2")
    for call in (foreign_factures.GetByNumero(by_numero), factures.GetByNumero(other)):
        assert (await refusal(call)).code == StatusCode.NOT_FOUND


async def test_R09_a_draft_has_neither_number_nor_event(made: Invoices, mesh: Mesh, org: str) -> None:
    """The event of a later invoice is the only one of the organisation."""
    draft = await made.draft()
    assert (draft.statut, draft.numero, draft.date_emission) == ("BROUILLON", "", "")
    facture = await made.issued()
    events = await mesh.published(InvoiceCreatedEvent, 1, where=lambda event: event.organisation_id == org)
    assert [event.invoice_id for event in events] == [facture.id]


async def test_R06_a_key_makes_one_invoice(made: Invoices) -> None:
    """The same call again answers the first invoice; another content is refused."""
    first = await made.issued(idempotency_key="echeance:1", montant=49.90)
    assert await made.issued(idempotency_key="echeance:1", montant=49.90) == first
    other = made.issued(idempotency_key="echeance:1", montant=49.91)
    assert await refused(other) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
    assert (await made.issued()).numero.endswith("000002")


async def test_R06_a_refused_call_leaves_its_key_free(made: Invoices) -> None:
    """Its content may be another one then."""
    assert (await refused(made.issued(idempotency_key="k", montant=0)))[0] == INVALID
    assert (await made.issued(idempotency_key="k", montant=10)).montant_ttc == 10


async def test_R06_a_key_belongs_to_an_organisation(
    made: Invoices, foreign_factures: InvoiceServiceStub
) -> None:
    """Each has its own invoice, and its own first number."""
    ours = await made.issued(idempotency_key="k")
    theirs = await Invoices(foreign_factures).issued(idempotency_key="k")
    assert ours.id != theirs.id
    assert ours.numero == theirs.numero


LIGNE: dict[str, Any] = {"description": "Conseil", "quantite": 1, "prix_unitaire": 10}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"client_id": ""}, "CHAMP_REQUIS"),
    ({"client_id": "../x"}, "FORMAT_INVALIDE"),
    ({"montant": -1}, "MONTANT_INVALIDE"),
    ({"montant": 0}, "MONTANT_INVALIDE"),
    ({"montant": float("nan")}, "MONTANT_INVALIDE"),
    ({"montant": 1e12}, "MONTANT_INVALIDE"),
    ({"montant": 12_000_000_000}, "MONTANT_INVALIDE"),
    ({"montant": 10_000_000_000, "mode_montant": "HT"}, "MONTANT_INVALIDE"),
    ({"montants": [{"montant": 12_000_000_000, "taux_tva": 20}]}, "MONTANT_INVALIDE"),
    ({"lignes": [LIGNE] * 101}, "TROP_D_ENTREES"),
    ({"lignes": [LIGNE], "montant": 10}, "SAISIE_AMBIGUE"),
    ({"lignes": [LIGNE], "montants": [{"montant": 10, "taux_tva": 20}]}, "SAISIE_AMBIGUE"),
    ({"lignes": []}, "SAISIE_AMBIGUE"),
    ({"lignes": [LIGNE | {"quantite": 0}]}, "QUANTITE_INVALIDE"),
    ({"lignes": [LIGNE | {"quantite": 0.0004}]}, "QUANTITE_INVALIDE"),
    ({"lignes": [LIGNE | {"quantite": float("inf")}]}, "QUANTITE_INVALIDE"),
    ({"lignes": [LIGNE | {"prix_unitaire": -1}]}, "MONTANT_INVALIDE"),
    ({"lignes": [LIGNE | {"prix_unitaire": 1e9, "quantite": 1e6}]}, "MONTANT_INVALIDE"),
    ({"lignes": [LIGNE | {"prix_unitaire": 9_999_999_999.99995}]}, "MONTANT_INVALIDE"),
    ({"lignes": [LIGNE | {"prix_unitaire": 0.0001, "quantite": 999_999_999.9996}]}, "QUANTITE_INVALIDE"),
    ({"lignes": [LIGNE | {"remise_pct": 101}]}, "POURCENTAGE_INVALIDE"),
    ({"lignes": [LIGNE | {"description": ""}]}, "CHAMP_REQUIS"),
    ({"lignes": [LIGNE | {"description": "é" * 501}]}, "TROP_LONG"),
    ({"lignes": [LIGNE | {"description": "a\x07b"}]}, "FORMAT_INVALIDE"),
    ({"notes": "é" * 5001}, "TROP_LONG"),
    ({"taux_tva": 19}, "TAUX_NON_AUTORISE"),
    ({"taux_tva": 0}, "MOTIF_EXONERATION_REQUIS"),
    ({"taux_tva": 0, "motif_exoneration": "AUTRE"}, "VALEUR_INCONNUE"),
    ({"mode_montant": "ttc"}, "VALEUR_INCONNUE"),
    ({"mode_paiement": "OR"}, "VALEUR_INCONNUE"),
    ({"conditions_paiement": "J90"}, "VALEUR_INCONNUE"),
    ({"nature_operation": "AUTRE"}, "VALEUR_INCONNUE"),
    ({"date_echeance": "2026-02-30"}, "DATE_INVALIDE"),
    ({"date_prestation": "01/02/2026"}, "DATE_INVALIDE"),
    ({"adresse_livraison": {"pays": "France"}}, "FORMAT_INVALIDE"),
    ({"adresse_livraison": {"ville": "é" * 101}}, "TROP_LONG"),
]


@pytest.mark.parametrize(("fields", "reason"), WRONG)
async def test_R04_what_cannot_be_invoiced_is_refused(
    made: Invoices, fields: dict[str, Any], reason: str
) -> None:
    """With INVALID_ARGUMENT, and nothing is numbered."""
    assert await refused(made.issued(**fields)) == (INVALID, reason)


AMOUNT = "Un montant est un nombre inférieur à 1 000 000 000 000 et, sauf exception, jamais négatif"
SENTENCES: list[tuple[dict[str, Any], str, str]] = [
    ({"montant": 0}, "montant", f"{AMOUNT} (champ : montant ; plus que 0)."),
    ({"montant": 1e12}, "montant", f"{AMOUNT} (champ : montant ; plus que 0)."),
    (
        {"montants": [{"montant": 1, "taux_tva": 20}, {"montant": 0, "taux_tva": 10}]},
        "montant",
        f"{AMOUNT} (champ : montant ; entrée : montants[1] ; plus que 0).",
    ),
    (
        {"lignes": [LIGNE, LIGNE | {"prix_unitaire": -1}]},
        "prix_unitaire",
        f"{AMOUNT} (champ : prix_unitaire ; entrée : lignes[1] ; de 0 à 9 999 999 999,9999).",
    ),
    (
        {"lignes": [LIGNE, LIGNE, LIGNE | {"quantite": 0}]},
        "quantite",
        "Une quantité va de 0,001 à 999 999 999,999, avec trois décimales au plus"
        " (champ : quantite ; entrée : lignes[2]).",
    ),
    (
        {"lignes": [LIGNE | {"prix_unitaire": 1e9, "quantite": 1e6}]},
        "montant_ttc",
        f"{AMOUNT} (champ : montant_ttc).",
    ),
    (
        {"taux_tva": 19},
        "taux_tva",
        "La société ne facture pas ce taux de TVA ; ses paramètres disent lesquels"
        " (champ : taux_tva ; admis : 20, 10, 5,5, 2,1, 0).",
    ),
]


@pytest.mark.parametrize(("fields", "champ", "said"), SENTENCES)
async def test_R04_a_refusal_says_which_field_and_its_bounds(
    made: Invoices, fields: dict[str, Any], champ: str, said: str
) -> None:
    """Of a list the entry too, from 0 on, in the sentence as in its details."""
    told = await refusal(made.issued(**fields))
    assert (told.message, told.fields) == (said, (champ,))


async def test_R23_an_invoice_of_nothing_is_refused(made: Invoices) -> None:
    """A draft of nothing is kept; an amount of 0 is none, also of a draft."""
    nothing = [LIGNE | {"prix_unitaire": 0}]
    told = (StatusCode.FAILED_PRECONDITION, "FACTURE_NULLE")
    assert await refused(made.issued(lignes=nothing)) == told
    assert (await made.draft(lignes=nothing)).montant_ttc == 0
    assert await refused(made.draft(montant=0)) == (INVALID, "MONTANT_INVALIDE")
