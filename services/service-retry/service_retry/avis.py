"""Notices to clients that a debit is presented again (R12), one for each attempt that was submitted.

Whether the client can be written to is asked first; then the mail is owed to the email service. Neither
has any effect on the debit.
"""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.email.email_pb2 import Destinataire, SendTemplateRequest
from crm.email.email_pb2_grpc import EmailServiceStub
from db_utils import Scope, Transaction, due_rows, parse_uuid, take_due, within
from grpc_utils import Peers, answered_or_none, found, written_amount
from grpc_utils.errors import CleIdempotenceReutilisee
from service_kit import App, Worker
from service_kit.outgoing import Command, growing, queue

from service_retry import journal
from service_retry.calendrier import SILENT
from service_retry.codes import sentence
from service_retry.models import RetryAttempt, RetryAvis, RetrySchedule
from service_retry.suites import written_date

_log = logging.getLogger(__name__)

MODELE: Final = "REPRESENTATION_PRELEVEMENT"
EXTERNE, INCONNU, SANS_EMAIL = "CLIENT_EXTERNE", "CLIENT_INCONNU", "CLIENT_SANS_EMAIL"
_AT_ONCE: Final = 50
_WAITS: Final = tuple(growing(attempt) for attempt in range(1, 12))
_DUE = due_rows(RetryAvis, limit=_AT_ONCE)


async def _send(peers: Peers, request: SendTemplateRequest) -> None:
    await peers.stub(EmailServiceStub).SendTemplate(request)


AVIS: Final = Command(
    "avis",
    SendTemplateRequest,
    send=_send,
    done=frozenset({CleIdempotenceReutilisee.reason}),  # it was sent before, in other words
    libelle="avis de nouvelle présentation au client",
)


async def tell_clients(app: App[Any]) -> None:
    """Owe the notices that are due to the email service (a job)."""
    while True:
        async with app.database.transaction() as tx:
            due = await take_due(tx, _DUE, _WAITS)
        for avis in due:
            with within(Scope(avis.organisation_id)):
                await _tell(app, avis)
        if len(due) < _AT_ONCE:
            return


async def _tell(app: App[Any], avis: RetryAvis) -> None:
    """Ask who is to be told and owe the mail; while clients is silent the notice waits."""
    reader = app.database.read()
    attempt = found(await reader.get(RetryAttempt, avis.id))
    schedule = found(await reader.get(RetrySchedule, attempt.retry_schedule_id))
    client, motif = None, EXTERNE
    if parse_uuid(schedule.client_id):  # other ids are not of our making (C2)
        try:
            client, motif = await _client(app, schedule.client_id)
        except SILENT as error:
            _log.warning("notice of attempt %s waits for clients: %r", avis.id, error)
            return
    async with app.database.transaction() as tx:
        mine = await tx.get(RetryAvis, avis.id, lock=True)
        if mine is None:  # another process was faster
            return
        await tx.delete(mine)
        await _owe(tx, schedule, attempt, client, motif)


async def _client(app: App[Any], client_id: str) -> tuple[ClientBase | None, str]:
    """The client who can be written to, else why there is none."""
    stub = app.peers.stub(ClientBaseServiceStub)
    client = await answered_or_none(stub.Get(GetClientBaseRequest(id=client_id)))
    if client is None:
        return None, INCONNU
    return (client, "") if client.email else (None, SANS_EMAIL)


async def _owe(
    tx: Transaction, schedule: RetrySchedule, attempt: RetryAttempt, client: ClientBase | None, motif: str
) -> None:
    if client is None:
        journal.record(tx, schedule, journal.NOTICE_SKIPPED, attempt.id, apres={"motif": motif})
        return
    key = f"retry:{schedule.id}:{attempt.attempt_number}:avis"
    request = notice(schedule, attempt, client, key)
    await queue(tx, AVIS, request, key=key, organisation_id=schedule.organisation_id)
    journal.record(tx, schedule, journal.NOTICE_QUEUED, attempt.id, apres={"cle": key})


def notice(
    schedule: RetrySchedule, attempt: RetryAttempt, client: ClientBase, key: str
) -> SendTemplateRequest:
    """The notice of *attempt* for *client* (R12)."""
    initial = schedule.date_prelevement or schedule.rejection_date
    request = SendTemplateRequest(
        organisation_id=schedule.organisation_id,
        societe_id=schedule.societe_id,
        a=[Destinataire(email=client.email, nom=" ".join(filter(None, (client.prenom, client.nom))))],
        modele_code=MODELE,
        cle_idempotence=key,
    )
    variables = {
        "prenom": client.prenom,
        "nom": client.nom,
        "montant": written_amount(Decimal(schedule.montant)),
        "date_initiale": written_date(initial),
        "motif": sentence(schedule.rejection_code),
        "date_nouvelle": written_date(attempt.planned_date),
    }
    request.variables.update(variables)
    return request


JOB: Final = Worker("avis", tell_clients, every=timedelta(seconds=5), wake_on=RetryAvis)
