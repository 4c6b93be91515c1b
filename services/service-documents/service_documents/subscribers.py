"""Subscription to contract.signed: a row says that an archive is due, `archive_job.py` makes it (R12)."""

from crm.events.business_pb2 import ContractSignedEvent
from db_utils import Transaction, clock, parse_uuid
from grpc_utils import is_opaque_id
from nats_utils import InvalidEvent, Subscription, required_text
from service_kit import Owner, owner_of

from service_documents.models import ArchiveAFaire


async def note_signature(event: ContractSignedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Note that the contract is to be archived, once for all its events (R12, R14)."""
    required_text(event, "contrat_id")
    if not is_opaque_id(event.contrat_id):
        raise InvalidEvent("contrat_id is no id")
    if owner is None:  # clients knows no such client: nobody can say whose contract it is
        return
    await tx.insert(
        ArchiveAFaire(
            organisation_id=owner.organisation_id,
            contrat_id=event.contrat_id,
            event_id=parse_uuid(event.event_id),
            prochain_essai=clock.now(),
        ),
        if_absent=True,
    )


SUBSCRIPTIONS = (Subscription(ContractSignedEvent, note_signature, lookup=owner_of),)
