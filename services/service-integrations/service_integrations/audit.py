"""The audit (R22): writing its lines, and reading them.

An effect and its line are written in one transaction, the line within a savepoint: when the line
fails, that is logged and the effect stays.
"""

import ipaddress
import logging
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AuditServiceServicer
from db_utils import Database, DatabaseError, Listing, Transaction, context
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Context, caller, list_answer, page_of, timestamp
from service_kit import App

from service_integrations.callers import acting_for
from service_integrations.models import AuditIntegration
from service_integrations.operations import operated
from service_integrations.settings import IntegrationsSettings

_log = logging.getLogger(__name__)
_LONGEST_ERROR, _LONGEST_AGENT = 200, 300
_FAILURES = (DatabaseError, psycopg.Error)

LINES = Listing(
    AuditIntegration,
    sorts=("created_at desc",),
    filters={
        "user_id": None,
        "provider": None,
        "evenement": None,
        "correlation_id": None,
        "du": lambda value: AuditIntegration.created_at >= value,
        "au": lambda value: AuditIntegration.created_at <= value,
    },
)


class FromSomewhere(Protocol):
    """A request with the address and the browser of the person, as the gateway has seen them."""

    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Browser:
    """The address and the browser of a person, as far as the gateway has told them."""

    ip: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: FromSomewhere) -> "Browser":
        """The browser that *request* tells of, cut to what its columns take.

        A text that is no address is left out: the audit is no reason to refuse a call.
        """
        try:
            ip = str(ipaddress.ip_address(request.ip))
        except ValueError:
            ip = None
        return cls(ip and ip.partition("%")[0], request.user_agent[:_LONGEST_AGENT])


def audit_line(
    evenement: str,
    provider: str,
    user_id: str | None,
    *,
    account_id: str = "",
    erreur: str = "",
    browser: Browser | None = None,
    **details: Any,
) -> AuditIntegration:
    """A line about an event that has just happened, with the correlation id of the call or job (R2)."""
    browser = browser or Browser()
    return AuditIntegration(
        evenement=evenement,
        provider=provider,
        user_id=user_id,
        account_id=account_id,
        erreur=erreur[:_LONGEST_ERROR],
        ip=browser.ip,
        user_agent=browser.user_agent,
        correlation_id=context.correlation_id.get(),
        details=details,
    )


async def note_in(tx: Transaction, line: AuditIntegration) -> None:
    """Write *line* in the transaction of its effect, which a failing line does not undo."""
    try:
        async with tx.part():
            await tx.insert(line)
    except _FAILURES as error:
        _missed(line, error)


async def note(database: Database, line: AuditIntegration) -> None:
    """Write *line* about an event without another effect; a failure is logged."""
    try:
        async with database.transaction() as tx:
            await tx.insert(line)
    except _FAILURES as error:
        _missed(line, error)


def _missed(line: AuditIntegration, error: Exception) -> None:
    _log.error(
        "the audit misses %s of %s (correlation id %s): %s",
        line.evenement,
        line.provider,
        line.correlation_id,
        type(error).__name__,
    )


@operated
class AuditService(AuditServiceServicer):
    """The lines of one user, or those of all for services."""

    def __init__(self, app: App[IntegrationsSettings]) -> None:
        self._db = app.database

    async def List(self, request: pb.ListAuditRequest, context: Context) -> pb.ListAuditResponse:
        """List lines of the audit, the newest first. Raises InvalidUserId, AccountNotFound (R24)."""
        of_everybody = caller().kind != "user" and not request.user_id
        user_id = None if of_everybody else acting_for(request.user_id, request.provider)
        page = await page_of(LINES, self._db.read(), request, user_id=user_id)
        return list_answer(pb.ListAuditResponse, page, map(_message, page.rows))


def _message(line: AuditIntegration) -> pb.EntreeAudit:
    details = Struct()
    details.update(line.details)
    return pb.EntreeAudit(
        id=str(line.id),
        user_id=line.user_id or "",
        provider=line.provider,
        account_id=line.account_id,
        evenement=line.evenement,
        erreur=line.erreur,
        ip="" if line.ip is None else str(line.ip),
        user_agent=line.user_agent,
        correlation_id=line.correlation_id,
        details=details,
        created_at=timestamp(line.created_at),
    )
