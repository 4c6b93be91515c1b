"""Commands as values, and the writing of one in the transaction of the change that causes it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from db_utils import Envelope, Transaction, clock, context
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from grpc_utils import Peers
from trace_utils import carried

from service_kit.outgoing.models import CommandeSortante

M = TypeVar("M", bound=Message)

_SOONEST, _LATEST = timedelta(seconds=5), timedelta(hours=1)
_LONG = timedelta(hours=72)
_DOUBLINGS = 10  # beyond the hour


def growing(attempts: int) -> timedelta:
    """The pause after failure number *attempts*: 5 s, doubled up to an hour (C22)."""
    doublings: int = 2 ** min(attempts - 1, _DOUBLINGS)
    return min(_SOONEST * doublings, _LATEST)


@dataclass(frozen=True, slots=True)
class Command(Generic[M]):
    """A kind of call that is sent until it is answered.

    *send* makes the call; it may be made again with the same request, so the callee must take
    a repetition for the first. *waits* tells the pause after so many failures. The command is
    given up *given_up_after* its writing, by default never. Refusals with a reason of *not_yet*
    are tried again, those with one of *done* count as success. The fields *sealed*, texts of
    the request, are kept sealed (C15), which needs a service with ENCRYPTION_KEYS. The finance
    team of its organisation is told when it is refused, and once when it has been owed for
    *alerted_after*; with None of neither. *libelle* is what the call does, in French.
    """

    name: str
    request: type[M]
    send: Callable[[Peers, M], Awaitable[object]]
    waits: Callable[[int], timedelta] = growing
    given_up_after: timedelta | None = None
    not_yet: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    sealed: Sequence[str] = ()
    alerted_after: timedelta | None = _LONG
    libelle: str = ""

    @property
    def callee(self) -> str:
        """The service that it calls."""
        return str(self.request.DESCRIPTOR.file.package)


async def queue(
    tx: Transaction,
    command: Command[M],
    request: M,
    *,
    key: str,
    about: str = "",
    organisation_id: str = "",
    envelope: Envelope | None = None,
    not_before: datetime | None = None,
) -> None:
    """Have *request* sent once *tx* has committed; a second one with the same *key* is none.

    Commands *about* the same object keep their order. The call is made under *organisation_id*,
    or under none, with the correlation id and in the trace of what runs now. *envelope* seals
    secrets. The first attempt is made at *not_before*, by default at once.
    """
    row = CommandeSortante(
        organisation_id=organisation_id or None,
        type=command.name,
        cle=key,
        objet=about or f"{command.name}:{organisation_id}:{key}",
        charge=MessageToDict(request, preserving_proto_field_name=True),
        correlation_id=context.correlation_id.get(),
        prochain_essai=not_before or clock.now(),
        trace=carried() or None,
    )
    for field in command.sealed:
        if envelope is None:
            raise TypeError(f"command {command.name} has secrets and no envelope to seal them")
        if field in row.charge:
            row.charge[field] = envelope.seal(row.charge[field], _place(row.id, field))
    await tx.insert(row, if_absent=True)


def request_of(command: Command[M], row: CommandeSortante, envelope: Envelope | None = None) -> M:
    """The request that *row* holds. Raises Undecipherable when a secret in it cannot be read."""
    charge: dict[str, Any] = dict(row.charge)
    for field in command.sealed:
        if envelope is not None and field in charge:
            charge[field] = envelope.open(charge[field], _place(row.id, field))
    request = command.request()
    ParseDict(charge, request, ignore_unknown_fields=True)
    return request


def _place(row_id: UUID, field: str) -> str:
    return f"commande_sortante.charge.{field}:{row_id}"
