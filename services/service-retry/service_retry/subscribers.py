"""Subscription to rejections; what other services are asked is asked before the transaction (R9)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from crm.events.business_pb2 import PaymentRejectedEvent
from db_utils import EVERYTHING, Scope, Transaction, clock, within
from db_utils.clock import PARIS
from grpc_utils import is_opaque_id
from grpc_utils.errors import TransitionInterdite, Unavailable
from nats_utils import InvalidEvent, Subscription, required_instant, required_text
from service_kit import App, Settings, invalid_when_refused, owner_of

from service_retry import creation, outcomes, paiements, rules
from service_retry.creation import Projet
from service_retry.models import RetryAttempt
from service_retry.outcomes import REJECTED, Effet, Outcome
from service_retry.paiements import Rejet


@dataclass(frozen=True, slots=True)
class Arrivee:
    """A rejection with what was decided about it: of an *attempt*, or of a debit that begins a schedule."""

    rejet: Rejet
    attempt: RetryAttempt | None = None
    brings: Effet | None = None
    decided: Projet | None = None


async def rejected_payment(event: PaymentRejectedEvent, app: App[Settings]) -> Arrivee:
    """Ask what there is to know of the rejected payment of *event* (R9).

    Raises InvalidEvent when the event says what no rejection says or nobody knows whose it is, and
    Unavailable while payments is silent, unless the event says enough by itself.
    """
    required_text(event, "payment_id")
    if event.organisation_id and not is_opaque_id(event.organisation_id):  # nothing is asked in its name
        raise InvalidEvent("organisation_id is no id")
    instant = required_instant(event, "date_rejet", "timestamp")
    with invalid_when_refused():
        code = rules.code_of(event.motif_rejet)
        jour = rules.rejection_day(instant.astimezone(PARIS).date(), clock.today())
    scope = Scope(event.organisation_id) if event.organisation_id else EVERYTHING
    with within(scope):
        rejet = await _read(event, app, code, jour)
    with within(Scope(rejet.organisation_id)):
        try:
            return await _decided(app, rejet)
        except Unavailable:
            if not _says_enough(event):
                raise
            return await _decided(app, paiements.unread(rejet))


async def _read(event: PaymentRejectedEvent, app: App[Settings], code: str, jour: date) -> Rejet:
    """The rejection as payments knows the payment, else as *event* tells it."""
    try:
        known = await paiements.payment(app, event.payment_id)
    except Unavailable:
        if not _says_enough(event):
            raise
        with invalid_when_refused():
            return paiements.unread(_as_told(event, event.organisation_id, event.societe_id, code, jour))
    with invalid_when_refused():
        if known is not None:
            return paiements.rejet_of_payment(known, code, jour)
        owner = await owner_of(event, app)
        if owner is None:
            raise InvalidEvent("neither payments nor clients knows whose payment it is")
        return _as_told(event, owner.organisation_id, owner.societe_id, code, jour)


def _as_told(
    event: PaymentRejectedEvent, organisation_id: str, societe_id: str, code: str, jour: date
) -> Rejet:
    required_text(event, "client_id")
    return paiements.rejet_of_event(event, organisation_id, societe_id, code, jour)


def _says_enough(event: PaymentRejectedEvent) -> bool:
    """Whether a schedule can be made of *event* alone; société, invoice and contract may well be none."""
    return bool(event.organisation_id and event.montant)


async def _decided(app: App[Any], rejet: Rejet) -> Arrivee:
    reader = app.database.read()
    attempt = await creation.attempt_of(reader, rejet.payment_id, rejet.retry_attempt_id)
    if attempt is not None:
        brings = await outcomes.effet(app, attempt, _outcome(rejet))
        return Arrivee(rejet, attempt, brings)
    return Arrivee(rejet, decided=await creation.projet(app, rejet))


def _outcome(rejet: Rejet) -> Outcome:
    return Outcome(rejet.payment_id, REJECTED, rejet.jour, rejet.code)


async def follow_rejection(event: PaymentRejectedEvent, tx: Transaction, arrived: Arrivee) -> None:
    """End the attempt whose payment was rejected, or begin the schedule of a debit (R9, R13)."""
    rejet = arrived.rejet
    with within(Scope(rejet.organisation_id)):
        if arrived.attempt is not None and arrived.brings is not None:
            try:
                await outcomes.apply(tx, arrived.attempt, _outcome(rejet), arrived.brings)
            except TransitionInterdite as refusal:
                raise InvalidEvent(f"attempt {arrived.attempt.id}: {refusal.metadata}") from refusal
        elif arrived.decided is not None:
            await creation.create(tx, rejet, arrived.decided)


SUBSCRIPTIONS = (Subscription(PaymentRejectedEvent, follow_rejection, lookup=rejected_payment),)
