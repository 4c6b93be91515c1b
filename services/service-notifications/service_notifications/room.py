"""The streams of one organisation on this instance (R11). `rooms.py` makes it with the first of them."""

import asyncio
import contextlib
import logging
from typing import Final

from crm.notifications import notifications_pb2 as pb
from db_utils import Database, DatabaseError, Scope, within
from grpc_utils.errors import Refusal
from service_kit import keep_running
from sqlalchemy import ARRAY, BigInteger, String, bindparam, cast, column, func, select, type_coerce

from service_notifications import reading
from service_notifications.mailbox import NEW, Mailbox
from service_notifications.models import Notification
from service_notifications.visibility import visible_to

_log = logging.getLogger(__name__)

POLL: Final = 2.0  # seconds; whoever tells of a notification may be away
_BATCH: Final = 200

_user = (
    func.unnest(cast(bindparam("users"), ARRAY(String)))
    .table_valued(column("utilisateur", String), name="lecteurs")
    .render_derived()
)
_readers = select(_user.c.utilisateur).where(visible_to(_user.c.utilisateur)).correlate(Notification)
_NEWS = (
    select(Notification, func.array(_readers.scalar_subquery(), type_=ARRAY(String)))
    .where(Notification.diffuser, Notification.sequence > bindparam("after", type_=BigInteger))
    .order_by(Notification.sequence)
    .limit(_BATCH)
)
_LAST = (
    select(type_coerce(Notification.sequence, BigInteger))
    .where(Notification.sequence.is_not(None))
    .order_by(Notification.sequence.desc())
    .limit(1)
)


class Room:
    """The streams of *organisation_id*. *members* hold it open, those who have joined are served."""

    def __init__(self, database: Database, organisation_id: str) -> None:
        self._database, self.organisation_id = database, organisation_id
        self.members: set[Mailbox] = set()
        self.tasks: list[asyncio.Task[None]] = []
        self._joined: set[Mailbox] = set()
        self._after = 0
        self._signals: list[pb.Signal] = []
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()  # who joins does so between two passes

    async def join(self, mailbox: Mailbox) -> int:
        """Serve *mailbox* from now on; return the place after which its events begin."""
        with within(Scope(self.organisation_id)):
            async with self._turn:
                if self.tasks:
                    await self._pass_on()
                else:
                    self._after = await self._database.read().one(_LAST) or 0
                    self.tasks.append(
                        asyncio.create_task(keep_running(f"streams of {self.organisation_id}", self._serve))
                    )
                self._joined.add(mailbox)
                return self._after

    def told(self, signal: pb.Signal) -> None:
        """Pass on what another instance, or this one, tells of."""
        if signal.utilisateur_id:
            self._signals.append(signal)
        self.wake()

    def wake(self) -> None:
        """Look for new notifications now."""
        self._woken.set()

    def close(self, refusal: Refusal) -> None:
        """End all streams with *refusal*."""
        for mailbox in self.members:
            mailbox.close(refusal)

    async def _serve(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._pass()
            except DatabaseError as error:
                _log.warning("streams of %s wait: %s", self.organisation_id, type(error).__name__)

    async def _pass(self) -> None:
        """Pass on new notifications, then what users did: nobody hears of that before the notification."""
        told = len(self._signals)
        async with self._turn:
            await self._pass_on()
        signals, self._signals = self._signals[:told], self._signals[told:]
        for signal in signals:
            for mailbox in self._present():
                if mailbox.utilisateur_id == signal.utilisateur_id:
                    for event in signal.events:
                        mailbox.put(event)

    async def _pass_on(self) -> None:
        full = True
        while full:
            users = [*{mailbox.utilisateur_id for mailbox in self._present()}]
            rows = await self._database.read().all(_NEWS, after=self._after, users=users)
            for notification, readers in rows:
                self._hand_over(notification, frozenset(readers))
                self._after = notification.sequence or self._after
            full = len(rows) == _BATCH

    def _hand_over(self, notification: Notification, readers: frozenset[str]) -> None:
        event = pb.NotificationEvent(type=NEW, notification=reading.message(notification))
        for mailbox in self._present():
            if mailbox.utilisateur_id in readers:
                mailbox.put(event)

    def _present(self) -> set[Mailbox]:
        self._joined &= self.members
        return self._joined
