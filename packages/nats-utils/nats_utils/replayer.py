"""Runs again, in the service that gave them up, the dead letters that somebody marked."""

import asyncio
import logging
from collections.abc import Sequence

from db_utils import Database, failpoint

from nats_utils.dead_letters import failed_again, next_replay, replayed
from nats_utils.handling import Handling
from nats_utils.subscription import read
from nats_utils.tables import DeadLetter

_log = logging.getLogger(__name__)
_POLL = 2.0


class Replayer:
    """Watches for marked dead letters of the consumers of one service."""

    def __init__(self, database: Database, handlings: Sequence[Handling]) -> None:
        self._database, self._handlings = database, handlings

    async def run(self) -> None:
        """Replay until cancelled."""
        while True:
            for handling in self._handlings:
                try:
                    while await self.replay_one(handling):
                        pass
                except handling.transient as error:
                    _log.warning("replays wait: %s", type(error).__name__)
            await asyncio.sleep(_POLL)

    async def replay_one(self, handling: Handling) -> bool:
        """Run one marked letter of *handling*; False when there is none."""
        letter: DeadLetter | None = None
        try:
            async with self._database.transaction() as tx:
                letter = await next_replay(tx, handling.consumer)
                if letter is None:
                    return False
                await handling.replay(tx, read(handling.subscription.kind.message, letter.payload)[0])
                await replayed(tx, letter)
                failpoint("replay.before_commit")
        except handling.transient:
            raise
        except Exception as error:
            _log.error("%s failed again at a dead letter", handling.consumer, exc_info=error)
            if letter is not None:
                await self._note_failure(letter.id, error)
        failpoint("replay.after_commit")
        return True

    async def _note_failure(self, letter_id: int, error: Exception) -> None:
        async with self._database.transaction() as tx:
            letter = await tx.get(DeadLetter, letter_id, lock=True)
            if letter is not None:
                await failed_again(tx, letter, error)
