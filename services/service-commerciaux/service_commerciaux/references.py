"""References between rows of this service, and deletions that they are in the way of."""

from db_utils import ReferenceViolation, Row, Transaction
from grpc_utils.errors import EncoreUtilise


async def removed(tx: Transaction, row: Row) -> None:
    """Delete *row* for good. Raises EncoreUtilise while another row refers to it.

    The foreign key decides, so that no reference slips in between a look and the deletion.
    """
    try:
        await tx.delete(row)
    except ReferenceViolation:
        raise EncoreUtilise from None
