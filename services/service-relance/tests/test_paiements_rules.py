"""Payments as pure rules: what is still owed (R19), and which levels are planned again (R9)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.factures.factures_pb2 import Facture, Reglement
from db_utils import uuid7
from service_relance.models import ReglementVu, Relance
from service_relance.paiements_rules import bases, open_again, still_owed

_DELAYS = {1: 15, 2: 30, 3: 45}


def seen(payment_id: str, montant: str, *, rejected: bool = False, received: bool = True) -> ReglementVu:
    """A payment of which events told."""
    return ReglementVu(
        organisation_id="org-123",
        payment_id=payment_id,
        facture_id="facture-7",
        montant=Decimal(montant),
        date_reception=date(2026, 2, 5) if received else None,
        rejete_le=date(2026, 3, 20) if rejected else None,
    )


def facture(solde: float, *reglements: Reglement, trop_percu: float = 0.0) -> Facture:
    """An invoice as factures knows it."""
    return Facture(solde=solde, trop_percu=trop_percu, reglements=reglements)


def held(payment_id: str, montant: float, annule: float = 0.0) -> Reglement:
    """A payment that factures knows."""
    return Reglement(payment_id=payment_id, montant=montant, montant_annule=annule)


@pytest.mark.parametrize(
    ("told", "payments", "owed"),
    [
        (facture(49.9), [seen("p-1", "49.90")], "0.00"),
        (facture(49.9), [seen("p-1", "20.00")], "29.90"),
        (facture(0.0, held("p-1", 49.9)), [seen("p-1", "49.90")], "0.00"),
        (facture(100.0), [seen("p-1", "50.00"), seen("p-2", "50.00")], "0.00"),
        (facture(50.0, held("p-1", 50.0)), [seen("p-1", "50.00"), seen("p-2", "50.00")], "0.00"),
        (facture(100.0), [seen("p-1", "100.00", rejected=True), seen("p-2", "50.00")], "50.00"),
        (
            facture(0.0, held("p-1", 100.0)),
            [seen("p-1", "100.00", rejected=True), seen("p-2", "50.00")],
            "50.00",
        ),
        (
            facture(100.0, held("p-1", 100.0, annule=100.0)),
            [seen("p-1", "100.00", rejected=True), seen("p-2", "100.00")],
            "0.00",
        ),
        (
            facture(0.0, held("p-1", 100.0), held("p-2", 100.0), trop_percu=100.0),
            [seen("p-1", "100.00", rejected=True), seen("p-2", "100.00")],
            "0.00",
        ),
        (facture(100.0), [seen("p-1", "100.00", rejected=True, received=False)], "100.00"),
    ],
)
def test_R19_every_payment_seen_counts_once(told: Facture, payments: list[ReglementVu], owed: str) -> None:
    """Whether factures knows of it, of its rejection, or not yet."""
    assert still_owed(told, (), payments) == Decimal(owed)


def test_R19_an_invoice_of_another_system_is_owed_as_it_was_planned() -> None:
    """One of which nobody knows the amount is not settled."""
    planned = [level(1, montant=Decimal("100.00")), level(2, montant=Decimal("100.00"))]
    assert still_owed(None, planned, [seen("p-1", "60.00"), seen("p-2", "40.00")]) == 0
    assert still_owed(None, planned, [seen("p-1", "60.00")]) == 40
    assert still_owed(None, [], [seen("p-1", "60.00")]) is None


def level(niveau: int, statut: str = "ANNULEE", motif: str | None = "REGLEE", **fields: Any) -> Relance:
    """A level of an invoice due on 5 February 2026."""
    usual = {
        "id": uuid7(),
        "organisation_id": "org-123",
        "regle_id": uuid7(),
        "declencheur": "IMPAYE",
        "client_id": "client-123",
        "facture_id": "facture-7",
        "date_echeance": date(2026, 2, 5),
        "date_prevue": date(2026, 2, 20),
        "a_recalculer": False,
        "cle": f"facture:facture-7:n{niveau}",
    }
    return Relance(**{**usual, "niveau": niveau, "statut": statut, "motif": motif, **fields})


@pytest.mark.parametrize(
    ("levels", "again"),
    [
        ([level(1), level(2), level(3)], [1, 2, 3]),
        ([level(1, "EXECUTEE", None), level(2), level(3)], [2, 3]),
        ([level(1, "IGNOREE"), level(2)], [1, 2]),
        ([level(1), level(2, motif="LITIGE"), level(3, motif="Accord")], [1]),
        ([level(1, "ECHEC", None), level(2)], [2]),
        ([level(1), level(1, "PLANIFIEE", None), level(2)], [2]),
        ([level(1), level(1, "EXECUTEE", None), level(1)], []),
        ([level(1, "IGNOREE", "CLIENT_SUPPRIME")], []),
        ([], []),
    ],
)
def test_R09_levels_that_the_payment_had_settled_open_again(levels: list[Relance], again: list[int]) -> None:
    """Not those that were carried out, that are planned, or that somebody has cancelled."""
    assert [one.niveau for one in open_again(levels)] == again


@pytest.mark.parametrize(
    ("levels", "rejet", "days"),
    [
        ((1, 2, 3), date(2026, 3, 20), {1: "2026-04-04", 2: "2026-04-19", 3: "2026-05-04"}),
        ((2, 3), date(2026, 3, 20), {2: "2026-04-04", 3: "2026-04-19"}),
        ((1, 2, 3), date(2026, 2, 6), {1: "2026-02-21", 2: "2026-03-08", 3: "2026-03-23"}),
        ((1, 2), date(2026, 1, 20), {1: "2026-02-20", 2: "2026-03-07"}),
        ((1, 4), date(2026, 3, 20), {1: "2026-04-04"}),
    ],
)
def test_R09_fifteen_days_lie_between_the_levels_at_least(
    levels: tuple[int, ...], rejet: date, days: dict[int, str]
) -> None:
    """A day that comes later by the rule stays; a level without a rule is not planned."""
    counted = bases([level(one) for one in levels], _DELAYS, rejet)
    assert {niveau: day.isoformat() for niveau, day in counted.items()} == days
