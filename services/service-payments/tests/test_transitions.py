"""The state machine of a payment (R13): the whole table, what is allowed and what is refused."""

from datetime import date
from decimal import Decimal
from itertools import product

import pytest
from db_utils import uuid7
from grpc_utils.errors import TransitionInterdite
from service_payments.models import MOYENS, PAYMENT_STATUTS, Payment
from service_payments.transitions import require_way

ALLOWED = {
    ("PENDING", "SUBMITTED"),
    ("PENDING", "PAID"),
    ("PENDING", "CANCELLED"),
    ("PENDING", "FAILED"),
    ("SUBMITTED", "PAID"),
    ("SUBMITTED", "REJECTED"),
    ("SUBMITTED", "FAILED"),
    ("FAILED", "PENDING"),
    ("FAILED", "PAID"),
    ("PAID", "REJECTED"),
    ("PAID", "PARTIALLY_REFUNDED"),
    ("PAID", "REFUNDED"),
    ("PARTIALLY_REFUNDED", "REFUNDED"),
    ("PARTIALLY_REFUNDED", "REJECTED"),
}


def payment(statut: str, moyen: str = "SEPA_DEBIT", *, emitted: bool = True) -> Payment:
    return Payment(
        organisation_id="org-1",
        client_id="client-123",
        moyen=moyen,
        montant=Decimal("49.90"),
        statut=statut,
        date_prelevement=date(2026, 2, 5),
        end_to_end_id="E1",
        remise_id=uuid7() if emitted else None,
    )


@pytest.mark.parametrize(("de", "vers"), list(product(PAYMENT_STATUTS, PAYMENT_STATUTS)))
def test_R13_only_what_the_table_lists_is_possible(de: str, vers: str) -> None:
    if (de, vers) in ALLOWED:
        require_way(payment(de), vers)
        return
    with pytest.raises(TransitionInterdite) as refused:
        require_way(payment(de), vers)
    assert {"de": de, "vers": vers} == refused.value.metadata
    assert f"(de : {de} ; vers : {vers} ; possibles : " in refused.value.message


def test_R13_the_refusal_names_what_is_possible() -> None:
    with pytest.raises(TransitionInterdite) as refused:
        require_way(payment("SUBMITTED"), "CANCELLED")
    assert "possibles : FAILED, PAID, REJECTED" in refused.value.message


def test_R13_a_debit_that_no_bank_has_seen_is_not_paid() -> None:
    with pytest.raises(TransitionInterdite):
        require_way(payment("PENDING", emitted=False), "PAID")


@pytest.mark.parametrize("moyen", [moyen for moyen in MOYENS if moyen != "SEPA_DEBIT"])
def test_R13_what_is_no_debit_is_paid_at_once_and_never_handed_over(moyen: str) -> None:
    require_way(payment("PENDING", moyen, emitted=False), "PAID")
    for vers in ("SUBMITTED", "FAILED"):
        with pytest.raises(TransitionInterdite):
            require_way(payment("PENDING", moyen, emitted=False), vers)
