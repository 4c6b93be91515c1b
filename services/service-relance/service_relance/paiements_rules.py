"""Rules about payments as pure functions: what is still owed (R19), and what follows a rejection (R8, R9)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.factures.factures_pb2 import Facture
from db_utils.clock import PARIS
from grpc_utils import money, opaque_id, outer_text, required
from nats_utils import required_instant

from service_relance.models import (
    ANNULEE,
    EXECUTEE,
    IGNOREE,
    IMPAYE,
    PLANIFIEE,
    REGLEE,
    ReglementVu,
    RegleRelance,
    Relance,
)
from service_relance.rules import Jour, Jours, after, planned_day

_BETWEEN: Final = 15  # days between levels after a rejection (R9)
_LONGEST_CODE: Final = 35


@dataclass(frozen=True, slots=True)
class Paiement:
    """Payment that an event tells of: received or rejected on *jour*, the latter for the reason *code*."""

    payment_id: str
    client_id: str
    facture_id: str | None
    contrat_id: str | None
    montant: Decimal
    jour: date
    code: str = ""


def received(event: PaymentReceivedEvent) -> Paiement:
    """Payment that *event* announces. Raises ChampRequis, FormatInvalide, MontantInvalide, InvalidEvent."""
    return _paiement(event, required_instant(event, "date_reception", "timestamp").astimezone(PARIS).date())


def rejected(event: PaymentRejectedEvent) -> Paiement:
    """Rejected payment that *event* announces. Raises like `received`."""
    jour = required_instant(event, "date_rejet", "timestamp").astimezone(PARIS).date()
    return _paiement(event, jour, outer_text(event.motif_rejet, _LONGEST_CODE))


def _paiement(event: PaymentReceivedEvent | PaymentRejectedEvent, jour: date, code: str = "") -> Paiement:
    return Paiement(
        payment_id=opaque_id(required(event.payment_id, "payment_id"), "payment_id") or "",
        client_id=opaque_id(event.client_id, "client_id") or "",
        facture_id=opaque_id(event.facture_id, "facture_id"),
        contrat_id=opaque_id(event.contrat_id, "contrat_id"),
        montant=money(event.montant, "montant"),
        jour=jour,
        code=code,
    )


def still_owed(
    facture: Facture | None, planned: Iterable[Relance], seen: Iterable[ReglementVu]
) -> Decimal | None:
    """What is left of an invoice after the payments *seen*, as if factures knew all of them already (R19).

    factures is told after the events: a payment that it does not hold is taken off, a rejected one that
    it holds still is added. Of an invoice that is not of our making (None) the amount *planned* counts;
    None when nobody knows any.
    """
    if facture is None:
        amounts = [one.montant for one in planned if one.declencheur == IMPAYE and one.montant is not None]
        owed = max(amounts, default=None)
        return None if owed is None else owed - sum((one.montant for one in seen if _counts(one)), Decimal(0))
    owed = money(facture.solde, "solde") - money(facture.trop_percu, "trop_percu")
    held = {one.payment_id: one for one in facture.reglements}
    for one in seen:
        known = held.get(one.payment_id)
        if known is None and _counts(one):
            owed -= one.montant
        elif known is not None and one.rejete_le is not None:
            owed += money(known.montant, "montant") - money(known.montant_annule, "montant_annule")
    return owed


def _counts(seen: ReglementVu) -> bool:
    return seen.date_reception is not None and seen.rejete_le is None


def call(regle: RegleRelance, rejete: Paiement, societe_id: str, jour: Jour) -> Relance:
    """Reminder by which *regle* has somebody call after a rejection, one per payment (R8)."""
    return Relance(
        organisation_id=regle.organisation_id,
        societe_id=societe_id,
        regle_id=regle.id,
        declencheur=regle.declencheur,
        niveau=regle.niveau,
        client_id=rejete.client_id,
        facture_id=rejete.facture_id,
        contrat_id=rejete.contrat_id,
        payment_id=rejete.payment_id,
        montant=rejete.montant or None,
        motif_rejet=rejete.code or None,
        date_rejet=rejete.jour,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=call_key(rejete.payment_id),
    )


def call_key(payment_id: str) -> str:
    """Key of the one call about the payment."""
    return f"rejet:{payment_id}"


def open_again(levels: Iterable[Relance]) -> Sequence[Relance]:
    """By level the reminders that had lost their reason because the invoice was settled (R9).

    A level that was carried out, or is planned, is none of them, nor one that somebody has cancelled.
    """
    last: dict[int, Relance] = {}
    closed = set[int]()
    for one in sorted(levels, key=lambda one: one.id):
        last[one.niveau] = one
        if one.statut in (EXECUTEE, PLANIFIEE):
            closed.add(one.niveau)
    return [
        one
        for niveau, one in sorted(last.items())
        if niveau not in closed and one.motif == REGLEE and one.statut in (ANNULEE, IGNOREE)
    ]


def bases(levels: Sequence[Relance], delays: Mapping[int, int], rejet: date) -> Mapping[int, date]:
    """By level the day that is counted for it: its own, or fifteen days for each of *levels* (R9).

    *delays* are those of the rules in force; a level without a rule is planned no more.
    """
    return {
        one.niveau: max(
            after(one.date_echeance, delays[one.niveau]) if one.date_echeance else rejet,
            after(rejet, _BETWEEN * rank),
        )
        for rank, one in enumerate(levels, start=1)
        if one.niveau in delays
    }


def planned_again(former: Relance, regle: RegleRelance, base: date, payment_id: str, jours: Jours) -> Relance:
    """Reminder that takes the place of *former* after the rejection of the payment (R9)."""
    jour = planned_day(jours, base, 0)
    return Relance(
        organisation_id=former.organisation_id,
        societe_id=former.societe_id,
        regle_id=regle.id,
        declencheur=former.declencheur,
        niveau=former.niveau,
        client_id=former.client_id,
        facture_id=former.facture_id,
        contrat_id=former.contrat_id,
        numero=former.numero,
        montant=former.montant,
        date_echeance=former.date_echeance,
        date_prevue=jour.date,
        a_recalculer=jour.a_recalculer,
        cle=f"facture:{former.facture_id}:n{former.niveau}:r{payment_id}",
    )
