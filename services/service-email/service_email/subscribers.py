"""Effects of other services' events: one message each, sent after the commit."""

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
# The template of the organisation comes first, the system's (without organisation) last.
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
    """The organisation in whose name the mail of an event is written, and the sender's address."""

    organisation_id: str
    de: str


async def sender_of(event: ClientCreatedEvent, app: App[EmailSettings]) -> Expediteur | None:
    """The organisation that welcomes the new client; None when nobody knows the client.

    Raises InvalidEvent without a client, Unavailable while the clients service is silent.
    """
    owner = await owner_of(event, app)
    return None if owner is None else Expediteur(owner.organisation_id, app.settings.smtp_from)


async def send_welcome_mail(event: ClientCreatedEvent, tx: Transaction, sender: Expediteur | None) -> None:
    """Store the welcome mail of the new client, or note that he has no address (R21).

    Raises InvalidEvent when the event can make no mail.
    """
    if sender is None:
        return
    modele = await applying_modele(tx, rules.BIENVENUE_CLIENT, sender.organisation_id)
    try:
        message = rules.welcome(event, sender.organisation_id, sender.de, modele)
    except InvalidArgument as refusal:
        raise InvalidEvent(refusal.reason) from refusal
    await tx.insert(message, if_absent=True)


async def applying_modele(tx: Transaction, code: str, organisation_id: str) -> Modele:
    """The template of the organisation, or the system's where it has none of its own (R8)."""
    modele = await tx.one(_MODELE, code=code, organisation=organisation_id)
    assert modele is not None, f"the migrations supply {code}"
    return modele


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, send_welcome_mail, lookup=sender_of),)
