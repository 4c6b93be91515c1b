"""Checks before a debit is presented again: the invoice, the contract, the mandate (R10).

The first one that fails decides. Nothing is presented while a service that must tell does not answer.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from crm.contrats.contrats_pb2 import GetContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.factures.factures_pb2 import GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments.payments_pb2 import ListMandatesRequest, Mandate, Payment
from crm.payments.payments_pb2_grpc import MandateServiceStub
from db_utils import parse_uuid
from grpc_utils import all_pages, answered_or_none
from service_kit import App

from service_retry import paiements
from service_retry.models import CONTRACT_CANCELLED, MANDATE_REVOKED, PAYMENT_SETTLED, RetrySchedule
from service_retry.policy_rules import Snapshot

ACTIF: Final = "ACTIF"
_PAYEE: Final = "PAYEE"
_SETTLED: Final = (_PAYEE, "ANNULEE")
_ENDED, _SUSPENDED = ("RESILIE", "ANNULE"), "SUSPENDU"  # an EXPIRE one is still owed what was sold


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks come to: *skipped* is the reason to present nothing, if any."""

    skipped: str = ""
    is_suspended: bool = False


async def verified(app: App[Any], schedule: RetrySchedule, snapshot: Snapshot) -> Verdict:
    """Check *schedule* in order (R10). Raises Unavailable, and refusals that say nothing about it."""
    original = await paiements.payment(app, schedule.original_payment_id)
    if snapshot.stop_on_payment_settled and await _settled(app, schedule, original):
        return Verdict(PAYMENT_SETTLED)
    statut = await _contrat_statut(app, schedule) if snapshot.stop_on_contract_cancelled else ACTIF
    if statut in _ENDED:
        return Verdict(CONTRACT_CANCELLED)
    if statut == _SUSPENDED:
        return Verdict(is_suspended=True)
    # Payments refuses a debit without mandate, whatever the policy says: a call is spared.
    if not await _has_mandate(app, schedule, original):
        return Verdict(MANDATE_REVOKED)
    return Verdict()


async def is_settled(app: App[Any], schedule: RetrySchedule) -> bool:
    """Whether nothing is owed any more of the rejected debit. Raises like `verified`."""
    return await _settled(app, schedule, await paiements.payment(app, schedule.original_payment_id))


async def _settled(app: App[Any], schedule: RetrySchedule, original: Payment | None) -> bool:
    if original is not None and original.echeance_statut == _PAYEE:
        return True
    if parse_uuid(schedule.facture_id or "") is None:  # not of our making (C2)
        return False
    stub = app.peers.stub(InvoiceServiceStub)
    facture = await answered_or_none(stub.Get(GetFactureRequest(id=schedule.facture_id or "")))
    return facture is not None and facture.statut in _SETTLED


async def _contrat_statut(app: App[Any], schedule: RetrySchedule) -> str:
    """The statut of the contract; one that contrats does not know is an external reference, thus active."""
    if parse_uuid(schedule.contrat_id or "") is None:
        return ACTIF
    stub = app.peers.stub(ContratServiceStub)
    contrat = await answered_or_none(stub.Get(GetContratRequest(id=schedule.contrat_id or "")))
    return contrat.statut if contrat is not None else ACTIF


async def _has_mandate(app: App[Any], schedule: RetrySchedule, original: Payment | None) -> bool:
    """Whether an ACTIF mandate serves the debit: its own, else that of its contract or one of no contract."""
    own = ListMandatesRequest(id=original.mandat_id if original is not None else "", statut=ACTIF)
    if own.id and any([mandate.statut == ACTIF async for mandate in _mandates(app, own)]):
        return True
    others = ListMandatesRequest(client_id=schedule.client_id, societe_id=schedule.societe_id, statut=ACTIF)
    return any([_serves(mandate, schedule) async for mandate in _mandates(app, others)])


async def _mandates(app: App[Any], request: ListMandatesRequest) -> AsyncIterator[Mandate]:
    async for page in all_pages(app.peers.stub(MandateServiceStub).List, request):
        for mandate in page.mandates:
            yield mandate


def _serves(mandate: Mandate, schedule: RetrySchedule) -> bool:
    """Whether *mandate* is for the société of *schedule*, and for its contract or for none."""
    of_contract = mandate.contrat_id in ("", schedule.contrat_id or "")
    return mandate.statut == ACTIF and mandate.societe_id == schedule.societe_id and of_contract
