"""Events without an organisation: found by their client, kept while nobody knows him (R23).

`rattrapage.py` tries the kept ones again.
"""

from typing import Any, Final
from uuid import UUID

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent, PaymentReceivedEvent
from db_utils import Transaction
from google.protobuf.json_format import MessageToDict, ParseDict
from nats_utils import required_text
from service_kit import App, Owner, owner_of
from sqlalchemy import bindparam, select

from service_dashboard.models import ClientVu, EvenementOrphelin

Event = ClientCreatedEvent | InvoiceCreatedEvent | PaymentReceivedEvent

# Stands for the organisation of an orphan while it is checked whether the event says what it must.
UNKNOWN: Final = Owner("inconnue", "")
_KINDS: Final[dict[str, type[Event]]] = {
    kind.DESCRIPTOR.name: kind for kind in (ClientCreatedEvent, InvoiceCreatedEvent, PaymentReceivedEvent)
}
_OF_PERSONS: Final = ("nom", "prenom", "email")
# Ids of other systems may collide between organisations: two rows say nothing.
_OWNERS = (
    select(ClientVu.organisation_id, ClientVu.societe_id)
    .where(ClientVu.client_id == bindparam("client_id"))
    .limit(2)
)


async def owner_for(event: Any, app: App[Any]) -> Owner | None:
    """The owner that *event* names, else that of its client as this service or clients knows him.

    None when nobody knows him. Raises like `owner_of`.
    """
    required_text(event, "client_id")
    if not event.organisation_id:
        known = await app.database.read().all(_OWNERS, client_id=event.client_id)
        if len(known) == 1:
            organisation_id, societe_id = known[0]
            return Owner(organisation_id, societe_id or "")
    return await owner_of(event, app)


async def keep(tx: Transaction, event: Event) -> None:
    """Keep *event* until its client is known, without what it says of a person."""
    charge = {name: value for name, value in MessageToDict(event).items() if name not in _OF_PERSONS}
    orphan = EvenementOrphelin(event_id=UUID(event.event_id), type=event.DESCRIPTOR.name, charge=charge)
    await tx.insert(orphan, if_absent=True)


def restored(orphan: EvenementOrphelin) -> Event:
    """The event that was kept as *orphan*."""
    return ParseDict(orphan.charge, _KINDS[orphan.type](), ignore_unknown_fields=True)
