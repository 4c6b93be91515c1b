"""Subscriber of both test services: the effect of an event is one more on the counter and a row."""

from uuid import UUID

from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from nats_utils import RetryPolicy
from sqlalchemy import select, update

from tests.temoin.models import Compteur, Effet
from tests.temoin.poison import POISONS

# The waits of C13 add up to almost three minutes; the invariants do not depend on their length.
IMPATIENCE = RetryPolicy(waits=(0.05, 0.05, 0.05, 0.05), handler=1.0, silence=1.5)

_ONE_MORE = update(Compteur).values(total=Compteur.total + 1)
_HEALED = select(Compteur.gueri)


async def count_event(event: ClientCreatedEvent, tx: Transaction) -> None:
    """Count the event and store its effect, then run its poison, unless poison is harmless by now."""
    await tx.execute(_ONE_MORE)
    await tx.insert(
        Effet(event_id=UUID(event.event_id), dossier=event.client_id, rang=int(event.prenom or 0))
    )
    poison = POISONS.get(event.email)
    if poison is not None and not await tx.one(_HEALED):
        await poison(tx)
