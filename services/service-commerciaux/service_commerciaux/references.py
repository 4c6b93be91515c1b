"""References between rows of this service, and deletions that they are in the way of."""

from db_utils import ReferenceViolation, Row, Transaction, scope
from grpc_utils.errors import EncoreUtilise, OrganisationRequise


async def removed(tx: Transaction, row: Row) -> None:
    """Delete *row* for good. Raises EncoreUtilise while another row refers to it.

    The foreign key decides, so that no reference slips in between a look and the deletion.
    """
    try:
        await tx.delete(row)
    except ReferenceViolation:
        raise EncoreUtilise from None


def require_organisation(organisation_id: str) -> None:
    """Refuse a service that looks for a row by something else than its id and names no organisation (C6).

    It would find that of any organisation. Raises OrganisationRequise.
    """
    if not organisation_id and scope.get().everything:
        raise OrganisationRequise
