"""What avoirs come to (R21): worked examples, and what holds for every series of avoirs."""

from decimal import Decimal

import pytest
from db_utils import uuid7
from hypothesis import given
from hypothesis import strategies as st
from service_factures import avoirs_rules, totaux
from service_factures.avoirs_rules import Avoir, AvoirTropEleve, Credit, RienACrediter
from service_factures.totaux import Ligne, Montant, Part
from tests.test_totaux import cents, ligne, lines, rates

D = Decimal
R3 = totaux.of_lignes(
    [*[ligne("1", "9.97", "20")] * 3, ligne("2", "12.35", "5.5"), ligne("1", "45.50", "10")]
).parts


def sums(avoir: Avoir) -> list[tuple[str, str, str]]:
    """TTC, base and VAT at each rate."""
    return [(str(part.ttc), str(part.base_ht), str(part.montant_tva)) for part in avoir.totaux.parts]


def test_R21_the_worked_avoirs() -> None:
    """Twice 56.00 of 112.00: the second differs, and together they are exactly the invoice."""
    first = avoirs_rules.of_montant("x", D("56.00"), R3)
    assert sums(first) == [
        ("17.95", "14.96", "2.99"),
        ("25.03", "22.75", "2.28"),
        ("13.02", "12.34", "0.68"),
    ]
    assert (first.totaux.ht, first.totaux.tva) == (D("50.05"), D("5.95"))
    rest = avoirs_rules.restes(R3, first.totaux.parts)
    second = avoirs_rules.of_montant("x", D("56.00"), rest)
    assert sums(second) == [
        ("17.94", "14.95", "2.99"),
        ("25.02", "22.75", "2.27"),
        ("13.04", "12.36", "0.68"),
    ]
    assert (second.totaux.ht, second.totaux.tva) == (D("50.06"), D("5.94"))
    assert all(not part.ttc for part in avoirs_rules.restes(rest, second.totaux.parts))


def test_R21_the_rest_of_a_single_amount_is_its_own() -> None:
    """24.98 + 4.99, where R2 would credit 5.00."""
    parts = totaux.of_montants([Montant(D("29.97"), D(20))]).parts
    assert sums(avoirs_rules.of_montant("x", D("29.97"), parts)) == [("29.97", "24.98", "4.99")]
    assert sums(avoirs_rules.of_rest("x", parts)) == [("29.97", "24.98", "4.99")]


def test_R21_more_than_the_rest_is_refused() -> None:
    """By a cent; and nothing is left of nothing."""
    with pytest.raises(AvoirTropEleve):
        avoirs_rules.of_montant("x", D("112.01"), R3)
    with pytest.raises(RienACrediter):
        avoirs_rules.of_rest("x", avoirs_rules.restes(R3, R3))


parts_of_lines = st.lists(lines, min_size=1, max_size=8).map(lambda rows: totaux.of_lignes(rows).parts)
parts_of_amounts = st.lists(st.builds(Montant, cents, rates), min_size=1, max_size=8).map(
    lambda rows: totaux.of_montants(rows).parts
)


@given(st.one_of(parts_of_lines, parts_of_amounts), st.lists(st.integers(1, 99), max_size=6))
def test_R21_avoirs_never_pass_the_invoice(origin: tuple[Part, ...], shares: list[int]) -> None:
    """Each comes to its amount, no rate passes its rest in base or VAT, and the last gets exactly that."""
    rest = tuple(origin)
    for share in shares:
        left = sum((part.ttc for part in rest), D(0))
        montant = (left * share / 100).quantize(D("0.01"))
        if not montant:
            continue
        avoir = avoirs_rules.of_montant("x", montant, rest)
        assert avoir.totaux.ttc == montant
        rest = avoirs_rules.restes(rest, avoir.totaux.parts)
        assert all(part.base_ht >= 0 and part.montant_tva >= 0 for part in rest)
    if any(part.ttc for part in rest):
        last = avoirs_rules.of_montant("x", sum((part.ttc for part in rest), D(0)), rest)
        rest = avoirs_rules.restes(rest, last.totaux.parts)
    assert all(not part.base_ht and not part.montant_tva for part in rest)


@given(st.lists(lines, min_size=1, max_size=4), st.lists(st.integers(1, 99), min_size=1, max_size=4))
def test_R21_lines_credited_in_parts_come_to_the_invoice(lignes: list[Ligne], shares: list[int]) -> None:
    """Each line in parts of its quantity and then its rest, one avoir each: exactly the invoice."""
    of = totaux.of_lignes(lignes)
    rest = of.parts
    left = [one.quantite for one in lignes]
    deja = [D(0)] * len(lignes)
    for position, one in enumerate(lignes):
        parts = [(left[position] * share / 300).quantize(D("0.001")) for share in shares[:2]]
        for quantite in [*filter(None, parts), None]:
            wanted = left[position] if quantite is None else quantite
            credit = Credit(uuid7(), one, wanted, left[position], deja[position])
            left[position] -= wanted
            whole = {
                rate: not any(q for q, other in zip(left, lignes, strict=True) if other.taux_tva == rate)
                for rate in of.rates
            }
            avoir = avoirs_rules.of_lignes([credit], rest, whole)
            deja[position] += credit.montant_ht
            rest = avoirs_rules.restes(rest, avoir.totaux.parts)
            assert all(part.base_ht >= 0 and part.montant_tva >= 0 for part in rest)
    assert all(not part.base_ht and not part.montant_tva for part in rest)
    assert deja == [one.montant_ht for one in lignes]
