"""Import of statements: what each row of R26 does to a payment, each by a file of its own."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from tests.bank_files import (
    CAMT_2009,
    CAMT_2019,
    CAMT_NAMESPACES,
    NOWHERE,
    SIX,
    answered,
    batch,
    camt,
    charges,
    detail,
    entry,
    instructed,
    pain,
    returned,
    transaction,
    why,
)
from tests.encaissements import Encaissements

BACK = date(2026, 3, 9)


@pytest.mark.parametrize("namespace", CAMT_NAMESPACES)
async def test_R26_a_credit_of_an_id_settles_its_debit(banque: Encaissements, namespace: str) -> None:
    """R18: received on the day of the booking, and told once."""
    debit = await banque.submitted()
    answer = await banque.report(
        camt(entry("10.00", "CRDT", detail(debit.end_to_end_id), day="2026-03-05"), namespace=namespace)
    )
    stored = await banque.read(debit)
    assert ("PAID", date(2026, 3, 5), 1) == (stored.statut, stored.date_reception, answer.nb_regles)
    assert [
        (event.montant, event.societe_id, event.date_reception.ToJsonString())
        for event in await banque.events(PaymentReceivedEvent, str(debit.id))
    ] == [(10.0, "soc-1", "2026-03-05T12:00:00Z")]


async def left(banque: Encaissements, *entries: str, namespace: str = CAMT_2009) -> list[tuple[str, bool]]:
    """Import *entries*, and return what the import leaves to people and whether it tells them."""
    answer = await banque.report(camt(*entries, namespace=namespace))
    return [(line.motif, line.alerte) for line in answer.non_rapproches]


@pytest.mark.parametrize("namespace", [CAMT_2009, SIX])
@pytest.mark.parametrize("status", ["INFO", "PDNG", "FUTR"])
async def test_R26_what_is_not_booked_changes_nothing(
    banque: Encaissements, status: str, namespace: str
) -> None:
    debit = await banque.submitted()
    answer = await banque.report(
        camt(
            entry(
                "10.00", "DBIT", detail(debit.end_to_end_id, returned("AM04")), status=f"<Sts>{status}</Sts>"
            ),
            namespace=namespace,
        )
    )
    assert (await banque.statut(debit), answer.nb_ignores, answer.nb_rejetes) == ("SUBMITTED", 1, 0)


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
async def test_R26_our_own_transfer_that_comes_back_is_no_debit(
    banque: Encaissements, namespace: str
) -> None:
    """Even under the id of a debit."""
    debit = await banque.submitted()
    coming = entry("10.00", "CRDT", detail(debit.end_to_end_id, returned("AC04")))
    assert await left(banque, coming, namespace=namespace) == [("VIREMENT_RETOURNE", False)]
    assert await banque.statut(debit) == "SUBMITTED"


@pytest.mark.parametrize("namespace", [CAMT_2009, NOWHERE])
async def test_R26_a_return_that_the_bank_takes_back_is_told(banque: Encaissements, namespace: str) -> None:
    debit = await banque.submitted(statut="REJECTED", date_rejet=BACK)
    coming = entry("10.00", "CRDT", detail(debit.end_to_end_id), family="IDDT", reversal=True)
    assert await left(banque, coming, namespace=namespace) == [("CONTREPASSATION", True)]
    assert await banque.statut(debit) == "REJECTED"


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
async def test_R26_a_credit_of_another_amount_settles_nothing(banque: Encaissements, namespace: str) -> None:
    debit = await banque.submitted()
    coming = entry("10.01", "CRDT", detail(debit.end_to_end_id))
    assert await left(banque, coming, namespace=namespace) == [("MONTANT_INEXPLIQUE", True)]
    assert await banque.statut(debit) == "SUBMITTED"
    assert len(await banque.alerts()) == 1


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
@pytest.mark.parametrize("by", ["pmt_inf_id", "msg_id", "without details"])
async def test_R26_a_batch_that_is_booked_as_one_settles_all_its_debits(
    banque: Encaissements, by: str, namespace: str
) -> None:
    remise, debits = await banque.lot("10.00", "12.50")
    name = f"{remise.msg_id}-001"
    inside = {
        "pmt_inf_id": (batch(name, 2),),
        "msg_id": (batch(msg_id=remise.msg_id, count=2),),
        "without details": (batch(name), detail("NOTPROVIDED", amount="10.00"), detail("", amount="12.50")),
    }[by]
    answer = await banque.report(camt(entry("22.50", "CRDT", *inside), namespace=namespace))
    assert [await banque.statut(one) for one in debits] == ["PAID", "PAID"]
    assert (answer.nb_regles, len(answer.non_rapproches)) == (2, 0)


@pytest.mark.parametrize(("amount", "count"), [("22.49", 2), ("22.50", 3)])
@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
async def test_R26_a_batch_of_another_sum_or_number_settles_nothing(
    banque: Encaissements, amount: str, count: int, namespace: str
) -> None:
    remise, debits = await banque.lot("10.00", "12.50")
    coming = entry(amount, "CRDT", batch(f"{remise.msg_id}-001", count))
    assert await left(banque, coming, namespace=namespace) == [("LOT_INEXPLIQUE", True)]
    assert [await banque.statut(one) for one in debits] == ["SUBMITTED", "SUBMITTED"]


async def test_R26_refused_debits_do_not_count_in_a_batch(banque: Encaissements) -> None:
    remise, debits = await banque.lot("10.00", "12.50")
    await banque.report(
        pain(answered(f"{remise.msg_id}-001", transaction(debits[0].end_to_end_id, "RJCT", why("AC01"))))
    )
    answer = await banque.report(camt(entry("12.50", "CRDT", batch(f"{remise.msg_id}-001", 1))))
    assert ([await banque.statut(one) for one in debits], answer.nb_regles) == (["REJECTED", "PAID"], 1)


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
@pytest.mark.parametrize("before", ["SUBMITTED", "PAID", "PARTIALLY_REFUNDED"])
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (returned("AM04"), "AM04"),
        (returned("DU01"), "DU01"),
        (returned(proprietary="Z-77"), "Z-77"),
        (returned(), "INCONNU"),
    ],
)
async def test_R26_a_return_is_never_dropped_because_of_its_code(
    banque: Encaissements, before: str, reason: str, code: str, namespace: str
) -> None:
    """The code stays as the bank writes it; one that is missing is told to finance."""
    debit = await banque.submitted(statut=before)
    going = entry("10.00", "DBIT", detail(debit.end_to_end_id, reason))
    answer = await banque.report(camt(going, namespace=namespace))
    stored = await banque.read(debit)
    assert ("REJECTED", code, BACK, 1) == (
        stored.statut,
        stored.motif_rejet,
        stored.date_rejet,
        answer.nb_rejetes,
    )
    assert [(code, 10.0)] == [
        (event.motif_rejet, event.montant)
        for event in await banque.events(PaymentRejectedEvent, str(debit.id))
    ]
    assert (code == "INCONNU") == bool(await banque.alerts())


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
@pytest.mark.parametrize("how", [{"reversal": True, "family": "RCDT"}, {"family": "IDDT", "sub": "UPDD"}])
async def test_R26_a_debit_that_is_booked_back_without_a_reason_is_a_return(
    banque: Encaissements, how: dict[str, Any], namespace: str
) -> None:
    debit = await banque.submitted(statut="PAID")
    await banque.report(camt(entry("10.00", "DBIT", detail(debit.end_to_end_id), **how), namespace=namespace))
    stored = await banque.read(debit)
    assert (stored.statut, stored.motif_rejet, stored.r_type) == ("REJECTED", "INCONNU", "RETOUR")


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
async def test_R27_a_return_is_booked_with_the_fees_of_the_bank(
    banque: Encaissements, namespace: str
) -> None:
    """15.50 = 10.00 + 3.00 + 2.50; events and règlements carry 10.00."""
    debit = await banque.submitted(statut="PAID")
    inside = detail(
        debit.end_to_end_id, instructed("10.00", "15.50"), charges("3.00", "2.50"), returned("MD06")
    )
    answer = await banque.report(camt(entry("15.50", "DBIT", inside), namespace=namespace))
    stored = await banque.read(debit)
    assert ("REJECTED", Decimal("5.50"), "REMBOURSEMENT", 5.5) == (
        stored.statut,
        stored.frais_bancaires,
        stored.r_type,
        answer.total_frais,
    )
    assert [event.montant for event in await banque.events(PaymentRejectedEvent, str(debit.id))] == [10.0]


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
@pytest.mark.parametrize(
    ("going", "motif", "alerte"),
    [
        (entry("15.50", "DBIT", detail("ID", returned("AM04"))), "MONTANT_INEXPLIQUE", True),
        (entry("10.00", "DBIT", detail("ID"), family="ACMT", sub="CHRG"), "MONTANT_INEXPLIQUE", True),
        (entry("10.00", "DBIT", detail("ID", returned("AM04")), devise="CHF"), "DEVISE", False),
        (entry("10.00", "DBIT", detail("E-autre", returned("AM04"))), "ID_INCONNU", True),
        (entry("10.00", "CRDT", detail("E-autre"), family="IDDT"), "ID_INCONNU", False),
    ],
)
async def test_R26_R28_what_is_not_explained_changes_nothing_and_is_listed(
    banque: Encaissements, going: str, motif: str, alerte: bool, namespace: str
) -> None:
    debit = await banque.submitted()
    assert [(motif, alerte)] == await left(
        banque, going.replace(">ID<", f">{debit.end_to_end_id}<"), namespace=namespace
    )
    assert ("SUBMITTED", alerte) == (await banque.statut(debit), bool(await banque.alerts()))


@pytest.mark.parametrize("namespace", [CAMT_2009, CAMT_2019])
async def test_R26_returns_as_one_amount_do_not_say_which(banque: Encaissements, namespace: str) -> None:
    remise, debits = await banque.lot("10.00", "12.50")
    going = entry("22.50", "DBIT", batch(f"{remise.msg_id}-001", 2), family="IDDT")
    assert await left(banque, going, namespace=namespace) == [("RETOUR_GROUPE", True)]
    assert [await banque.statut(one) for one in debits] == ["SUBMITTED", "SUBMITTED"]


async def test_R24_lines_of_something_else_are_only_counted(banque: Encaissements) -> None:
    """A statement holds the whole account."""
    answer = await banque.report(
        camt(
            entry("5.00", "CRDT", detail("NOTPROVIDED")),
            entry("21.67", "DBIT"),
            entry("8.00", "DBIT", detail("X")),
        )
    )
    assert (answer.nb_ignores, len(answer.non_rapproches), answer.nb_transactions) == (3, 0, 3)
