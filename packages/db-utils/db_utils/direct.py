"""Reads outside transactions: one statement, one connection, no BEGIN."""

from db_utils.execution import run_alone
from db_utils.pool import Pool
from db_utils.reader import Answer, Reader
from db_utils.statements import Statement, Values


class DirectReader(Reader):
    """A reader each of whose statements sees what is committed when it runs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _run(self, statement: Statement, values: Values) -> Answer:
        if statement.target is not None:
            raise TypeError(f"write to {statement.target} in a transaction")
        return await (await run_alone(self._pool, statement, values)).fetchall()
