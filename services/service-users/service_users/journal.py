"""The audit journal: what happened to an account, and on whose word. Rows are only ever inserted."""

from uuid import UUID

from db_utils import Transaction

from service_users.models import Evenement

_LONGEST_SOURCE = 80


async def note(
    tx: Transaction, evenement: str, utilisateur_id: UUID | None, *, source: str = "", **details: object
) -> None:
    """Write a line about *utilisateur_id*; *details* hold no secret and no address."""
    line = Evenement(
        utilisateur_id=utilisateur_id, evenement=evenement, source=source[:_LONGEST_SOURCE], details=details
    )
    await tx.insert(line)
