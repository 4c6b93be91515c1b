"""Rules of reminders as pure functions: the default set, planned days, hours of work.

What a rule of an organisation may say is in `regles_rules.py`, amounts are in `penalites.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.factures import factures_pb2
from db_utils.clock import PARIS
from grpc_utils import money, opaque_id, outer_text, required
from nats_utils import InvalidEvent, required_instant

from service_relance.models import (
    CONTRAT_BIENTOT_EXPIRE,
    CREER_TACHE,
    ENVOYER_EMAIL,
    HAUTE,
    IMPAYE,
    MOYENNE,
    NOUVEAU_CLIENT,
    REJET_PRELEVEMENT,
    TACHE_ET_EMAIL,
    RegleRelance,
    Relance,
)

# declencheur, niveau, delai_jours, action_type, priorite_tache, nom (R1)
_DEFAULTS = (
    (IMPAYE, 1, 15, ENVOYER_EMAIL, MOYENNE, "Rappel courtois"),
    (IMPAYE, 2, 30, TACHE_ET_EMAIL, HAUTE, "Relance ferme"),
    (IMPAYE, 3, 45, CREER_TACHE, HAUTE, "Mise en demeure"),
    (REJET_PRELEVEMENT, 0, 2, CREER_TACHE, HAUTE, "Appel après un prélèvement rejeté"),
    (NOUVEAU_CLIENT, 0, 7, CREER_TACHE, MOYENNE, "Appel de bienvenue"),
    (CONTRAT_BIENTOT_EXPIRE, 0, -30, CREER_TACHE, MOYENNE, "Proposition de renouvellement"),
)
_OPENS, _CLOSES = time(9), time(18)  # in Paris (R10)
_SATURDAY, _SUNDAY = 5, 6
DAYS_FOR_A_TASK: Final = 2  # business days (R17)
# Where no other term is agreed: article L441-10 of the Code de commerce.
_LEGAL_TERM = timedelta(days=30)
_SETTLED = ("PAYEE", "ANNULEE")  # statuts of an invoice
_TO_MONDAY = {_SATURDAY: 2, _SUNDAY: 1}  # days
_LONGEST_NUMERO = 50


@dataclass(frozen=True, slots=True)
class Jour:
    """Planned day; *a_recalculer* when it was chosen without the calendar, which has the last word (R5)."""

    date: date
    a_recalculer: bool = False


Jours = Mapping[date, Jour]
"""For each day that is reached by counting the day that the calendar makes of it."""


@dataclass(frozen=True, slots=True)
class Facture:
    """Invoice that is to be paid by *date_echeance*, as it was when it was issued."""

    facture_id: str
    client_id: str
    contrat_id: str | None
    montant: Decimal
    date_echeance: date
    numero: str | None = None


def default_rules(organisation_id: str) -> Sequence[RegleRelance]:
    """Default set of rules for an organisation without any (R1)."""
    return [
        RegleRelance(
            organisation_id=organisation_id,
            nom=nom,
            declencheur=declencheur,
            niveau=niveau,
            delai_jours=delai_jours,
            action_type=action_type,
            priorite_tache=priorite_tache,
            ordre=ordre,
        )
        for ordre, (declencheur, niveau, delai_jours, action_type, priorite_tache, nom) in enumerate(
            _DEFAULTS, start=1
        )
    ]


def bienvenue(regle: RegleRelance, client_id: str, societe_id: str, creation: date, jours: Jours) -> Relance:
    """Reminder by which *regle* welcomes a client created on the day *creation*, one per client (R7)."""
    jour = planned_day(jours, creation, regle.delai_jours)
    return Relance(
        organisation_id=regle.organisation_id,
        societe_id=societe_id,
        regle_id=regle.id,
        declencheur=regle.declencheur,
        niveau=regle.niveau,
        client_id=client_id,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=f"client:{client_id}:bienvenue",
    )


def facture(event: InvoiceCreatedEvent, date_echeance: date | None) -> Facture:
    """Invoice that *event* announces, due on *date_echeance* where the event does not tell (R6).

    Where nobody tells, it has the legal term. Raises ChampRequis, FormatInvalide, MontantInvalide, and
    InvalidEvent when the event has no due date and neither there is one nor a time of its own.
    """
    return Facture(
        facture_id=opaque_id(required(event.invoice_id, "invoice_id"), "invoice_id") or "",
        client_id=opaque_id(event.client_id, "client_id") or "",
        contrat_id=opaque_id(event.contrat_id, "contrat_id"),
        montant=money(event.montant, "montant"),
        date_echeance=_due_date(event, date_echeance),
        numero=outer_text(event.numero, _LONGEST_NUMERO) or None,
    )


def _due_date(event: InvoiceCreatedEvent, date_echeance: date | None) -> date:
    if event.HasField("date_echeance"):
        return required_instant(event, "date_echeance").astimezone(PARIS).date()
    return date_echeance or (required_instant(event, "timestamp") + _LEGAL_TERM).astimezone(PARIS).date()


def is_settled(facture: factures_pb2.Facture) -> bool:
    """Tell whether nothing is owed any more on *facture* (R11)."""
    return facture.statut in _SETTLED or facture.solde <= 0


def impaye(regle: RegleRelance, facture: Facture, societe_id: str, jours: Jours) -> Relance:
    """Reminder by which *regle* asks for *facture*, one per invoice and level (R6)."""
    jour = planned_day(jours, facture.date_echeance, regle.delai_jours)
    return Relance(
        organisation_id=regle.organisation_id,
        societe_id=societe_id,
        regle_id=regle.id,
        declencheur=regle.declencheur,
        niveau=regle.niveau,
        client_id=facture.client_id,
        facture_id=facture.facture_id,
        contrat_id=facture.contrat_id,
        numero=facture.numero,
        montant=facture.montant,
        date_echeance=facture.date_echeance,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=f"facture:{facture.facture_id}:n{regle.niveau}",
    )


def after(day: date, days: int) -> date:
    """Day so many calendar days after *day*. Raises InvalidEvent beyond the year 9999."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise InvalidEvent("a day is beyond the calendar") from None


