"""Rules about reminders that no event causes: ends of contracts (R22), inactive clients (R24). Pure."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from crm.clients.clients_pb2 import ClientBase
from crm.contrats.contrats_pb2 import Contrat
from db_utils.clock import PARIS
from grpc_utils import instant

from service_relance.models import CONTRAT_BIENTOT_EXPIRE, CONTRAT_EXPIRE, RegleRelance, Relance
from service_relance.regles_rules import in_force
from service_relance.rules import Jour, after

STATUTS: Final = {CONTRAT_BIENTOT_EXPIRE: "ACTIF", CONTRAT_EXPIRE: "EXPIRE"}
"""Statut that a contract has about whose end each trigger is."""

_BEGINS = time(7)  # in Paris


def has_begun(now: datetime) -> bool:
    """Tell whether the daily work of the day of *now* may be done (R22)."""
    return now.astimezone(PARIS).time() >= _BEGINS


def fin_avant(regle: RegleRelance, today: date) -> date:
    """Day before which a contract ends that *regle* is due for today or was before (R22)."""
    return after(today, 1 - regle.delai_jours)


def concerns(regle: RegleRelance, contrat: Contrat, regles: Sequence[RegleRelance]) -> bool:
    """Tell whether *regle* is the one of *regles* that reminds of the end of *contrat* (R4, R22).

    A contract that had expired when the rule was made is left alone.
    """
    if not contrat.date_fin or regle not in in_force(regles, contrat.societe_id):
        return False
    made = regle.created_at.astimezone(PARIS).date()
    return regle.declencheur != CONTRAT_EXPIRE or due_day(regle, contrat) >= made


def due_day(regle: RegleRelance, contrat: Contrat) -> date:
    """Day that *regle* counts from the end of *contrat*."""
    return after(date.fromisoformat(contrat.date_fin), regle.delai_jours)


def end_key(regle: RegleRelance, contrat: Contrat) -> str:
    """Key of the one reminder about this end of *contrat*."""
    return f"contrat:{contrat.id}:{regle.declencheur}:{contrat.date_fin}"


def end_of_contract(regle: RegleRelance, contrat: Contrat, jour: Jour) -> Relance:
    """Reminder by which *regle* tells of the end of *contrat*, one per contract and end (R22)."""
    return Relance(
        organisation_id=regle.organisation_id,
        societe_id=contrat.societe_id,
        regle_id=regle.id,
        declencheur=regle.declencheur,
        client_id=contrat.client_id,
        contrat_id=contrat.id,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=end_key(regle, contrat),
    )


def last_day(client: ClientBase, newest: datetime | None) -> date:
    """Day in Paris of the *newest* activity of *client*, else that of its creation (R24)."""
    return (newest or instant(client.created_at)).astimezone(PARIS).date()


def is_inactive(regle: RegleRelance, last: date, today: date) -> bool:
    """Tell whether the last activity is so long ago that *regle* wants somebody to call (R24)."""
    return today - last >= timedelta(days=regle.delai_jours)


def inactivity_key(client_id: str, last: date) -> str:
    """Key of the one reminder about the time without activity that began on the day *last*."""
    return f"inactif:{client_id}:{last.isoformat()}"


def last_day_of(relance: Relance) -> date:
    """The day of the last activity, which the key of a reminder about inactivity tells."""
    return date.fromisoformat(relance.cle.rpartition(":")[2])


def inactivity(regle: RegleRelance, client: ClientBase, last: date, jour: Jour) -> Relance:
    """Reminder by which *regle* has an inactive client called, one per time of inactivity (R24)."""
    return Relance(
        organisation_id=regle.organisation_id,
        societe_id=client.societe_id,
        regle_id=regle.id,
        declencheur=regle.declencheur,
        client_id=client.id,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=inactivity_key(client.id, last),
    )
