"""What the finance team of an organisation is owed to be told."""

from collections.abc import Awaitable, Callable

from db_utils import Scope, within
from service_kit.outgoing import NOTIFICATION, CommandeSortante
from service_testing import Mesh
from sqlalchemy import bindparam, select

Told = Callable[[], Awaitable[list[str]]]
_OWED = (
    select(CommandeSortante.cle)
    .where(
        CommandeSortante.organisation_id == bindparam("organisation"),
        CommandeSortante.type == NOTIFICATION.name,
    )
    .order_by(CommandeSortante.rang)
)


def alerts_of(mesh: Mesh, org: str) -> Told:
    """Reader of the keys of the notifications that were owed to *org*, the oldest first, sent or not."""

    async def told() -> list[str]:
        with within(Scope(org)):
            return list(await mesh.database("factures").read().all(_OWED, organisation=org))

    return told
