"""Sends what is due: in order about one object, side by side otherwise, until it is answered."""

import asyncio
import logging
from datetime import datetime
from typing import Any

import grpc
from db_utils import EVERYTHING, Envelope, Scope, Transaction, Undecipherable, clock, context
from google.protobuf.json_format import ParseError
from grpc_utils import Failure, failure_of
from grpc_utils.errors import Refusal
from sqlalchemy import String, bindparam, exists, select
from sqlalchemy.orm import aliased
from trace_utils import resume

from service_kit.app import App
from service_kit.outgoing.alerts import tell_refused, tell_waiting
from service_kit.outgoing.command import Command, request_of
from service_kit.outgoing.models import ABANDONNEE, EN_ATTENTE, ENVOYEE, REFUSEE, CommandeSortante

_log = logging.getLogger(__name__)

_AT_ONCE = 100  # commands of one look
_SIDE_BY_SIDE = 8  # calls
# What is said of the moment, not of the request; the last two do not tell what the call has done (C22).
TRY_AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)
_instant = CommandeSortante.prochain_essai.type
_earlier = aliased(CommandeSortante)
_DUE = (
    select(CommandeSortante)
    .where(
        CommandeSortante.etat == EN_ATTENTE,
        CommandeSortante.prochain_essai <= bindparam("now", type_=_instant),
        CommandeSortante.type == bindparam("type", type_=String),
        ~exists().where(
            _earlier.objet == CommandeSortante.objet,
            _earlier.organisation_id.is_not_distinct_from(CommandeSortante.organisation_id),
            _earlier.etat == EN_ATTENTE,
            _earlier.rang < CommandeSortante.rang,
        ),
    )
    .order_by(CommandeSortante.prochain_essai, CommandeSortante.rang)
    .limit(_AT_ONCE)
)


class Sender:
    """Sends the rows of *command*; of other kinds they wait only for earlier ones about the same object."""

    def __init__(self, command: Command[Any]) -> None:
        self._command = command

    async def send_due(self, app: App[Any]) -> None:
        """Send every command that is due, and what became due by it (a job)."""
        while due := await app.database.read().all(_DUE, now=clock.now(), type=self._command.name):
            slots = asyncio.Semaphore(_SIDE_BY_SIDE)
            await asyncio.gather(*(self._send(app, row, slots) for row in due))

    async def _send(self, app: App[Any], row: CommandeSortante, slots: asyncio.Semaphore) -> None:
        command = self._command
        context.scope.set(Scope(row.organisation_id) if row.organisation_id else EVERYTHING)
        context.correlation_id.set(row.correlation_id)
        resume(row.trace or {})
        async with slots:
            try:
                await command.send(app.peers, request_of(command, row, _envelope(app, command)))
            except (Refusal, grpc.aio.AioRpcError) as error:
                await _failed(app, command, row, failure_of(error))
            except (Undecipherable, ParseError) as error:
                await _refused(app, command, row, f"its request cannot be read: {type(error).__name__}")
            except Exception as error:  # a bug in *send*: it neither ends the command nor delays others
                _log.exception("command %s %s failed unexpectedly", row.type, row.id)
                await _failed(app, command, row, Failure(grpc.StatusCode.INTERNAL, type(error).__name__))
            else:
                await _end(app, row, ENVOYEE)


def _envelope(app: App[Any], command: Command[Any]) -> Envelope | None:
    envelope: Envelope | None = app.settings.envelope() if command.sealed else None
    return envelope


async def _failed(app: App[Any], command: Command[Any], row: CommandeSortante, failure: Failure) -> None:
    """Decide what becomes of *row* after a refusal: later, never, or it was done already."""
    erreur = str(failure)
    if failure.reason in command.done:
        await _end(app, row, ENVOYEE)
    elif failure.code not in TRY_AGAIN and failure.reason not in command.not_yet:
        await _refused(app, command, row, erreur)
    elif command.given_up_after is not None and clock.now() - row.created_at >= command.given_up_after:
        await _end(app, row, ABANDONNEE, erreur)
    else:
        await _put_off(app, command, row, erreur)


async def _put_off(app: App[Any], command: Command[Any], row: CommandeSortante, erreur: str) -> None:
    """Have *row* wait; somebody is told, once, when it has been owed for long."""
    attempts, now = row.tentatives + 1, clock.now()
    told = _to_be_told(command, row, now)
    _log.warning("command %s %s waits, attempt %d: %s", row.type, row.id, attempts, erreur)
    async with app.database.transaction() as tx:
        if told:
            _log.error("command %s %s has been owed since %s: %s", row.type, row.id, row.created_at, erreur)
            await tell_waiting(tx, row, command.libelle, erreur)
        await tx.update(
            row,
            tentatives=attempts,
            prochain_essai=now + command.waits(attempts),
            erreur=erreur,
            alerte_le=now if told else row.alerte_le,
        )


def _to_be_told(command: Command[Any], row: CommandeSortante, now: datetime) -> bool:
    patience = command.alerted_after
    return patience is not None and row.alerte_le is None and now - row.created_at >= patience


async def _refused(app: App[Any], command: Command[Any], row: CommandeSortante, erreur: str) -> None:
    """End *row*, which would be refused for ever, and have people told."""
    async with app.database.transaction() as tx:
        if command.alerted_after is not None:
            await tell_refused(tx, row, command.libelle, erreur)
        await _end_in(tx, row, REFUSEE, erreur)


async def _end(app: App[Any], row: CommandeSortante, etat: str, erreur: str = "") -> None:
    async with app.database.transaction() as tx:
        await _end_in(tx, row, etat, erreur)


async def _end_in(tx: Transaction, row: CommandeSortante, etat: str, erreur: str) -> None:
    """Note the end of *row*; its request, with what is secret or personal in it, goes."""
    if etat != ENVOYEE:
        _log.error("command %s %s has ended as %s: %s", row.type, row.id, etat, erreur)
    await tx.update(
        row, etat=etat, tentatives=row.tentatives + 1, erreur=erreur, charge={}, terminee_le=clock.now()
    )
