"""Messages as work: taken under a lease, given back with an outcome (R10).

Taking moves prochain_essai to the end of the lease, so that the messages of a dead worker
are due again by themselves. The worker is in `delivery.py`.
"""

import asyncio
import logging
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from db_utils import (
    Database,
    DatabaseUnavailable,
    StatementTimeout,
    VersionConflict,
    clock,
    due_rows,
    take_due,
)
from sqlalchemy import bindparam, delete, func, not_, select

from service_email.alertes import tell_undeliverable
from service_email.attempts import Outcome
from service_email.mime import Piece
from service_email.models import COMPTE, EN_COURS, ENVOYE, ContenuPiece, Message, Tentative
from service_email.pieces import content_row, described
from service_email.transports import SMTPUTF8_ABSENT

_log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
RATE, RATE_PERIOD = 100, timedelta(minutes=1)  # attempts per organisation (R18)
_INSIST_EVERY = 1.0  # seconds between attempts to write an outcome

# Attempts count, not messages: a message that is tried again uses the sender's reputation again.
_AT_ITS_RATE = (
    select(Tentative.organisation_id)
    .where(Tentative.debut > bindparam("since", type_=Tentative.debut.type))
    .group_by(Tentative.organisation_id)
    .having(func.count() >= RATE)
)
_DUE = due_rows(Message, not_(Message.organisation_id.in_(_AT_ITS_RATE)), limit=bindparam("most"))


_CONTENTS = select(ContenuPiece).where(ContenuPiece.message_id == bindparam("message_id"))
_FORGET_CONTENTS = delete(ContenuPiece).where(ContenuPiece.message_id == bindparam("message_id"))


@dataclass(frozen=True, slots=True)
class Job:
    """A message that one worker alone may send until its prochain_essai, and the attempt under way."""

    message: Message
    tentative: Tentative


def _begun(message: Message, now: datetime) -> Tentative:
    return Tentative(
        organisation_id=message.organisation_id,
        message_id=message.id,
        numero=message.essais_anterieurs + message.tentatives,
        debut=now,
    )


def _forgotten(message: Message, outcome: Outcome) -> dict[str, Any]:
    """The columns to forget of *message* after *outcome*: those that its row needs no more.

    What has failed may be sent again (R11), except a mail about an account, whose bodies may hold a link that
    is a secret (R20).
    """
    forgotten: dict[str, Any] = {"corps_sans_piece": None} if outcome.statut == ENVOYE else {}
    if message.origine == COMPTE and outcome.prochain_essai is None:
        forgotten |= {"corps_texte": None, "corps_html": None}
    return forgotten


class Queue:
    """The due messages of *database*, for its workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, most: int) -> list[Job]:
        """Take at most *most* due messages; their attempts are in the journal already.

        An organisation at its rate (R18) is left out; one close to it may exceed it by less than *most*.
        """
        if not most:
            return []
        now = clock.now()
        async with self._database.transaction() as tx:
            taken = {"statut": EN_COURS}
            messages = await take_due(tx, _DUE, (LEASE,), changes=taken, since=now - RATE_PERIOD, most=most)
            return [Job(one, await tx.insert(_begun(one, now))) for one in messages]

    async def contents(self, message: Message) -> dict[int, Piece]:
        """The stored attachments of *message*, by their places."""
        rows = await self._database.read().all(_CONTENTS, message_id=message.id)
        known = message.pieces_jointes
        return {
            row.rang: Piece(known[row.rang]["nom"], known[row.rang]["type_mime"], row.contenu) for row in rows
        }

    async def attach(self, job: Job, pieces: Mapping[int, Piece]) -> Job:
        """Store *pieces* at their places for all attempts to come; return the job as it is now.

        Raises VersionConflict when the lease has ended.
        """
        message = copy(job.message)
        entries = dict(enumerate(message.pieces_jointes))
        entries |= {rang: entries.get(rang, {}) | described(piece) for rang, piece in pieces.items()}
        async with self._database.transaction() as tx:
            await tx.update(message, pieces_jointes=[entry for _, entry in sorted(entries.items())])
            for rang, piece in pieces.items():
                await tx.insert(content_row(message, rang, piece.contenu))
        return replace(job, message=message)

    async def unattached(self, job: Job) -> Job:
        """Give the message of *job* the bodies that speak of no attachment. Raises like `attach`."""
        message, bodies = copy(job.message), job.message.corps_sans_piece
        if bodies is not None:
            async with self._database.transaction() as tx:
                await tx.update(message, corps_texte=bodies["texte"], corps_html=bodies["html"])
        return replace(job, message=message)

    async def note(self, job: Job, outcome: Outcome) -> None:
        """Write the outcome of *job*, trying again every second as long as the lease lasts.

        A mail whose outcome is lost is sent again; a short absence of the database must not
        cause that.
        """
        assert job.message.prochain_essai is not None
        while True:
            try:
                return await self._note(job, outcome)
            except (DatabaseUnavailable, StatementTimeout):
                if clock.now() >= job.message.prochain_essai:
                    raise
                await asyncio.sleep(_INSIST_EVERY)

    async def _note(self, job: Job, outcome: Outcome) -> None:
        # Copies: an update changes the row in memory even if the commit then fails.
        message, tentative = copy(job.message), copy(job.tentative)
        try:
            async with self._database.transaction() as tx:
                await tx.update(message, **outcome.columns, **_forgotten(message, outcome))
                if outcome.statut == ENVOYE and message.pieces_jointes:
                    await tx.execute(_FORGET_CONTENTS, message_id=message.id)
                await tx.update(
                    tentative, fin=clock.now(), code_smtp=outcome.code_smtp, reponse=outcome.reponse
                )
                if outcome.derniere_erreur == SMTPUTF8_ABSENT:
                    await tell_undeliverable(tx, message)
        except VersionConflict:
            _log.warning("message %s: its lease had ended, another attempt counts", message.id)
