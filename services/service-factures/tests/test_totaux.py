"""Totals: worked examples (R1 to R4, R46), and what holds for every invoice."""

from decimal import Decimal

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from grpc import StatusCode
from grpc_utils import rounded
from hypothesis import given
from hypothesis import strategies as st
from service_factures import totaux
from service_factures.totaux import Ligne, Montant
from service_testing import refused
from tests.facturation import R3, Invoices

D = Decimal
RATES = [D(text) for text in ("20", "10", "8.5", "5.5", "2.1", "0")]


def scaled(least: int, most: int, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals of so many *places*; st.decimals takes seconds to make a list of them."""
    return st.integers(least, most).map(lambda number: D(number).scaleb(-places))


rates = st.sampled_from(RATES)
cents = scaled(1, 999_999_999, 2)


def ligne(quantite: str, prix: str, taux: str, remise: str = "0") -> Ligne:
    """A line, priced."""
    ht = totaux.montant_ht(D(quantite), D(prix), D(remise))
    return Ligne("x", D(quantite), D(prix), D(remise), D(taux), ht)


lines = st.builds(
    lambda quantite, prix, taux, remise: ligne(str(quantite), str(prix), str(taux), str(remise)),
    scaled(1, 999_000, 3),
    scaled(0, 99_990_000, 4),
    rates,
    scaled(0, 10_000, 2),
)


def test_R01_a_discount_is_taken_from_the_line() -> None:
    """Ten at 12.50 less 10 % come to 112.50; half a cent is rounded up."""
    assert totaux.montant_ht(D(10), D("12.50"), D(10)) == D("112.50")
    assert totaux.montant_ht(D(1), D("1.005"), D(0)) == D("1.01")
    assert totaux.montant_ht(D("0.001"), D("0.0001"), D(0)) == D("0.00")


def test_R02_R03_the_worked_invoice() -> None:
    """VAT is reckoned on the sum of a rate: 11.89, where lines alone would give 11.88."""
    of = totaux.of_lignes(
        [*[ligne("1", "9.97", "20")] * 3, ligne("2", "12.35", "5.5"), ligne("1", "45.50", "10")]
    )
    assert [(part.taux, part.base_ht, part.montant_tva) for part in of.parts] == [
        (D("20"), D("29.91"), D("5.98")),
        (D("10"), D("45.50"), D("4.55")),
        (D("5.5"), D("24.70"), D("1.36")),
    ]
    assert (of.ht, of.tva, of.ttc) == (D("100.11"), D("11.89"), D("112.00"))


async def test_R03_the_worked_invoice_as_it_is_issued(made: Invoices) -> None:
    """With its lines and its VAT by rate."""
    facture = await made.issued(lignes=R3)
    assert (facture.montant_ht, facture.montant_tva, facture.montant_ttc) == (100.11, 11.89, 112)
    assert [(one.taux, one.categorie, one.base_ht, one.montant_tva) for one in facture.ventilation_tva] == [
        (20, "S", 29.91, 5.98),
        (10, "S", 45.5, 4.55),
        (5.5, "S", 24.7, 1.36),
    ]
    assert [(one.ordre, one.description, one.montant_ht) for one in facture.lignes][3:] == [
        (4, "Livre", 24.7),
        (5, "Repas", 45.5),
    ]


async def test_R02_totals_are_reckoned_without_an_invoice(
    factures: InvoiceServiceStub, made: Invoices
) -> None:
    """Nothing is stored; lines at 0 % need no reason; a rate of nobody is refused."""
    request = pb.CalculateTotalsRequest(lignes=[pb.LigneInput(**one) for one in R3])
    answer = await factures.CalculateTotals(request)
    assert (answer.montant_ht, answer.montant_tva, answer.montant_ttc) == (100.11, 11.89, 112)
    assert list(answer.montants_ht) == [9.97, 9.97, 9.97, 24.7, 45.5]
    assert [one.montant_tva for one in answer.ventilation_tva] == [5.98, 4.55, 1.36]
    free = pb.LigneInput(description="x", quantite=1, prix_unitaire=5, taux_tva=0)
    odd = pb.LigneInput(description="x", quantite=1, prix_unitaire=5, taux_tva=3)
    answer = await factures.CalculateTotals(pb.CalculateTotalsRequest(lignes=[free]))
    assert (answer.montant_ttc, answer.ventilation_tva[0].categorie) == (5, "")
    assert not (await factures.List(pb.ListFacturesRequest())).factures
    for lignes, reason in (([], "CHAMP_REQUIS"), ([odd], "TAUX_NON_AUTORISE")):
        call = factures.CalculateTotals(pb.CalculateTotalsRequest(lignes=lignes))
        assert await refused(call) == (StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize(
    ("montant", "ht", "tva"),
    [("1000", "833.33", "166.67"), ("49.90", "41.58", "8.32"), ("29.97", "24.98", "4.99")],
)
async def test_R04_the_client_pays_exactly_the_amount(
    made: Invoices, montant: str, ht: str, tva: str
) -> None:
    """The VAT is what the base leaves, even where R2 would say 5.00."""
    facture = await made.issued(montant=float(montant))
    assert (facture.montant_ht, facture.montant_tva, facture.montant_ttc) == (
        float(ht),
        float(tva),
        float(montant),
    )
    assert facture.ventilation_tva[0].montant_tva == float(tva)
    (line,) = facture.lignes
    assert (line.description, line.quantite, line.prix_unitaire) == ("Prestation", 1, float(ht))


async def test_R04_an_amount_may_be_without_taxes(made: Invoices) -> None:
    """With mode_montant HT it is the base."""
    facture = await made.issued(montant=100, mode_montant="HT", libelle="Forfait", taux_tva=5.5)
    assert (facture.montant_ht, facture.montant_ttc) == (100, 105.5)
    assert facture.lignes[0].description == "Forfait"


async def test_R46_amounts_by_rate_are_paid_exactly(made: Invoices) -> None:
    """Each is a line; a row at 0 % has the reason of the invoice."""
    facture = await made.issued(
        montants=[
            {"montant": 29.97, "taux_tva": 20, "libelle": "Conseil", "produit_id": "prod-1"},
            {"montant": 10, "taux_tva": 5.5},
            {"montant": 7, "taux_tva": 0},
        ],
        motif_exoneration="EXONERATION_261C",
    )
    assert (facture.montant_ht, facture.montant_tva, facture.montant_ttc) == (41.46, 5.51, 46.97)
    assert [(one.taux, one.categorie, one.base_ht, one.montant_tva) for one in facture.ventilation_tva] == [
        (20, "S", 24.98, 4.99),
        (5.5, "S", 9.48, 0.52),
        (0, "E", 7, 0),
    ]
    assert [one.produit_id for one in facture.lignes] == ["prod-1", "", ""]


@given(st.lists(lines, min_size=1, max_size=20))
def test_R02_totals_add_up(lignes: list[Ligne]) -> None:
    """Sums are those of the lines; the VAT of a rate is that of its base, and never depends on order."""
    of = totaux.of_lignes(lignes)
    assert of.ht == sum(one.montant_ht for one in lignes)
    assert of.ttc == of.ht + sum(part.montant_tva for part in of.parts)
    assert all(part.montant_tva == rounded(part.base_ht * part.taux / 100) for part in of.parts)
    assert totaux.of_lignes(lignes[::-1]).parts == of.parts
    assert [part.taux for part in of.parts] == sorted({one.taux_tva for one in lignes}, reverse=True)


@given(st.lists(st.builds(Montant, cents, rates), min_size=1, max_size=20))
def test_R04_R46_amounts_with_taxes_are_kept(montants: list[Montant]) -> None:
    """To the cent, with VAT within a cent a row of what the law's formula gives (BR-CO-17)."""
    of = totaux.of_montants(montants)
    assert of.ttc == sum(one.montant for one in montants)
    assert of.ht == sum(one.montant_ht for one in of.lignes)
    for part in of.parts:
        rows = sum(one.taux_tva == part.taux for one in montants)
        assert abs(part.montant_tva - part.base_ht * part.taux / 100) <= D("0.01") * rows
