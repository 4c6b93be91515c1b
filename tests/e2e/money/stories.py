"""The stories of a euro: collected, rejected and presented again, sent back after weeks.

Dates are those of Paris in 2026; each story sells the same contract in an organisation of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.e2e.money.collection import DAYS, Collection
from tests.e2e.money.sale import PREMIUM, give_bank_details

Story = Callable[[Collection], Awaitable[None]]


async def signed(story: Collection) -> None:
    """12/01: the schedule with its twelve days, the mandate, the mail and the archive of the contract."""
    finds = story.person.finds
    contrat_id = story.sale.contrat_id
    (schedule,) = await finds(
        "payments.PaymentScheduleService/List",
        where=lambda row: row.statut == "ACTIVE",
        contrat_id=contrat_id,
    )
    told = await story.person.sees(
        "payments.PaymentScheduleService/Get",
        lambda told: all(one.date_prelevement for one in told.echeances),
        id=schedule.id,
    )
    echeances = sorted(told.echeances, key=lambda row: row.rang)
    assert [row.date_prelevement for row in echeances] == list(DAYS)
    assert {row.montant for row in echeances} == {PREMIUM}
    await finds(
        "calendar.PlannedDebitService/List",
        lambda rows: sorted(row.planned_debit_date for row in rows) == sorted(DAYS),
        date_from=DAYS[0],
        date_to=DAYS[-1],
    )
    await give_bank_details(story.sale)
    await story.mails("contract.signed", 1)
    await finds("documents.PieceJointeService/ListByEntite", entite_type="CONTRAT", entite_id=contrat_id)


async def invoiced(story: Collection) -> Any:
    """22/01, 05:00: the first invoice, told to the client, to finance and on the dashboard; its reminders."""
    await story.gone_at("2026-01-22T04:30")
    await story.until("2026-01-22T05:00")
    facture = await story.facture("FAC2026000001", "EMISE")
    await story.back_at("2026-01-23T05:00")
    assert (facture.montant_ttc, facture.montant_ht, facture.montant_tva) == (49.90, 41.58, 8.32)
    assert facture.date_echeance == "2026-02-05"
    await story.mails("invoice.created", 1)
    await story.person.finds(
        "notifications.NotificationService/List",
        where=lambda row: "FAC2026000001" in f"{row.titre} {row.message}",
    )
    await story.reminders(facture.id, "2026-02-20", "2026-03-09", "2026-03-23")
    return facture


async def paid(story: Collection, facture: Any) -> Any:
    """03/02 the file, 05/02 the credit: the invoice is paid, nobody is reminded, the agent earns 4.16 €."""
    await story.until("2026-02-03T06:00")
    payment = await story.debit("2026-02-05")
    await story.gone_at("2026-02-05T09:00")
    await story.until("2026-02-05T09:30")
    await story.bank.until("2026-02-05")
    read = await story.reports()
    assert (read.nb_regles, read.nb_rejetes, len(read.non_rapproches)) == (1, 0, 0)
    await story.payment("2026-02-05", "PAID")
    await story.facture("FAC2026000001", "PAYEE")
    await story.back_at("2026-02-06T09:30")
    await story.reminders(facture.id, "2026-02-20", "2026-03-09", "2026-03-23", statut="ANNULEE")
    await story.commissions(("INITIALE", "2026-02", 4.16, "EN_ATTENTE"))
    return payment


async def second_debit(story: Collection) -> tuple[Any, Any]:
    """19/02 the second invoice, 03/03 its file: the invoice and the payment of 05/03."""
    await story.until("2026-02-19T05:00")
    facture = await story.facture("FAC2026000002", "EMISE")
    await story.reminders(facture.id, "2026-03-20", "2026-04-07", "2026-04-20")
    await story.until("2026-03-03T06:00")
    return facture, await story.debit("2026-03-05")


async def rejected(story: Collection, facture: Any, payment: Any) -> Any:
    """09/03: AM04. Each of the four who must know does, once; a new presentation is planned for 16/03."""
    await story.until("2026-03-09T09:00")
    await story.came_back(payment.end_to_end_id, "2026-03-09", "AM04")
    await story.payment("2026-03-05", "REJECTED")
    await story.facture("FAC2026000002", "EMISE")
    retry = await attempt(story, payment, 1, "2026-03-16", "SCHEDULED")
    assert retry.attempts[0].date_remise == "2026-03-12"
    (call,) = await story.person.finds("relance.RelanceService/List", declencheur="REJET_PRELEVEMENT")
    assert (call.date_prevue, call.facture_id) == ("2026-03-11", facture.id)
    await story.mails("payment.rejected", 1)
    await story.person.finds(
        "notifications.NotificationService/List",
        lambda rows: len(rows) == 1,
        where=lambda row: "AM04" in f"{row.titre} {row.message} {row.metadata}",
    )
    await story.until("2026-03-11T09:00")
    await story.person.finds(
        "activites.TacheService/List", lambda rows: len(rows) == 1, facture_id=facture.id
    )
    return retry


async def attempt(story: Collection, payment: Any, number: int, day: str, statut: str) -> Any:
    """The re-presentations of *payment*, once the one with *number* is planned for *day* and *statut*."""
    (schedule,) = await story.person.finds(
        "retry.RetryScheduleService/List",
        lambda rows: len(rows) == 1,
        where=lambda row: row.original_payment_id == payment.id,
        client_id=story.sale.client_id,
    )

    wanted = (number, day, statut)
    return await story.person.sees(
        "retry.RetryScheduleService/Get",
        lambda told: wanted in [(row.attempt_number, row.planned_date, row.statut) for row in told.attempts],
        id=schedule.id,
    )


async def presented_again(story: Collection, payment: Any, number: int, remise: str, day: str) -> Any:
    """At 10:00 of *remise* the attempt is submitted and the client told, at 11:00 it goes to the bank."""
    await story.until(f"{remise}T10:00")
    await attempt(story, payment, number, day, "SUBMITTED")
    # A process that was killed today makes its run of 06:00 good, and finds the new debit then.
    await story.payment(day, "PENDING", "SUBMITTED")
    await story.until(f"{remise}T11:00")
    return await story.debit(day)


async def cured_by_the_second_debit(story: Collection) -> None:
    """A, B, 8a: the debit of March comes back, the next one is paid: everything stops, month 2 is earned."""
    await signed(story)
    await paid(story, await invoiced(story))
    facture, payment = await second_debit(story)
    await rejected(story, facture, payment)
    again = await presented_again(story, payment, 1, "2026-03-12", "2026-03-16")
    (listed,) = await story.notices()
    notice = await story.person.call("email.EmailService/Get", id=listed.id)
    for words in ("49,90", "05/03/2026", "16/03/2026", "provision insuffisante"):
        assert words in notice.corps_texte, notice.corps_texte
    await story.until("2026-03-16T09:30")
    await story.bank.until("2026-03-16")
    read = await story.reports()
    assert read.nb_regles == 1
    await story.payment("2026-03-16", "PAID")
    await story.facture("FAC2026000002", "PAYEE")
    await story.reminders(facture.id, "2026-03-20", "2026-04-07", "2026-04-20", statut="ANNULEE")
    done = await attempt(story, payment, 1, "2026-03-16", "SUCCEEDED")
    assert (done.is_resolved, done.resolution_reason) == (True, "RETRY_SUCCEEDED")
    await story.commissions(
        ("INITIALE", "2026-02", 4.16, "EN_ATTENTE"), ("RECURRENCE", "2026-03", 1.25, "EN_ATTENTE")
    )
    assert done.attempts[0].payment_id == again.id
    await story.agreed()


async def exhausted(story: Collection) -> None:
    """A, B, 8b: three presentations come back, and people take over."""
    await signed(story)
    await paid(story, await invoiced(story))
    facture, payment = await second_debit(story)
    await rejected(story, facture, payment)
    first = await presented_again(story, payment, 1, "2026-03-12", "2026-03-16")
    await story.until("2026-03-18T09:00")
    await story.came_back(first.end_to_end_id, "2026-03-18", "AM04")
    await attempt(story, payment, 1, "2026-03-16", "FAILED")
    second = await presented_again(story, payment, 2, "2026-03-18", "2026-03-20")
    await story.until("2026-03-20T09:00")
    await story.reminders(facture.id, "2026-03-25", "2026-04-07", "2026-04-20")
    await story.until("2026-03-24T09:00")
    await story.came_back(second.end_to_end_id, "2026-03-24", "AM04")
    await attempt(story, payment, 3, "2026-03-30", "SCHEDULED")
    await story.until("2026-03-25T09:00")
    await story.reminders(facture.id, "2026-03-25", statut="EXECUTEE")
    third = await presented_again(story, payment, 3, "2026-03-26", "2026-03-30")
    await story.until("2026-04-01T09:00")
    await story.came_back(third.end_to_end_id, "2026-04-01", "AM04")
    over = await attempt(story, payment, 3, "2026-03-30", "FAILED")
    assert (over.is_resolved, over.resolution_reason) == (True, "MAX_ATTEMPTS_REACHED")
    await story.until("2026-04-01T10:00")
    await story.person.finds(
        "relance.RelanceService/List",
        lambda rows: sorted(row.niveau for row in rows) == [1, 2],
        where=lambda row: (row.declencheur, row.statut) == ("IMPAYE", "EXECUTEE"),
        facture_id=facture.id,
    )
    await story.until("2026-04-06T10:00")
    payments = await story.person.finds("payments.PaymentService/List", facture_id=facture.id)
    assert sorted(row.date_prelevement for row in payments) == [
        "2026-03-05",
        "2026-03-16",
        "2026-03-20",
        "2026-03-30",
    ]
    assert {row.statut for row in payments} == {"REJECTED"}
    await story.agreed()


async def late_return(story: Collection) -> None:
    """A, C: what was paid on 05/02 comes back on 20/03 (MD06), and everything it had caused is undone."""
    await signed(story)
    first = await invoiced(story)
    payment = await paid(story, first)
    await second_debit(story)
    await story.until("2026-03-13T05:00")  # no return within five banking days: taken as paid
    await story.payment("2026-03-05", "PAID")
    await story.commissions(
        ("INITIALE", "2026-02", 4.16, "EN_ATTENTE"), ("RECURRENCE", "2026-03", 1.25, "EN_ATTENTE")
    )
    await story.until("2026-03-20T09:00")
    await story.came_back(payment.end_to_end_id, "2026-03-20", "MD06")
    await story.payment("2026-02-05", "REJECTED")
    await story.facture("FAC2026000001", "EMISE")
    await story.commissions(
        ("INITIALE", "2026-02", 4.16, "ANNULEE"), ("RECURRENCE", "2026-03", 1.25, "EN_ATTENTE")
    )
    await story.person.finds(
        "retry.RetryScheduleService/List",
        where=lambda row: row.eligibility == "NOT_ELIGIBLE_REASON_CODE",
        client_id=story.sale.client_id,
    )
    (call,) = await story.person.finds("relance.RelanceService/List", declencheur="REJET_PRELEVEMENT")
    assert call.date_prevue == "2026-03-20"
    await story.reminders(first.id, "2026-04-07", "2026-04-20", "2026-05-04")
    await story.mails("payment.rejected", 1)
    await story.person.finds(
        "calendar.PlannedDebitService/List",
        where=lambda row: (row.planned_debit_date, row.statut) == ("2026-02-05", "FAILED"),
        date_from=DAYS[0],
        date_to=DAYS[0],
    )
    await story.until("2026-03-21T06:00")  # no event tells the dashboard of a return: it asks at night
    await story.agreed()


STORIES: Final[dict[str, Story]] = {
    "cured": cured_by_the_second_debit,
    "exhausted": exhausted,
    "late-return": late_return,
}
