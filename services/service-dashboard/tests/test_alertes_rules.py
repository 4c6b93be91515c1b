"""Levels of alerts: the bounds of R10 one by one, as pure functions."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from crm.dashboard import dashboard_pb2 as pb
from service_dashboard.alertes_rules import (
    OBJECTIF_CA,
    ORGANISATION,
    SOCIETE,
    TAUX_CHURN,
    TAUX_IMPAYES,
    Constat,
    Entite,
    alertes,
    attained,
    crossed,
)

APRIL_15 = date(2026, 4, 15)
WHOLE = Entite(ORGANISATION, "org-1")


def of(*constats: Constat, today: date = APRIL_15) -> list[pb.Alerte]:
    """The alerts of org-1."""
    return alertes("org-1", constats, today)


@pytest.mark.parametrize(
    ("type", "valeur", "expected"),
    [
        (TAUX_IMPAYES, "15.00", ("critique", 15)),
        (TAUX_IMPAYES, "14.99", ("avertissement", 10)),
        (TAUX_IMPAYES, "10.00", ("avertissement", 10)),
        (TAUX_IMPAYES, "9.99", ("info", 5)),
        (TAUX_IMPAYES, "5.00", ("info", 5)),
        (TAUX_IMPAYES, "4.99", None),
        (TAUX_CHURN, "10.00", ("critique", 10)),
        (TAUX_CHURN, "9.99", ("avertissement", 5)),
        (TAUX_CHURN, "5.00", ("avertissement", 5)),
        (TAUX_CHURN, "4.99", ("info", 3)),
        (TAUX_CHURN, "3.00", ("info", 3)),
        (TAUX_CHURN, "2.99", None),
        (OBJECTIF_CA, "69.99", ("critique", 70)),
        (OBJECTIF_CA, "70.00", ("avertissement", 85)),
        (OBJECTIF_CA, "84.99", ("avertissement", 85)),
        (OBJECTIF_CA, "85.00", ("info", 95)),
        (OBJECTIF_CA, "94.99", ("info", 95)),
        (OBJECTIF_CA, "95.00", None),
    ],
)
def test_R10_each_bound_makes_its_level(type: str, valeur: str, expected: tuple[str, int] | None) -> None:
    """A rate alarms from its bound on, revenue below it."""
    assert crossed(Constat(type, WHOLE, Fraction(valeur))) == expected


@pytest.mark.parametrize(
    ("realise", "valeur", "niveau"),
    [
        ("10400", 69.33, "critique"),
        ("12700", 84.67, "avertissement"),
        ("14200", 94.67, "info"),
        ("14300", 95.33, None),
    ],
)
def test_R10_revenue_is_compared_with_the_objective_of_the_elapsed_days(
    realise: str, valeur: float, niveau: str | None
) -> None:
    """Of 30 000 for April 15 000 are due on the 15th."""
    share = attained(Decimal(realise), Decimal(30_000), APRIL_15)
    assert share is not None
    assert round(float(share), 2) == valeur
    assert [one.niveau for one in of(Constat(OBJECTIF_CA, WHOLE, share))] == ([niveau] if niveau else [])


def test_R10_without_an_objective_revenue_is_no_alert() -> None:
    """Nothing is a part of 0."""
    assert attained(Decimal(0), Decimal(0), APRIL_15) is None


def test_R15_the_exact_figure_decides_not_the_rounded_one() -> None:
    """14.996 % are told as 15.00 and are no critical alert."""
    (alerte,) = of(Constat(TAUX_IMPAYES, WHOLE, Fraction("14.996")))
    assert (alerte.valeur_actuelle, alerte.niveau, alerte.seuil) == (15.00, "avertissement", 10)


def test_R10_an_alert_says_what_is_not_well() -> None:
    """In French, with the bound that was crossed, since midnight in Paris."""
    (alerte,) = of(Constat(TAUX_CHURN, Entite(SOCIETE, "soc-1", "Nord"), Fraction("4.2")))
    alerte.id = ""
    expected = pb.Alerte(
        titre="Taux de résiliation élevé",
        description="Nord : 4,20 % des contrats actifs au début du mois ont été résiliés.",
        niveau="info",
        type="taux_churn",
        valeur_actuelle=4.2,
        seuil=3,
        entite_concernee="societe",
        entite_id="soc-1",
    )
    expected.date_detection.FromJsonString("2026-04-14T22:00:00Z")
    assert alerte == expected


def test_R10_alerts_stand_in_the_order_of_level_type_and_entity() -> None:
    """The organisation before its sociétés."""
    nord, sud = Entite(SOCIETE, "nord", "Nord"), Entite(SOCIETE, "sud", "Sud")
    found = of(
        Constat(TAUX_IMPAYES, sud, Fraction(5)),
        Constat(TAUX_IMPAYES, nord, Fraction(20)),
        Constat(TAUX_IMPAYES, WHOLE, Fraction(20)),
        Constat(TAUX_CHURN, sud, Fraction(10)),
        Constat(OBJECTIF_CA, WHOLE, Fraction(80)),
    )
    assert [(one.niveau, one.type, one.entite_id) for one in found] == [
        ("critique", TAUX_CHURN, "sud"),
        ("critique", TAUX_IMPAYES, "org-1"),
        ("critique", TAUX_IMPAYES, "nord"),
        ("avertissement", OBJECTIF_CA, "org-1"),
        ("info", TAUX_IMPAYES, "sud"),
    ]


def test_R10_an_alert_keeps_its_id_during_a_month() -> None:
    """Whatever its level; another entity, type or month has another one."""
    same = [
        of(Constat(TAUX_IMPAYES, WHOLE, Fraction(rate)), today=date(2026, 4, day))[0].id
        for rate, day in ((5, 1), (20, 30))
    ]
    others = [
        of(Constat(TAUX_CHURN, WHOLE, Fraction(20)))[0].id,
        of(Constat(TAUX_IMPAYES, Entite(SOCIETE, "org-1", "Nord"), Fraction(20)))[0].id,
        of(Constat(TAUX_IMPAYES, WHOLE, Fraction(20)), today=date(2026, 5, 1))[0].id,
        alertes("org-2", [Constat(TAUX_IMPAYES, WHOLE, Fraction(20))], APRIL_15)[0].id,
    ]
    assert (len(set(same)), len({*same, *others})) == (1, 5)
