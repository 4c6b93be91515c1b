"""Effects of payment.received (R19) and payment.rejected (R8, R9).

The two come in any order. The row of the payment in `reglement_vu` decides what the one means after the
other; what factures knows of it comes later than both.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.factures.factures_pb2 import Facture
from crm.payments.payments_pb2 import GetPaymentRequest
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import Scope, Transaction, parse_uuid, within
from grpc_utils import answered_or_none, money
from service_kit import App, Owner, Settings, invalid_when_refused, owner_of
from sqlalchemy import bindparam, select

from service_relance import paiements_rules as rules
from service_relance.calendrier import eligible, eligible_days, plus_business_days
from service_relance.models import (
    ANNULEE,
    DECES,
    IMPAYE,
    PLANIFIEE,
    REGLEE,
    REJET_PRELEVEMENT,
    ReglementVu,
    Relance,
)
from service_relance.motifs_rejet import is_death, is_represented
from service_relance.paiements_rules import Paiement
from service_relance.regles import applying_rules, expected_rules
from service_relance.relances import OF_FACTURE
from service_relance.renseignements import facture_of
from service_relance.rules import Jour, Jours, without_calendar

_log = logging.getLogger(__name__)

_SEEN = select(ReglementVu).where(ReglementVu.facture_id == bindparam("facture_id"))
_LEVELS = select(Relance).where(Relance.facture_id == bindparam("facture_id"), Relance.declencheur == IMPAYE)
_OF_CLIENT = (
    select(Relance)
    .where(Relance.client_id == bindparam("client_id"), Relance.statut == PLANIFIEE)
    .order_by(Relance.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Recu:
    """A received payment with its owner, and its invoice as factures knows it."""

    owner: Owner
    paiement: Paiement
    facture: Facture | None


@dataclass(frozen=True, slots=True)
class Rejete:
    """A rejected payment with its owner, the days for a call by delay, and those of levels planned anew."""

    owner: Owner
    paiement: Paiement
    appels: Mapping[int, Jour]
    jours: Jours


async def received_payment(event: PaymentReceivedEvent, app: App[Settings]) -> Recu | None:
    """The payment of *event* and its invoice; None when nobody knows its client.

    Raises like `owner_of`, InvalidEvent when the event says what no payment says, and Unavailable or
    AioRpcError while payments or factures is silent.
    """
    owner = await owner_of(event, app)
    if owner is None:  # clients knows no such client: deleted, or never its own
        return None
    with invalid_when_refused():
        told = rules.received(event)
    with within(Scope(owner.organisation_id)):
        paiement = await _completed(app, told)
        return Recu(owner, paiement, await facture_of(app, paiement.facture_id))


async def _completed(app: App[Settings], told: Paiement) -> Paiement:
    """*told* with the invoice and the amount that payments knows, where the event is silent."""
    if (told.facture_id and told.montant) or parse_uuid(told.payment_id) is None:
        return told
    get = app.peers.stub(PaymentServiceStub).Get
    known = await answered_or_none(get(GetPaymentRequest(id=told.payment_id)))
    if known is None:
        return told
    return replace(
        told,
        facture_id=told.facture_id or known.facture_id or None,
        montant=told.montant or money(known.montant, "montant"),
    )


async def note_received(event: PaymentReceivedEvent, tx: Transaction, recu: Recu | None) -> None:
    """Cancel what is planned about an invoice that the payment has settled (R19)."""
    if recu is None:
        return
    facture_id = recu.paiement.facture_id
    with within(Scope(recu.owner.organisation_id)):
        seen = await _seen(tx, recu.owner, recu.paiement, date_reception=recu.paiement.jour)
        if seen.rejete_le is not None or facture_id is None:
            return
        owed = await _still_owed(tx, facture_id, recu.facture)
        if owed is None or owed > 0:
            return
        for relance in await tx.all(OF_FACTURE, facture_id=facture_id):
            settled_by = relance.payment_id or recu.paiement.payment_id
            await tx.update(relance, statut=ANNULEE, motif=REGLEE, payment_id=settled_by)
            _log.info("reminder %s is cancelled: its invoice is settled", relance.id)


async def _still_owed(tx: Transaction, facture_id: str, facture: Facture | None) -> Decimal | None:
    if facture is None and parse_uuid(facture_id) is not None:
        _log.warning("reminders about invoice %s stay: factures does not know it", facture_id)
        return None
    planned = await tx.all(_LEVELS, facture_id=facture_id)
    return rules.still_owed(facture, planned, await tx.all(_SEEN, facture_id=facture_id))


async def _seen(
    tx: Transaction,
    owner: Owner,
    paiement: Paiement,
    *,
    date_reception: date | None = None,
    rejete_le: date | None = None,
) -> ReglementVu:
    """The row of *paiement* with these days, unless it had them before.

    The lock makes payments of one invoice count each other.
    """
    await tx.lock("reglements", owner.organisation_id, paiement.facture_id or paiement.payment_id)
    new = ReglementVu(
        organisation_id=owner.organisation_id,
        payment_id=paiement.payment_id,
        facture_id=paiement.facture_id,
        montant=paiement.montant,
        date_reception=date_reception,
        rejete_le=rejete_le,
    )
    if await tx.insert_if_absent(new):
        return new
    seen = await tx.get(ReglementVu, (owner.organisation_id, paiement.payment_id), lock=True)
    assert seen is not None  # it was there before, and only five years end it
    return await tx.update(
        seen,
        facture_id=seen.facture_id or paiement.facture_id,
        montant=seen.montant or paiement.montant,
        date_reception=seen.date_reception or date_reception,
        rejete_le=seen.rejete_le or rejete_le,
    )


async def rejected_payment(event: PaymentRejectedEvent, app: App[Settings]) -> Rejete | None:
    """The payment of *event* and the days on which people may be called or asked about it.

    None when nobody knows its client. Raises like `received_payment`.
    """
    owner = await owner_of(event, app)
    if owner is None:  # clients knows no such client: deleted, or never its own
        return None
    with invalid_when_refused():
        told = rules.rejected(event)
    with within(Scope(owner.organisation_id)):
        paiement = await _completed(app, told)
        appels = {
            regle.delai_jours: await _call_day(app, owner.societe_id, paiement, regle.delai_jours)
            for regle in await expected_rules(
                app.database.read(), owner.organisation_id, owner.societe_id, REJET_PRELEVEMENT
            )
        }
        return Rejete(owner, paiement, appels, await _days_of_levels(app, owner, paiement))


async def _call_day(app: App[Settings], societe_id: str, paiement: Paiement, delai_jours: int) -> Jour:
    """The day itself, or so many business days later when the debit is presented again (R8)."""
    if is_represented(paiement.code):
        return await plus_business_days(app, societe_id, paiement.jour, max(delai_jours, 0))
    return await eligible(app, societe_id, paiement.jour)


async def _days_of_levels(app: App[Settings], owner: Owner, paiement: Paiement) -> Jours:
    """Days for the levels that `note_rejected` is about to plan anew: a forecast, which writes nothing."""
    reader = app.database.read()
    levels = await reader.all(_LEVELS, facture_id=paiement.facture_id) if paiement.facture_id else ()
    reopened = rules.open_again(levels)
    if not reopened:
        return {}
    societe_id = reopened[0].societe_id
    regles = await expected_rules(reader, owner.organisation_id, societe_id, IMPAYE)
    delays = {regle.niveau: regle.delai_jours for regle in regles}
    return await eligible_days(app, societe_id, rules.bases(reopened, delays, paiement.jour).values())


async def note_rejected(event: PaymentRejectedEvent, tx: Transaction, rejete: Rejete | None) -> None:
    """Plan a call about the rejected debit (R8), and the levels anew that it had settled (R9)."""
    if rejete is None:
        return
    owner, paiement = rejete.owner, rejete.paiement
    with within(Scope(owner.organisation_id)):
        seen = await _seen(tx, owner, paiement, rejete_le=paiement.jour)
        paiement = replace(paiement, facture_id=seen.facture_id)
        for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, REJET_PRELEVEMENT):
            jour = rejete.appels.get(regle.delai_jours) or without_calendar(paiement.jour)
            await tx.insert(rules.call(regle, paiement, owner.societe_id, jour), if_absent=True)
        if is_death(paiement.code):
            await _leave_in_peace(tx, paiement)
        elif seen.date_reception is not None and paiement.facture_id is not None:
            await _plan_again(tx, owner, paiement, rejete.jours)


async def _leave_in_peace(tx: Transaction, paiement: Paiement) -> None:
    """Cancel whatever else is planned for a client who has died (R8)."""
    for relance in await tx.all(_OF_CLIENT, client_id=paiement.client_id):
        if relance.cle != rules.call_key(paiement.payment_id):
            await tx.update(relance, statut=ANNULEE, motif=DECES)


async def _plan_again(tx: Transaction, owner: Owner, paiement: Paiement, jours: Jours) -> None:
    """Plan those levels again that the payment had settled (R9)."""
    reopened: Sequence[Relance] = rules.open_again(await tx.all(_LEVELS, facture_id=paiement.facture_id))
    if not reopened:
        return
    regles = {
        regle.niveau: regle
        for regle in await applying_rules(tx, owner.organisation_id, reopened[0].societe_id, IMPAYE)
    }
    delays = {niveau: regle.delai_jours for niveau, regle in regles.items()}
    days = rules.bases(reopened, delays, paiement.jour)
    for former in reopened:
        if former.niveau in days:
            base = days[former.niveau]
            again = rules.planned_again(former, regles[former.niveau], base, paiement.payment_id, jours)
            await tx.insert(again, if_absent=True)