def planned_day(jours: Jours, base: date, delai_jours: int) -> Jour:
    """Day that is planned *delai_jours* after *base*: what *jours* makes of it, else a weekday (R5)."""
    day = after(base, delai_jours)
    return jours.get(day) or without_calendar(day)


def without_calendar(day: date, *, final: bool = False) -> Jour:
    """Day itself, or the Monday after a weekend; marked, unless the calendar will never tell (R5)."""
    return Jour(weekday(day), a_recalculer=not final)


def weekday(day: date) -> date:
    """Day itself, or the Monday after a weekend."""
    return after(day, _TO_MONDAY.get(day.weekday(), 0))


def is_open(now: datetime) -> bool:
    """Tell whether *now* is within the hours of work (R10); holidays are unknown without the calendar."""
    in_paris = now.astimezone(PARIS)
    return in_paris.weekday() not in _TO_MONDAY and _OPENS <= in_paris.time() <= _CLOSES


def closing_on(day: date) -> datetime:
    """The end of the hours of work of *day* (R10)."""
    return datetime.combine(day, _CLOSES, PARIS)


def opening_on(day: date) -> datetime:
    """The first hour of work of *day* (R10)."""
    return datetime.combine(day, _OPENS, PARIS)


def next_opening(now: datetime) -> datetime:
    """*now* within the hours of work, else the next hour at which they begin, on a weekday (R10)."""
    in_paris = now.astimezone(PARIS)
    if is_open(now):
        return in_paris
    today = in_paris.date()
    day = today if in_paris.time() < _OPENS else after(today, 1)
    return opening_on(weekday(day))
