"""What the events of other services cause here: one message each, sent after the commit."""

from dataclasses import dataclass

from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from grpc_utils.errors import InvalidArgument
from nats_utils import InvalidEvent, Subscription
from service_kit import App, owner_of
from sqlalchemy import bindparam, or_, select

from service_email import rules
from service_email.models import Modele
from service_email.settings import EmailSettings

_LANGUAGE = "fr"
_MODELE = (
    select(Modele)
    .where(
        Modele.code == bindparam("code"),
        Modele.langue == _LANGUAGE,
        or_(
            Modele.organisation_id == bindparam("organisation"),
            Modele.organisation_id.is_(None),
        ),
    )
    .order_by(Modele.organisation_id.nulls_last())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Expediteur:
    """In whose name the mail of an event is written, and from which address."""

    organisation_id: str
    de: str


async def sender_of(event: ClientCreatedEvent, app: App[EmailSettings]) -> Expediteur | None:
    """In whose name the new client is welcomed; None when nobody knows the client."""
    owner = await owner_of(event, app)
    return None if owner is None else Expediteur(owner.organisation_id, app.settings.smtp_from)


async def send_welcome_mail(event: ClientCreatedEvent, tx: Transaction, sender: Expediteur | None) -> None:
    """Queue one welcome mail for the new client, or note that there is no address to send it to."""
    if sender is None:
        return
    modele = await applying_modele(tx, rules.BIENVENUE_CLIENT, sender.organisation_id)
    try:
        message = rules.welcome(event, sender.organisation_id, sender.de, modele)
    except InvalidArgument as refusal:
        raise InvalidEvent(refusal.reason) from refusal
    await tx.insert(message, if_absent=True)


async def applying_modele(tx: Transaction, code: str, organisation_id: str) -> Modele:
    """The template of the organisation, which hides the one that the system supplies (R8)."""
    modele = await tx.one(_MODELE, code=code, organisation=organisation_id)
    assert modele is not None, f"the migrations supply {code}"
    return modele


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, send_welcome_mail, lookup=sender_of),)
