"""Debits are taken for paid when no return has come in time (R18), by the calendar of their société."""

from datetime import UTC, date, datetime

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent
from db_utils import clock
from service_payments.confirmation_auto import confirm_silent, working_day
from service_testing import Mesh
from tests.debits_due import Debits
from tests.encaissements import Encaissements

DUE = date(2026, 2, 5)


def at(day: int, hour: int) -> datetime:
    """So many o'clock in Paris on a day of February 2026."""
    return datetime(2026, 2, day, hour - 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "day"),
    [(at(13, 5), date(2026, 2, 13)), (datetime(2026, 2, 13, 3, 59, tzinfo=UTC), date(2026, 2, 12))],
)
def test_R18_the_run_of_a_day_comes_at_five(now: datetime, day: date) -> None:
    assert day == working_day(now)


async def test_R18_a_debit_of_5_february_is_confirmed_on_the_13th_at_five(
    mesh: Mesh, banque: Encaissements, due: Debits
) -> None:
    """12 February is the fifth banking day after it; the money counts from the day of the debit."""
    await due.creancier()
    debit = await banque.submitted(date_prelevement=DUE)
    app = mesh["payments"].app
    for now, statut in ((at(12, 12), "SUBMITTED"), (at(13, 4), "SUBMITTED"), (at(13, 5), "PAID")):
        with clock.frozen_at(now):
            await confirm_silent(app)
        assert statut == await banque.statut(debit)
    assert (await banque.read(debit)).date_reception == DUE
    with clock.frozen_at(at(14, 5)):
        await confirm_silent(app)
    assert len(await banque.events(PaymentReceivedEvent, str(debit.id))) == 1


async def test_R18_a_societe_may_want_no_confirmation_by_silence(
    mesh: Mesh, banque: Encaissements, due: Debits
) -> None:
    await due.creancier(confirmation_auto_jours_ouvres=0)
    debit = await banque.submitted(date_prelevement=DUE)
    with clock.frozen_at(datetime(2026, 6, 1, 12, tzinfo=UTC)):
        await confirm_silent(mesh["payments"].app)
    assert await banque.statut(debit) == "SUBMITTED"


async def test_R18_what_was_missed_is_made_good(mesh: Mesh, banque: Encaissements) -> None:
    """Without a creditor the five days of SEPA CORE count."""
    debit = await banque.submitted(date_prelevement=DUE)
    with clock.frozen_at(datetime(2026, 6, 1, 2, tzinfo=UTC)):
        await confirm_silent(mesh["payments"].app)
    assert await banque.statut(debit) == "PAID"
