"""Whatever lines, rates and discounts an invoice has, its XML keeps to the official rules (R2, R21, R46)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from service_factures import avoirs_rules, totaux
from service_factures.documents import Document, Tva
from service_factures.documents.cii import cii_xml
from service_factures.totaux import Ligne, Montant, Totaux
from tests.documents.official_rules import failures
from tests.documents.sample_documents import avoir, document, ligne
from tests.test_totaux import cents, lines, scaled

# Each example asks the schema and both sets of rules.
judged = settings(max_examples=15)
positive = st.sampled_from([Decimal(rate) for rate in ("20", "10", "5.5", "2.1", "8.5", "0.9", "13")])
taxed = st.builds(lambda one, taux: replace(one, taux_tva=taux), lines, positive)
montants = st.lists(st.builds(Montant, cents, positive), min_size=1, max_size=6)


def shown(document: Document, of: Totaux) -> Document:
    """*document* with the sums of *of*."""
    ventilation = tuple(
        Tva(taux=part.taux, categorie="S", base_ht=part.base_ht, montant_tva=part.montant_tva)
        for part in of.parts
    )
    return replace(
        document,
        ventilation_tva=ventilation,
        montant_ht=of.ht,
        montant_tva=of.tva,
        montant_ttc=of.ttc,
    )


def as_printed(lignes: tuple[Ligne, ...]) -> list[Any]:
    """The lines of a document, with the amounts that the service has reckoned."""
    return [
        ligne(
            f"{one.quantite:f}",
            f"{one.prix_unitaire:f}",
            f"{one.taux_tva:f}",
            remise_pct=one.remise_pct,
            montant_ht=one.montant_ht,
        )
        for one in lignes
    ]


def keeps_to_the_rules(of: Document) -> None:
    """Assert that neither the schema nor any rule says anything."""
    assert failures(cii_xml(of), professional=of.client.professionnel) == []


@judged
@given(st.lists(taxed, min_size=1, max_size=8))
def test_R02_any_lines_keep_to_the_rules(lignes: list[Ligne]) -> None:
    """With quantities, discounts and rates of every size."""
    of = totaux.of_lignes(lignes)
    assume(of.ttc)
    keeps_to_the_rules(shown(document(*as_printed(of.lignes)), of))


@judged
@given(montants)
def test_R46_any_amounts_with_taxes_keep_to_the_rules(rows: list[Montant]) -> None:
    """Though their VAT may differ by a cent a row from that of the base."""
    of = totaux.of_montants(rows)
    keeps_to_the_rules(shown(document(*as_printed(of.lignes)), of))


@judged
@given(montants, scaled(1, 99, 2))
def test_R21_any_avoir_keeps_to_the_rules(rows: list[Montant], share: Decimal) -> None:
    """A part of an invoice, split over its rates, and the rest of it."""
    origin = totaux.of_montants(rows)
    montant = (origin.ttc * share).quantize(Decimal("0.01"))
    assume(montant)
    first = avoirs_rules.of_montant("Avoir", montant, origin.parts)
    rest = avoirs_rules.restes(origin.parts, first.totaux.parts)
    for of in (first, avoirs_rules.of_rest("Avoir", rest)):
        keeps_to_the_rules(shown(avoir(*as_printed(of.totaux.lignes)), of.totaux))
