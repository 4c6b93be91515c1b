"""The interception between the authentication of a call and its handler.

Somebody met lately costs nothing. Somebody known costs one look-up, and users is told in the
background. For somebody new, users is told, and the copy is made by its event or else here; whose
token names neither organisation nor type stays unknown. Nothing that is away keeps anybody out.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

from cachetools import FIFOCache
from crm.users import users_pb2 as pb
from db_utils import (
    Conflict,
    DatabaseError,
    DatabaseUnavailable,
    StatementTimeout,
    VersionConflict,
    clock,
    retried,
)
from grpc_utils import Identity
from grpc_utils.providers import provider_of
from nats_utils import end
from service_kit import App

from user_sync import copies, current, queue, rules, telemetry
from user_sync.cache import MOST, Cache
from user_sync.current import UtilisateurCourant
from user_sync.models import EVENEMENT, UtilisateurLocal
from user_sync.organisations import Accueil
from user_sync.rules import Central, CompteDesactive, Personne
from user_sync.settings import UserSyncSettings
from user_sync.users_client import Closed, NotTold, Unusable, UsersClient

_log = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_EVERY: Final = 0.01  # seconds between two looks for the copy that an event makes (S6)
_LOOK_UP: Final = 1.0  # seconds until the database counts as away; callers wait 2 s in all (C14)
_AWAY = (DatabaseUnavailable, StatementTimeout, TimeoutError)


class Synchroniser:
    """Interception of the calls of one process, for a service that users knows as *service*."""

    def __init__(self, app: App[UserSyncSettings], service: str, app_code: str, accueil: Accueil) -> None:
        self._db, self._settings = app.database, app.settings
        self._service, self._app_code, self._accueil = service, app_code, accueil
        self._users = UsersClient(app.peers, app.settings.user_sync_timeout_ms / 1000)
        self._cache = Cache(app.settings.user_cache_s)
        self._told: FIFOCache[str, float] = FIFOCache(MOST)  # when users was told last, by subject
        self._arrivals: dict[str, asyncio.Task[UtilisateurCourant]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        app.database.on_changed(UtilisateurLocal, self._cache.forget)

    async def greet(self, identity: Identity) -> None:
        """Find or make the local user behind a call. Raises UtilisateurNonAutorise, CompteDesactive."""
        if identity.kind != "user":  # services have no copy (S1)
            current.set_utilisateur(None)
            return
        known = self._cache.get(identity.subject)
        current.set_utilisateur(known if known is not None else await self._met(identity))

    async def close(self) -> None:
        """End what runs in the background; users is told of those people the next time they call."""
        await end(*self._tasks)

    async def _met(self, identity: Identity) -> UtilisateurCourant:
        personne = rules.personne_of(identity, self._settings.user_type_claims)
        changes = self._cache.changes
        try:
            copy = await self._looked_up(identity.subject)
        except _AWAY:
            return current.of_token(identity, personne)  # the token alone (S10)
        if copy is None:
            return await self._newcomer(identity, personne)
        self._tell_soon(identity, personne, copy)
        if not copy.actif:
            self._note("refuse", personne, time.perf_counter())
            raise CompteDesactive
        return self._cache.put(identity.subject, copy, changes)

    async def _looked_up(self, sujet: str) -> UtilisateurLocal | None:
        """Return the copy of *sujet*. Raises TimeoutError after a second, and leaves the query running."""
        look = self._run(copies.by_subject(self._db.read(), sujet))
        await asyncio.wait((look,), timeout=_LOOK_UP)
        if not look.done():
            raise TimeoutError
        return look.result()

    async def _newcomer(self, identity: Identity, personne: Personne) -> UtilisateurCourant:
        """Return the local user of a newcomer; of many first calls at once, one works for all (S11)."""
        try:
            if not rules.is_announced(personne):
                telemetry.count(self._service, "sans_revendications")
                return current.of_token(identity, personne)
        except rules.UtilisateurNonAutorise:
            self._note("refuse", personne, time.perf_counter())
            raise
        arrival = self._arrivals.get(personne.sujet)
        if arrival is None:
            arrival = self._run(self._arrived(identity, personne))
            self._arrivals[personne.sujet] = arrival
            arrival.add_done_callback(lambda _: self._arrivals.pop(personne.sujet))
        return await asyncio.shield(arrival)

    async def _arrived(self, identity: Identity, personne: Personne) -> UtilisateurCourant:
        started = time.perf_counter()
        try:
            copy = await copies.by_subject(self._db.read(), personne.sujet)
            if copy is None:  # no event was quicker
                copy, result = await self._registered(identity, personne)
                self._note(result, personne, started)
            if not copy.actif:
                raise Closed
        except _AWAY:
            return current.of_token(identity, personne)
        except Closed:
            self._note("refuse", personne, started)
            raise CompteDesactive from None
        self._told[personne.sujet] = clock.timestamp()
        return current.of_copy(copy)

    async def _registered(
        self, identity: Identity, personne: Personne
    ) -> tuple[UtilisateurLocal, telemetry.Result]:
        """Tell users, and return the copy, made by its event or here (S5 to S8). Raises Closed."""
        request = self._request(identity, personne, firstLoginFrom=self._app_code)
        try:
            central = await self._users.tell(request)
        except NotTold as error:
            _log.warning("users is told later: %s", error)
            return await self._made(personne, None, later=(request, error)), "en_attente"
        except Unusable as error:
            _log.error("users refuses the sign-in of %s: %s", telemetry.hashed(personne.sujet), error)
            return await self._made(personne, None), "secours"
        copy = await self._heard_of(personne.sujet)
        if copy is None:
            copy = await self._made(personne, central)
        return copy, "evenement" if copy.origine == EVENEMENT else "secours"

    async def _heard_of(self, sujet: str) -> UtilisateurLocal | None:
        """Return the copy that the event makes, None if it does not come in time (S6)."""
        ends_at = time.monotonic() + self._settings.user_sync_wait_ms / 1000
        while True:
            copy = await copies.by_subject(self._db.read(), sujet)
            if copy is not None or time.monotonic() >= ends_at:
                return copy
            await asyncio.sleep(_LOOK_EVERY)

    async def _made(
        self,
        personne: Personne,
        central: Central | None,
        *,
        later: tuple[pb.SyncUserRequest, NotTold] | None = None,
    ) -> UtilisateurLocal:
        """Make the copy here, in one transaction with what users is to be told *later*."""

        async def work() -> UtilisateurLocal:
            async with self._db.transaction() as tx:
                copy = await copies.settled(tx, personne, central)
                await self._accueil.enter(tx, copy, personne.organisation_id, clock.now())
                if later is not None:
                    await queue.keep(tx, *later)
                return copy

        return await retried(work, Conflict, VersionConflict)

    def _tell_soon(self, identity: Identity, personne: Personne, copy: UtilisateurLocal) -> None:
        """Tell users in the background that somebody known is here, at most once per interval (S3)."""
        if personne.sujet in self._arrivals:  # users is being told; the event was quicker than the answer
            return
        last = self._told.get(personne.sujet, float("-inf"))
        if clock.timestamp() - last < self._settings.user_sync_interval_s:
            return
        self._told[personne.sujet] = clock.timestamp()
        complete = replace(
            personne,
            organisation_id=personne.organisation_id or copy.organisation_id,
            user_type=personne.user_type or copy.user_type or "",
            email=personne.email or copy.email or "",
        )
        telling = self._tell(self._request(identity, complete, existingUser=True), complete)
        self._run(telling).add_done_callback(_report)

    async def _tell(self, request: pb.SyncUserRequest, personne: Personne) -> None:
        started, central, closed, later = time.perf_counter(), None, False, None
        try:
            central = await self._users.tell(request)
        except NotTold as error:
            _log.warning("users is told later: %s", error)
            later = error
        except Unusable as error:
            _log.error("users refuses the sign-in of %s: %s", telemetry.hashed(personne.sujet), error)
        except Closed:
            closed = True

        async def work() -> None:
            async with self._db.transaction() as tx:
                if closed:
                    await copies.deactivated(tx, personne.sujet)
                    return
                await copies.seen(tx, personne.sujet, central)
                if later is not None:
                    await queue.keep(tx, request, later)
                elif central is not None:
                    await queue.told(tx, personne.sujet)

        await retried(work, Conflict, VersionConflict)
        self._note("refuse" if closed else "en_attente" if later else "connu", personne, started)

    def _request(self, identity: Identity, personne: Personne, **metadata: str | bool) -> pb.SyncUserRequest:
        fournisseur = provider_of(identity.issuer, self._settings)
        return rules.sync_request(personne, identity, fournisseur, self._service, metadata)

    def _note(self, result: telemetry.Result, personne: Personne, started: float) -> None:
        telemetry.note(self._service, result, personne, started)

    def _run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* in a task of its own, which goes on when its caller gives up."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of, or asyncio would log it when nobody waits any more


def _report(telling: asyncio.Task[None]) -> None:
    """Log a failure to tell users, for which nobody waits."""
    if telling.cancelled() or (error := telling.exception()) is None:
        return
    if isinstance(error, DatabaseError):
        _log.warning("a sign-in was not noted: %s", type(error).__name__)
    else:
        _log.error("a synchronisation failed unexpectedly", exc_info=error)
