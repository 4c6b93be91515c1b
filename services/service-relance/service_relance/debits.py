"""Reminders that wait while a debit of their invoice is on its way (R12), which may settle it."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from crm.payments.payments_pb2 import ListPaymentsRequest
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import clock
from service_kit import App

from service_relance import envois
from service_relance.calendrier import plus_business_days
from service_relance.models import IMPAYE, Relance
from service_relance.verification import SILENT

_log = logging.getLogger(__name__)

PRELEVEMENT_EN_COURS, PAYMENTS_MUET = "PRELEVEMENT_EN_COURS", "PAYMENTS_INDISPONIBLE"  # motifs to wait
_MOST_REPORTS: Final = 3
_REPORT: Final = 3  # business days
_PATIENCE: Final = timedelta(hours=3)  # with payments
_ON_ITS_WAY: Final = ("PENDING", "SUBMITTED")
_DEBIT: Final = "SEPA_DEBIT"


async def held_up(
    app: App[Any], ready: Sequence[Relance], today: date, *, dry_run: bool
) -> Mapping[Relance, str]:
    """Those of *ready* that wait, each with its motif; they are postponed unless *dry_run*.

    A debit postpones a reminder by three business days, three times at most. While payments cannot tell,
    its reminders wait for the next run, for three hours.
    """
    asked = [one for one in ready if one.declencheur == IMPAYE and one.nb_reports < _MOST_REPORTS]
    debits = await _debits(app, {one.facture_id for one in asked if one.facture_id})
    held: dict[Relance, str] = {}
    for relance in asked:
        motif = _motif(relance, debits.get(relance.facture_id or "", False))
        if motif:
            held[relance] = motif
        if not dry_run:
            await _note(app, relance, motif, today)
    return held


async def _debits(app: App[Any], factures: Iterable[str]) -> Mapping[str, bool | None]:
    """By invoice whether a debit of it is on its way; None when payments cannot tell."""
    wanted = sorted(factures)
    answers = await asyncio.gather(*(_debit(app, facture_id) for facture_id in wanted))
    return dict(zip(wanted, answers, strict=True))


async def _debit(app: App[Any], facture_id: str) -> bool | None:
    request = ListPaymentsRequest(facture_id=facture_id, statut=_ON_ITS_WAY, moyen=_DEBIT)
    try:
        answer = await app.peers.stub(PaymentServiceStub).List(request)
    except SILENT as error:
        _log.warning("payments does not tell whether a debit of %s is on its way: %r", facture_id, error)
        return None
    return bool(answer.payments)


def _motif(relance: Relance, debit: bool | None) -> str:
    """Why *relance* waits, "" when it does not."""
    if debit is None:
        since = relance.payments_muet_le
        return PAYMENTS_MUET if since is None or clock.now() - since < _PATIENCE else ""
    return PRELEVEMENT_EN_COURS if debit else ""


async def _note(app: App[Any], relance: Relance, motif: str, today: date) -> None:
    """Store what *relance* waits for, and its new day; nothing when it does not wait."""
    changes: dict[str, Any] = {}
    if motif == PAYMENTS_MUET:
        changes = {"payments_muet_le": relance.payments_muet_le or clock.now()}
    elif motif == PRELEVEMENT_EN_COURS:
        day = await plus_business_days(app, relance.societe_id, today, _REPORT)
        changes = {
            "date_prevue": day.date,
            "a_recalculer": day.a_recalculer,
            "nb_reports": relance.nb_reports + 1,
            "motif": motif,
            "payments_muet_le": None,
        }
    if changes:
        async with app.database.transaction() as tx:
            for planned in await envois.planned(tx, [relance]):
                await tx.update(planned, **changes)
