"""Questions to other services, each with its last good answer for when the service is silent (R24).

A failed question never fails the call that asks: it is answered by an `Instantane`, else by nothing, and
`Sources.failed` names the service.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import grpc
from db_utils import Retention, clock
from grpc_utils import failure_of
from grpc_utils.errors import Refusal
from service_kit import App
from sqlalchemy import ARRAY, String, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from service_dashboard.models import Instantane

T = TypeVar("T")

KEPT: Final = timedelta(hours=24)
RETENTION: Final = Retention(Instantane, Instantane.pris_le, KEPT)
# Seconds. One call has two (C14), and a question may be several pages; together they leave the answer time
# to be sent within four.
_ONE, _ALL = 2.3, 3.5
_log = logging.getLogger(__name__)

_pris_le = bindparam("pris_le", type_=Instantane.pris_le.type)
_inserted = insert(Instantane).from_select(
    ["organisation_id", "cle", "valeur", "pris_le"],
    select(
        bindparam("organisation_id", type_=String),
        func.unnest(bindparam("cles", type_=ARRAY(String))),
        cast(func.unnest(bindparam("valeurs", type_=ARRAY(Text))), JSONB),
        _pris_le,
    ),
)
_KEEP = _inserted.on_conflict_do_update(
    index_elements=["organisation_id", "cle"],
    set_={"valeur": _inserted.excluded.valeur, "pris_le": _inserted.excluded.pris_le},
)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """A question to *service*: *ask* gets the answer, *cle* tells it from others of the organisation.

    *stored* and *restored* turn an answer into what JSON can write, and back.
    """

    service: str
    cle: str
    ask: Callable[[], Awaitable[T]]
    stored: Callable[[T], dict[str, Any]] = _same
    restored: Callable[[dict[str, Any]], T] = _same


class Sources:
    """The questions of one call for *organisation_id*; nobody's are not asked (R1).

    *lately* holds the keys whose answers were kept a moment ago, by any call of this process.
    """

    def __init__(
        self, app: App[Any], organisation_id: str, lately: MutableMapping[tuple[str, str], bool]
    ) -> None:
        self._database, self.peers = app.database, app.peers
        self._organisation_id, self._lately = organisation_id, lately
        self._ends_at = asyncio.get_running_loop().time() + _ALL
        self._good: dict[str, str] = {}
        self.failed: set[str] = set()

    async def answer(self, source: Source[T]) -> T | None:
        """The answer of *source*, else its last good one of 24 hours at most, else None."""
        if not self._organisation_id:
            return None
        try:
            async with asyncio.timeout_at(self._patience()):
                answer = await source.ask()
        except (Refusal, grpc.aio.AioRpcError, TimeoutError) as error:
            self._note(source.service, error)
            return await self._last(source)
        self._good[source.cle] = json.dumps(source.stored(answer))
        return answer

    async def keep(self) -> None:
        """Keep the good answers of this call, each at most once a minute."""
        fresh = [cle for cle in sorted(self._good) if (self._organisation_id, cle) not in self._lately]
        if not fresh:
            return
        async with self._database.transaction() as tx:
            await tx.execute(
                _KEEP,
                organisation_id=self._organisation_id,
                cles=fresh,
                valeurs=[self._good[cle] for cle in fresh],
                pris_le=clock.now(),
            )
        self._lately.update({(self._organisation_id, cle): True for cle in fresh})

    def _patience(self) -> float:
        """The instant of the event loop until which a question is waited for."""
        return min(asyncio.get_running_loop().time() + _ONE, self._ends_at)

    def _note(self, service: str, error: Refusal | grpc.aio.AioRpcError | TimeoutError) -> None:
        why = "no answer in time" if isinstance(error, TimeoutError) else failure_of(error)
        _log.warning("figures are told without %s: %s", service, why)
        self.failed.add(service)

    async def _last(self, source: Source[T]) -> T | None:
        kept = await self._database.read().get(Instantane, (self._organisation_id, source.cle))
        if kept is None or kept.pris_le < clock.now() - KEPT:
            return None
        return source.restored(kept.valeur)
