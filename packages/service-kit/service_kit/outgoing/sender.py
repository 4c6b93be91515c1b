"""Sends what is due: in order about one object, side by side otherwise, until it is answered."""

import asyncio
import logging
from typing import Any

import grpc
from db_utils import EVERYTHING, Envelope, Scope, Undecipherable, clock, context
from google.protobuf.json_format import ParseError
from grpc_utils import reason_of
from grpc_utils.errors import Refusal
from sqlalchemy import String, bindparam, exists, select
from sqlalchemy.orm import aliased

from service_kit.app import App
from service_kit.outgoing.command import Command, request_of
from service_kit.outgoing.models import ABANDONNEE, EN_ATTENTE, ENVOYEE, REFUSEE, CommandeSortante

_log = logging.getLogger(__name__)

_AT_ONCE = 100  # commands of one look
_SIDE_BY_SIDE = 8  # calls
_TRY_AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
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
        async with slots:
            try:
                await command.send(app.peers, request_of(command, row, _envelope(app, command)))
            except (Refusal, grpc.aio.AioRpcError) as error:
                await _failed(app, command, row, error)
            except (Undecipherable, ParseError) as error:
                await _end(app, row, REFUSEE, f"its request cannot be read: {type(error).__name__}")
            else:
                await _end(app, row, ENVOYEE)


def _envelope(app: App[Any], command: Command[Any]) -> Envelope | None:
    envelope: Envelope | None = app.settings.envelope() if command.sealed else None
    return envelope


async def _failed(
    app: App[Any], command: Command[Any], row: CommandeSortante, error: Refusal | grpc.aio.AioRpcError
) -> None:
    """Decide what becomes of *row* after *error*: later, never, or it was done already."""
    code, reason = _said(error)
    if reason in command.done:
        await _end(app, row, ENVOYEE)
    elif code not in _TRY_AGAIN and reason not in command.not_yet:
        await _end(app, row, REFUSEE, f"{code.name} {reason}")
    elif command.given_up_after is not None and clock.now() - row.created_at >= command.given_up_after:
        await _end(app, row, ABANDONNEE, f"{code.name} {reason}")
    else:
        await _put_off(app, command, row, f"{code.name} {reason}")


def _said(error: Refusal | grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, Refusal):
        return error.code, error.reason
    return error.code(), reason_of(error)


async def _put_off(app: App[Any], command: Command[Any], row: CommandeSortante, erreur: str) -> None:
    tries = row.tentatives + 1
    _log.warning("command %s %s waits, try %d: %s", row.type, row.id, tries, erreur)
    async with app.database.transaction() as tx:
        next_try = clock.now() + command.waits(tries)
        await tx.update(row, tentatives=tries, prochain_essai=next_try, erreur=erreur)


async def _end(app: App[Any], row: CommandeSortante, etat: str, erreur: str = "") -> None:
    """Note the end of *row*; its request, with what is secret or personal in it, goes."""
    if etat != ENVOYEE:
        _log.error("command %s %s has ended as %s: %s", row.type, row.id, etat, erreur)
    async with app.database.transaction() as tx:
        await tx.update(
            row, etat=etat, tentatives=row.tentatives + 1, erreur=erreur, charge={}, terminee_le=clock.now()
        )
