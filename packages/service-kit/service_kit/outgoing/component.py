"""The component as a service names it in its data.

components=(OutgoingCommands((REVOKE, MAIL)),)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from db_utils import Retention, Worker, purge_job
from pydantic_settings import BaseSettings
from sqlalchemy import MetaData

from service_kit.component import Greeter
from service_kit.outgoing.alerts import NOTIFICATION
from service_kit.outgoing.command import Command
from service_kit.outgoing.models import Base, CommandeSortante
from service_kit.outgoing.sender import Sender

_LOOK_EVERY = timedelta(seconds=1)  # for what waits; what is written is sent at once
_KEPT = timedelta(days=30)  # after the end of a command, as claims of events are
PURGE = purge_job(
    Retention(CommandeSortante, CommandeSortante.terminee_le, _KEPT), name="outgoing-commands-forget"
)


class OutgoingSettings(BaseSettings):
    """Settings of the component: none."""


@dataclass(frozen=True, slots=True)
class OutgoingCommands:
    """The *commands* that a service may owe to others, each with a name of its own.

    NOTIFICATION is always one of them: people are told of commands that do not come through.
    """

    commands: tuple[Command[Any], ...]

    def __post_init__(self) -> None:
        """Refuse two commands of one name, whose rows each would send. Raises ValueError."""
        names = [command.name for command in self._sent]
        if len(set(names)) < len(names):
            raise ValueError(f"two commands have one name (NOTIFICATION is there already): {names}")

    @property
    def _sent(self) -> tuple[Command[Any], ...]:
        return self.commands if NOTIFICATION in self.commands else (*self.commands, NOTIFICATION)

    @property
    def package(self) -> str:
        """Package that holds the migrations."""
        return "service_kit.outgoing"

    @property
    def tables(self) -> MetaData:
        """The table of commands, sent ones included."""
        return Base.metadata

    @property
    def settings(self) -> type[BaseSettings]:
        """No settings."""
        return OutgoingSettings

    @property
    def subscriptions(self) -> tuple[()]:
        """No subscriptions."""
        return ()

    @property
    def workers(self) -> tuple[Worker, ...]:
        """One sends each kind, so that a callee that is silent delays no other; one tidies up.

        A kind that is not among them waits: another version of the service knows it.
        """
        return (
            *(
                Worker(
                    f"outgoing-{command.name}",
                    Sender(command).send_due,
                    every=_LOOK_EVERY,
                    wake_on=CommandeSortante,
                    traced=False,
                )
                for command in self._sent
            ),
            PURGE,
        )

    @property
    def callees(self) -> Mapping[str, str]:
        """The callee of each command: the service whose contract has its request."""
        return {command.name: command.callee for command in self._sent}

    def greeter(self, app: Any) -> Greeter | None:
        """Return None: the component meets no callers."""
        return None
