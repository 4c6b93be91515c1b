"""Dead letters marked for a replay, run again by the service that gave them up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from db_utils import Database, Transaction, failpoint
from trace_utils import one_commit

from nats_utils.dead_letters import failed_again, next_replay, replayed
from nats_utils.deliveries import read
from nats_utils.handling import Handling
from nats_utils.tables import REPLAYING, DeadLetter

_log = logging.getLogger(__name__)
_POLL = 2.0  # seconds between two looks for marked letters


class Replayer:
    """Replays the marked dead letters of the consumers of one service."""

    def __init__(self, database: Database, handlings: Sequence[Handling]) -> None:
        self._database, self._handlings = database, handlings

    async def run(self) -> None:
        """Replay until cancelled."""
        while True:
            for handling in self._handlings:
                try:
                    while await self.replay_one(handling):
                        pass
                except handling.infrastructure as error:
                    _log.warning("replays wait: %s", type(error).__name__)
            await asyncio.sleep(_POLL)

    async def replay_one(self, handling: Handling) -> bool:
        """Run one marked letter of *handling*; False when there is none. Raises infrastructure failures.

        The letter stays locked meanwhile, so that no other replica takes it too, and the
        attempt is counted before it is made: a letter that ends the process stays dead.
        """
        letter, attempt = None, 0
        try:
            async with self._transaction() as tx:
                letter = await next_replay(tx, handling.consumer)
                if letter is None:
                    return False
                attempt = await handling.attempts.begin(UUID(letter.message_key))
                await self._replay(tx, handling, letter, attempt)
                failpoint("replay.before_commit")
        except handling.infrastructure:
            if letter is not None and attempt:
                await handling.attempts.undo(UUID(letter.message_key), attempt)
            raise
        except Exception as error:
            _log.error("%s failed again at a dead letter", handling.consumer, exc_info=error)
            if letter is not None:
                await self._note_failure(handling, letter.id, error)
        failpoint("replay.after_commit")
        return True

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        with one_commit():
            async with self._database.transaction() as tx:
                yield tx

    async def _replay(self, tx: Transaction, handling: Handling, letter: DeadLetter, attempt: int) -> None:
        if attempt > handling.subscription.retry_policy.attempts:
            await failed_again(tx, letter, None)
        else:
            failpoint("replay.before_handler")
            event, _ = read(handling.subscription.event, letter.payload)
            await handling.replay(tx, event, letter.trace)
            await replayed(tx, letter)
        await handling.attempts.forget(tx, UUID(letter.message_key))

    async def _note_failure(self, handling: Handling, letter_id: int, error: Exception) -> None:
        """Put the letter back, unless another replica came to an end with it meanwhile."""
        async with self._database.transaction() as tx:
            letter = await tx.get(DeadLetter, letter_id, lock=True)
            if letter is not None and letter.status == REPLAYING:
                await failed_again(tx, letter, error)
            if letter is not None:
                await handling.attempts.forget(tx, UUID(letter.message_key))
        failpoint("replay.after_failure")
