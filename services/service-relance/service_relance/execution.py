"""Runs: what is due is looked at, client by client, and carried out (R10 to R18).

The job runs every hour, `moteur.py` on request. What a run decides stands in `decisions.py`, what it
asks in `verification.py` and `renseignements.py`, what it sends in `envois.py`.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Any, Final

from db_utils import Scope, clock, within
from service_kit import AGAIN, App, Worker
from sqlalchemy import Date, String, bindparam, select

from service_relance import rules
from service_relance.calendrier import eligible, recompute_marked
from service_relance.envois import drop_orphans
from service_relance.models import PLANIFIEE, Relance
from service_relance.passage import SILENCES, Passage, Resultat, carry_out, waits

HORS_HORAIRES, JOUR_NON_OUVRE = "HORS_HORAIRES", "JOUR_NON_OUVRE"  # motifs to wait
_EVERY: Final = timedelta(hours=1)
_is_due = (Relance.statut == PLANIFIEE, Relance.date_prevue <= bindparam("jour", type_=Date))
_ORGANISATIONS = select(Relance.organisation_id).where(*_is_due).distinct()
_DUE = (
    select(Relance)
    .where(*_is_due)
    .where(bindparam("client_id", type_=String).in_(["", Relance.client_id]))
    .order_by(Relance.date_prevue, Relance.id)
)


def only_run(app: App[Any], organisation_id: str) -> AbstractAsyncContextManager[bool]:
    """Whether no other run of the organisation is in progress, while inside (C18)."""
    return app.database.exclusive(f"relances/{organisation_id}")


async def carry_out_due(app: App[Any]) -> object:
    """Carry out what is due in each organisation (a job); does nothing outside the hours of work (R10).

    Returns AGAIN when something waits for a service that was away.
    """
    left = await recompute_marked(app)
    if not rules.is_open(clock.now()):
        return left
    await drop_orphans(app)
    for organisation_id in await app.database.read().all(_ORGANISATIONS, jour=clock.today()):
        with within(Scope(organisation_id)):
            async with only_run(app, organisation_id) as alone:
                results = await run(app, Passage(clock.today(), patient=True)) if alone else []
                if any(result.motif in SILENCES for result in results):
                    left = AGAIN
    return left


async def run(app: App[Any], passage: Passage, client_id: str = "") -> list[Resultat]:
    """Carry out what is due in the organisation of the scope, for *client_id* alone unless it is empty.

    What is due the longest comes first. Returns what became of each reminder that was due.
    """
    due = await app.database.read().all(_DUE, jour=passage.jour, client_id=client_id)
    if not passage.dry_run and not rules.is_open(clock.now()):
        return [waits(relance, HORS_HORAIRES) for relance in due]
    open_for, closed = await _on_working_days(app, passage.today, due)
    results = [waits(relance, JOUR_NON_OUVRE) for relance in closed]
    for client, relances in _by_client(open_for).items():
        results += await carry_out(app, passage, client, relances)
    return results


async def _on_working_days(
    app: App[Any], today: date, due: Sequence[Relance]
) -> tuple[list[Relance], list[Relance]]:
    """*due* by whether *today* is a working day of the société (R10)."""
    is_working = {
        societe_id: (await eligible(app, societe_id, today)).date == today
        for societe_id in {relance.societe_id for relance in due}
    }
    working = [relance for relance in due if is_working[relance.societe_id]]
    return working, [relance for relance in due if not is_working[relance.societe_id]]


def _by_client(due: Sequence[Relance]) -> dict[str, list[Relance]]:
    """*due* by client, the client with the oldest first."""
    clients: dict[str, list[Relance]] = {}
    for relance in due:
        clients.setdefault(relance.client_id, []).append(relance)
    return clients


EXECUTION = Worker("execution", carry_out_due, every=_EVERY)
