"""What happens to a mesh while stories are told on it."""

import random
import signal
from collections.abc import Iterable

from service_testing.command import Up

from tests.e2e.money.timeline import Timeline


class Quiet:
    """Nothing."""

    def moved(self) -> None:
        """Follow a step of the clock."""

    async def broker_leaves(self, timeline: Timeline, instant: str) -> None:
        """Take the broker away at *instant*, if it is to be away."""

    async def broker_returns(self, timeline: Timeline, instant: str) -> None:
        """Bring the broker back at *instant*, if it was taken away."""


class Kills(Quiet):
    """Each of *services* of *mesh* is killed once, at steps of the clock that *seed* chooses."""

    def __init__(self, mesh: Up, services: Iterable[str], seed: int) -> None:
        self._mesh, self._left = mesh, [*services]
        random.Random(seed).shuffle(self._left)

    def moved(self) -> None:
        """Kill the next one while it does what has become due; `crm up` starts it again."""
        if self._left:
            self._mesh.children()[f"crm: {self._left.pop()}"].kill()

    @property
    def over(self) -> bool:
        """Whether every service has been killed."""
        return not self._left


class BrokerAway(Quiet):
    """The broker of *mesh* is frozen while stories say that it is away; other stories wait meanwhile."""

    def __init__(self, mesh: Up) -> None:
        self._broker, self._away = mesh.children()["nats-server"], 0

    async def broker_leaves(self, timeline: Timeline, instant: str) -> None:
        """Freeze it: connections stay, and nothing is answered on them."""
        await timeline.until(instant)  # no story waits for an event of the day before
        self._away += 1
        self._broker.send_signal(signal.SIGSTOP)

    async def broker_returns(self, timeline: Timeline, instant: str) -> None:
        """Let it go on once no story wants it away any more."""
        await timeline.until(instant)
        self._away -= 1
        if not self._away:
            self._broker.send_signal(signal.SIGCONT)
