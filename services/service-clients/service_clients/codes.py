"""Client numbers CLI000001, CLI000002, … given out in blocks (R7).

Each process reserves a block of an organisation's numbers at a time, so that creating
clients never queues on a counter row; what is left of a block at a restart is a gap.
"""

import asyncio
import operator
from collections import OrderedDict

from db_utils import Database, OrganisationRequired
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from service_clients.models import CompteurCode

_LARGEST_BLOCK = 64
_REMEMBERED = 10_000  # organisations

_size = bindparam("size", type_=CompteurCode.dernier.type)
_RESERVE = (
    insert(CompteurCode)
    .values(organisation_id=bindparam("organisation_id"), dernier=_size)
    .on_conflict_do_update(index_elements=["organisation_id"], set_={"dernier": CompteurCode.dernier + _size})
    .returning(CompteurCode.dernier)
)


class ClientCodes:
    """The numbers this process holds, by organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: OrderedDict[str, _Block] = OrderedDict()

    async def next(self, organisation_id: str) -> str:
        """A code that no client of the organisation got from here. Raises OrganisationRequired."""
        if not organisation_id:
            raise OrganisationRequired(CompteurCode.__tablename__)
        block = self._blocks.get(organisation_id)
        if block is None:
            block = self._blocks[organisation_id] = _Block()
            if len(self._blocks) > _REMEMBERED:
                self._blocks.popitem(last=False)
        while (number := next(block.numbers, None)) is None:
            async with block.refilling:
                await self._refill(organisation_id, block)
        return f"CLI{number:06d}"

    async def _refill(self, organisation_id: str, block: "_Block") -> None:
        """Reserve numbers, twice as many as the last time, unless another call just has."""
        if operator.length_hint(block.numbers):
            return
        block.size = min(block.size * 2 or 1, _LARGEST_BLOCK)
        async with self._database.transaction() as tx:
            last = await tx.one(_RESERVE, organisation_id=organisation_id, size=block.size)
        assert last is not None
        block.numbers = iter(range(last - block.size + 1, last + 1))


class _Block:
    """Numbers of one organisation that were reserved and not given out."""

    def __init__(self) -> None:
        self.numbers = iter(range(0))
        self.size = 0
        self.refilling = asyncio.Lock()
