"""Calls to other services that must happen in the end (C22): written with a change, sent after its commit.

    REVOKE = Command("revocation", RevokeUserRequest, send=revoke)
    SERVICE = Service(…, components=(OutgoingCommands((REVOKE,)),))

    async with database.transaction() as tx:
        await tx.update(membre, etat=RETIRE)
        await queue(tx, REVOKE, request, key=str(membre.id))

Read `command.py`, then `sender.py`.
"""

from service_kit.outgoing.alerts import (
    AVERTISSEMENT,
    COMMERCIAL,
    CRITIQUE,
    EVERYBODY,
    FINANCE,
    NOTIFICATION,
    alert,
)
from service_kit.outgoing.command import Command, growing, queue, request_of
from service_kit.outgoing.component import OutgoingCommands
from service_kit.outgoing.models import ABANDONNEE, EN_ATTENTE, ENVOYEE, REFUSEE, CommandeSortante
from service_kit.outgoing.sender import TRY_AGAIN

__all__ = [
    "ABANDONNEE",
    "AVERTISSEMENT",
    "COMMERCIAL",
    "CRITIQUE",
    "ENVOYEE",
    "EN_ATTENTE",
    "EVERYBODY",
    "FINANCE",
    "NOTIFICATION",
    "REFUSEE",
    "TRY_AGAIN",
    "Command",
    "CommandeSortante",
    "OutgoingCommands",
    "alert",
    "growing",
    "queue",
    "request_of",
]
