"""Ten thousand échéances through invoice, debit, report and commission: every figure agrees in the end."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any, Final

import pytest
from service_kit.registry import services
from service_testing.command import Command, up

from tests.e2e.money.bank import Bank, bank
from tests.e2e.money.collection import DAYS
from tests.e2e.money.commands import agreed, set_clock
from tests.e2e.money.person import Person, channels_of, person_of
from tests.e2e.money.sale import CLIENT_IBAN, PERIODS, PREMIUM, SOCIETE_IBAN, seller

CONTRACTS: Final = 834  # times twelve
_SIDE_BY_SIDE: Final = 16
_SENT_BACK: Final = 8  # debits of a month that come back after they were paid
_NOTICE: Final = timedelta(days=14)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2400)]


async def test_ten_thousand_echeances_agree_to_the_cent(crm: Command) -> None:
    """A year of debits of 834 contracts; eight of each month come back (MD06) and their commission goes."""
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(up(crm, "--movable-clock"))
        channels = await stack.enter_async_context(channels_of(mesh, services()))
        await set_clock(mesh.crm, "2026-01-12T09:00")
        person = await person_of(mesh.crm, "org-many", channels)
        its_bank = await stack.enter_async_context(bank("2026-01-12"))
        await its_bank.open_account(SOCIETE_IBAN)
        await _sell(person)
        for month, day in enumerate(DAYS, 1):
            await _collect(mesh.crm, person, its_bank, month, day)
            print(f"{day}: {month * CONTRACTS} échéances after {time.monotonic() - started:.0f} s")
        await set_clock(mesh.crm, "2027-01-08T06:00")
        print(await agreed(mesh.crm, "org-many"))


async def _sell(person: Person) -> None:
    """Sign the contracts, of clients and products of another system, each with its mandate."""
    societe_id, apporteur_id = await seller(person)

    async def one(number: int) -> None:
        contrat = await person.call(
            "contrats.ContratService/Create",
            client_id=f"client-{number}",
            produit_id="prod-456",
            montant=PREMIUM,
            frequence_facturation="MENSUELLE",
            duree_mois=PERIODS,
            societe_id=societe_id,
            commercial_id=apporteur_id,
        )
        await person.call(
            "payments.MandateService/Create",
            client_id=f"client-{number}",
            societe_id=societe_id,
            contrat_id=contrat.id,
            iban=CLIENT_IBAN,
            titulaire=f"Client {number}",
            date_signature="2026-01-12",
        )

    await _side_by_side(one(number) for number in range(CONTRACTS))
    await _counted(person, "payments.PaymentScheduleService/List", CONTRACTS, statut="ACTIVE")


async def _collect(crm: Command, person: Person, its_bank: Bank, month: int, day: str) -> None:
    """Invoice, debit and settle the échéances of *day*; some of them come back."""
    await set_clock(crm, f"{date.fromisoformat(day) - _NOTICE}T05:00")
    of_day = {"date_from": day, "date_to": day}
    await _counted(person, "payments.PaymentService/List", CONTRACTS, statut=["PENDING"], **of_day)
    handed_over = await person.call(
        "calendar.CalendarEngineService/AddBusinessDays", date=day, days=-2, zone_code="FR"
    )
    await set_clock(crm, f"{handed_over.date}T06:00")
    await _counted(person, "payments.PaymentService/List", CONTRACTS, statut=["SUBMITTED"], **of_day)
    remises = await person.call("payments.SepaService/ListRemises")
    newest = max(remises.remises, key=lambda row: row.date_remise)
    file = await person.call("payments.SepaService/DownloadRemise", id=newest.id)
    await its_bank.takes(file.content)
    await its_bank.until(day)
    await set_clock(crm, f"{day}T09:30")
    assert (await _imported(person, its_bank)).nb_regles == CONTRACTS
    paid = await person.call("payments.PaymentService/List", statut=["PAID"], **of_day)
    chosen = [row.end_to_end_id for row in paid.payments][:_SENT_BACK]
    await _counted(person, "commission.CommissionService/List", month * CONTRACTS, role="COMMERCIAL")
    for name in chosen:
        await its_bank.sends_back(name, "MD06")
    assert (await _imported(person, its_bank)).nb_rejetes == len(chosen)
    await _counted(person, "commission.CommissionService/List", month * _SENT_BACK, statut="ANNULEE")


async def _imported(person: Person, its_bank: Bank) -> Any:
    """Import what the bank reports, all of it; the sums of its reports."""
    read = [
        await person.call("payments.SepaService/ImportReport", content=report, file_name="camt.054.xml")
        for report in await its_bank.reports("camt.054")
    ]
    assert not [line for one in read for line in one.non_rapproches]
    first = read[0]
    for other in read[1:]:
        first.nb_regles += other.nb_regles
        first.nb_rejetes += other.nb_rejetes
    return first


async def _counted(person: Person, path: str, count: int, **fields: Any) -> None:
    """Wait until the list *path* has *count* rows."""
    pagination = {"with_total": True, "page_size": 1}
    seen = await person.sees(
        path, lambda answer: answer.pagination.total >= count, pagination=pagination, **fields
    )
    assert seen.pagination.total == count


async def _side_by_side(work: Iterable[Awaitable[None]]) -> None:
    slots = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def within(one: Awaitable[None]) -> None:
        async with slots:
            await one

    await asyncio.gather(*map(within, work))
