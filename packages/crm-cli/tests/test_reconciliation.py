"""What `crm reconcile` calls a difference; the stories of money run it on a whole mesh."""

from dataclasses import replace
from decimal import Decimal

import pytest
from crm_cli.reconciliation.differences import Facture, Paiement, Part, Readings, differences
from crm_cli.reconciliation.readings import years_of
from service_testing.command import Command

EUROS = Decimal("49.90")
NOTHING = Decimal(0)
PAID = Paiement("p1", "f1", "s1", EUROS, EUROS, EUROS)
BACK = Paiement("p2", "f2", "s1", EUROS, NOTHING, NOTHING)
RIGHT = Readings(
    paiements=[PAID, BACK],
    factures=[Facture("f1", "FAC1", EUROS), Facture("f2", "FAC2", NOTHING)],
    parts=[Part("COM1", "p1", EUROS, Decimal("4.16")), Part("COM2", "p2", EUROS, NOTHING)],
    calendrier={"s1": EUROS},
    tresorerie=EUROS,
)


def told(read: Readings) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(one.service, one.sujet, one.attendu, one.trouve) for one in differences(read)]


def test_services_that_say_the_same_agree() -> None:
    """A payment that came back counts for nothing anywhere."""
    assert told(RIGHT) == []


def test_a_refund_leaves_what_the_calendar_has_debited() -> None:
    """The invoice and the receipts are less by it, in part or whole."""
    for net in (Decimal("29.90"), NOTHING):
        refunded = replace(
            RIGHT,
            paiements=[replace(PAID, net=net), BACK],
            factures=[Facture("f1", "FAC1", net), RIGHT.factures[1]],
            parts=[],
            tresorerie=net,
        )
        assert told(refunded) == []


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (
            replace(RIGHT, factures=[Facture("f1", "FAC1", Decimal("49.89")), RIGHT.factures[1]]),
            ("factures", "FAC1", EUROS, Decimal("49.89")),
        ),
        (
            replace(RIGHT, factures=RIGHT.factures[1:]),
            ("factures", "facture inconnue f1", EUROS, NOTHING),
        ),
        (
            replace(RIGHT, parts=[Part("COM1", "p1", Decimal(50), Decimal(5))]),
            ("commission", "COM1, base", EUROS, Decimal(50)),
        ),
        (
            replace(RIGHT, parts=[Part("COM2", "p2", EUROS, Decimal("1.25"))]),
            ("commission", "COM2, à reprendre", NOTHING, Decimal("1.25")),
        ),
        (
            replace(RIGHT, parts=[Part("COM3", "p3", EUROS, Decimal("1.25"))]),
            ("commission", "COM3, paiement inconnu", NOTHING, EUROS),
        ),
        (replace(RIGHT, calendrier={}), ("calendar", "échéancier s1", EUROS, NOTHING)),
        (
            replace(RIGHT, calendrier={"s1": EUROS, "s2": EUROS}),
            ("calendar", "échéancier s2", NOTHING, EUROS),
        ),
        (
            replace(RIGHT, tresorerie=NOTHING),
            ("dashboard", "encaissements de la période", EUROS, NOTHING),
        ),
    ],
)
def test_a_cent_too_much_or_too_little_is_named(
    read: Readings, expected: tuple[str, str, Decimal, Decimal]
) -> None:
    """With the service that differs from payments, what it is about, and both figures."""
    assert told(read) == [expected]


async def test_services_that_do_not_answer_are_told_in_a_sentence(crm: Command) -> None:
    """No traceback."""
    asked = crm.where(JWT_SECRET="Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg", PAYMENTS_GRPC_ADDR="127.0.0.1:1")
    refused = await asked("reconcile")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("crm: a service does not answer: UNAVAILABLE")


def test_receipts_are_asked_year_by_year() -> None:
    """The dashboard refuses more than five years at once, and an organisation grows older than that."""
    asked = years_of(["2026-02-05", "2019-12-31", "2026-03-01"])
    assert [(one.date_debut, one.date_fin) for one in asked] == [
        ("2019-01-01", "2019-12-31"),
        ("2026-01-01", "2026-12-31"),
    ]
