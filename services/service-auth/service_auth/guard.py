"""Admission of sign-ins: limits, counts and journal (R4–R6, R22).

The rules are in `limits.py`. Counting never holds a transaction while another service is
asked: a slot is committed before, and settled after.
"""

import hashlib
import hmac
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db_utils import Transaction, clock
from grpc_utils.errors import (
    FormatInvalide,
    InvalidArgument,
    PermissionDenied,
    TropDeRequetes,
    Unauthenticated,
)
from grpc_utils.telemetry import masked
from service_kit import App, sender_of
from sqlalchemy import bindparam, delete, func, or_, select

from service_auth import limits
from service_auth.limits import Traffic
from service_auth.models import (
    ECHEC,
    GOOGLE,
    LIMITE,
    PASSWORD,
    REFUS,
    SENDER,
    SUCCES,
    VERROUILLE,
    TentativeConnexion,
    Verrou,
)
from service_auth.refusals import CompteVerrouille
from service_auth.settings import AuthSettings

INCONNUE = "inconnue"
_NOWHERE = "0.0.0.0"  # noqa: S104  # stands for an unknown address: nobody calls from it (RFC 1122 3.2.1.3)
_LONGEST_AGENT, _LONGEST_MASK = 300, 80

_instant = TentativeConnexion.created_at.type
_LOCKED_ROW = select(Verrou).where(Verrou.email_hash == bindparam("email")).with_for_update()
_UNLOCK = delete(Verrou).where(Verrou.email_hash == bindparam("email"))
_failed = or_(TentativeConnexion.resultat == ECHEC, TentativeConnexion.resultat == REFUS)
_lately = TentativeConnexion.created_at > bindparam("lately", type_=_instant)
_TRAFFIC: Any = select(
    func.count().filter(_failed),
    func.min(TentativeConnexion.created_at).filter(_failed),
    func.count().filter(_lately),
    func.min(TentativeConnexion.created_at).filter(_lately),
).where(
    bindparam("sender", type_=TentativeConnexion.ip.type) == SENDER,
    TentativeConnexion.created_at > bindparam("since", type_=_instant),
    TentativeConnexion.resultat != LIMITE,  # counted, they would keep out whoever goes on asking
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of an attempt: *ip* in canonical spelling, *user_agent* cut to 300 characters."""

    ip: str
    user_agent: str

    @property
    def sender(self) -> str:
        """What the limits of an address count: the address, or its network (R5)."""
        return sender_of(self.ip)

    @classmethod
    def of(cls, ip: str, user_agent: str = "") -> "Origin":
        """Origin that a request tells. Raises FormatInvalide."""
        return cls(address(ip), user_agent[:_LONGEST_AGENT])


@dataclass(slots=True)
class GoogleAttempt:
    """A sign-in at Google under way; *email* is empty until Google has told it."""

    email: str = ""


class Guard:
    """Limits and journal of sign-ins; attempts under way are counted in this process alone."""

    def __init__(self, app: App[AuthSettings]) -> None:
        self._database = app.database
        self._pepper = app.settings.auth_pepper.get_secret_value().encode()
        self._under_way: Counter[str] = Counter()

    @asynccontextmanager
    async def password(self, email: str, origin: Origin | None) -> AsyncIterator[None]:
        """Check a password of *email* inside: an Unauthenticated that leaves the block is a failure.

        A PermissionDenied is noted as a refusal of somebody who has proved himself, any other
        exception counts as nothing. When the caller goes away in the middle, the slot stays taken.
        Without *origin*, somebody who is signed in repeats his password: only the limits of the email
        apply then. Raises TropDeRequetes, CompteVerrouille.
        """
        async with self._let_in(origin, PASSWORD, email):
            slot = await self._take_slot(email, origin)
            try:
                yield
            except Unauthenticated:
                await self._note(PASSWORD, ECHEC, email, origin)
                raise
            except Exception as error:
                await self._give_back(email, slot)
                if isinstance(error, PermissionDenied):
                    await self._note(PASSWORD, REFUS, email, origin)
                raise
            async with self._database.transaction() as tx:
                verrou = await self._verrou(tx, email)
                await tx.update(verrou, **limits.cleared(verrou), updated_at=clock.now())
                await tx.insert(self._line(PASSWORD, SUCCES, email, origin))

    @asynccontextmanager
    async def google(self, origin: Origin) -> AsyncIterator[GoogleAttempt]:
        """Sign in at Google inside; refusals are noted in the journal. Raises TropDeRequetes."""
        attempt = GoogleAttempt()
        async with self._let_in(origin, GOOGLE):
            try:
                yield attempt
            except Unauthenticated:
                await self._note(GOOGLE, ECHEC, attempt.email, origin)
                raise
            except (InvalidArgument, PermissionDenied):
                await self._note(GOOGLE, REFUS, attempt.email, origin)
                raise
            await self._note(GOOGLE, SUCCES, attempt.email, origin)

    async def check(self, origin: Origin) -> None:
        """Refuse an address that has tried too often already. Raises TropDeRequetes."""
        await self._check_traffic(origin, self._under_way[origin.sender])

    async def unlock(self, email: str) -> bool:
        """Forget the failures and the lock of *email*; tell whether there were any."""
        async with self._database.transaction() as tx:
            return bool(await tx.execute(_UNLOCK, email=self.hashed(email)))

    def hashed(self, email: str) -> bytes:
        """Keyed hash that stands for *email* in the tables."""
        return hmac.digest(self._pepper, email.encode(), hashlib.sha256)

    @asynccontextmanager
    async def _let_in(self, origin: Origin | None, methode: str, email: str = "") -> AsyncIterator[None]:
        if origin is None:
            yield
            return
        with self._counted(origin.sender) as others:
            try:
                await self._check_traffic(origin, others)
            except TropDeRequetes:
                await self._note(methode, LIMITE, email, origin)
                raise
            yield

    @contextmanager
    def _counted(self, sender: str) -> Iterator[int]:
        """Count an attempt of *sender* while it is under way; yield the number of others."""
        others = self._under_way[sender]
        self._under_way[sender] += 1
        try:
            yield others
        finally:
            self._under_way[sender] -= 1
            if not self._under_way[sender]:
                del self._under_way[sender]

    async def _check_traffic(self, origin: Origin, others: int) -> None:
        now = clock.now()
        counts = await self._database.read().all(
            _TRAFFIC, sender=origin.sender, since=now - limits.WINDOW, lately=now - limits.LOGINS_WINDOW
        )
        limits.check_traffic(Traffic(*counts[0]), others, now)

    async def _take_slot(self, email: str, origin: Origin | None) -> datetime:
        now = clock.now()
        try:
            async with self._database.transaction() as tx:
                await tx.insert(Verrou(email_hash=self.hashed(email)), if_absent=True)
                verrou = await self._verrou(tx, email)
                await tx.update(verrou, **limits.slot_taken(verrou, now), updated_at=now)
        except CompteVerrouille:
            await self._note(PASSWORD, VERROUILLE, email, origin)
            raise
        return now

    async def _give_back(self, email: str, slot: datetime) -> None:
        async with self._database.transaction() as tx:
            verrou = await self._verrou(tx, email)
            await tx.update(verrou, **limits.slot_given_back(verrou, slot), updated_at=clock.now())

    async def _verrou(self, tx: Transaction, email: str) -> Verrou:
        """Row of *email*, locked until *tx* ends: parallel attempts count one after the other."""
        hashed = self.hashed(email)
        # An operator or the purge may have deleted the row since the slot was taken.
        return await tx.one(_LOCKED_ROW, email=hashed) or await tx.insert(Verrou(email_hash=hashed))

    async def _note(self, methode: str, resultat: str, email: str, origin: Origin | None) -> None:
        async with self._database.transaction() as tx:
            await tx.insert(self._line(methode, resultat, email, origin))

    def _line(self, methode: str, resultat: str, email: str, origin: Origin | None) -> TentativeConnexion:
        return TentativeConnexion(
            email_hash=self.hashed(email) if email else None,
            email_masque=masked(email)[:_LONGEST_MASK],
            ip=origin.ip if origin else None,
            methode=methode,
            resultat=resultat,
            user_agent=origin.user_agent if origin else "",
        )


def address(ip: str) -> str:
    """Canonical spelling of *ip*; all unknown addresses share one. Raises FormatInvalide."""
    if ip in ("", INCONNUE):
        return _NOWHERE
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        raise FormatInvalide(champ="ip") from None
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or ipaddress.IPv6Address(parsed.packed)
    return str(parsed)


def told(ip: object) -> str:
    """Spelling of a journal's *ip* for callers, `inconnue` when it was unknown."""
    return INCONNUE if ip is None or str(ip) == _NOWHERE else str(ip)
