"""Client numbers CLI000001, CLI000002, … given out in blocks (R7).

Each process reserves a block of an organisation's numbers at a time, so that creating clients
never queues on a counter row. The rest of a block is lost when the process ends: a gap.
"""

import asyncio
import operator
from collections import OrderedDict

from db_utils import Database, OrganisationRequired
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from service_clients.models import CompteurCode

_LARGEST_BLOCK = 64  # numbers: one reservation for 64 creations, and no larger gap
_REMEMBERED = 10_000  # organisations, so that memory is bounded; the block of a forgotten one is a gap

_size = bindparam("size", type_=CompteurCode.dernier.type)
_RESERVE = (
    insert(CompteurCode)
    .values(organisation_id=bindparam("organisation_id"), dernier=_size)
    .on_conflict_do_update(index_elements=["organisation_id"], set_={"dernier": CompteurCode.dernier + _size})
    .returning(CompteurCode.dernier)
)


class ClientCodes:
    """Client numbers that this process has reserved, by organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: OrderedDict[str, _Block] = OrderedDict()

    async def next(self, organisation_id: str) -> str:
        """Next code of the organisation, which no process has given out before.

        A client may have it all the same, if a caller chose it. Raises OrganisationRequired.
        """
        if not organisation_id:
            raise OrganisationRequired(CompteurCode.__tablename__)
        block = self._blocks.get(organisation_id)
        if block is None:
            block = self._blocks[organisation_id] = _Block()
            if len(self._blocks) > _REMEMBERED:
                self._blocks.popitem(last=False)
        while (number := next(block.numbers, None)) is None:
            async with block.refilling:  # one call reserves for all that wait
                await self._refill(organisation_id, block)
        return f"CLI{number:06d}"

    async def _refill(self, organisation_id: str, block: "_Block") -> None:
        """Reserve twice as many numbers as the last time, unless another call has just done so."""
        if operator.length_hint(block.numbers):
            return
        block.size = min(block.size * 2 or 1, _LARGEST_BLOCK)
        async with self._database.transaction() as tx:
            last = await tx.one(_RESERVE, organisation_id=organisation_id, size=block.size)
        assert last is not None
        block.numbers = iter(range(last - block.size + 1, last + 1))


class _Block:
    """Numbers of one organisation that this process has reserved and not given out yet."""

    def __init__(self) -> None:
        self.numbers = iter(range(0))
        self.size = 0
        self.refilling = asyncio.Lock()
