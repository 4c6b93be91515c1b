"""Payments as an activation asks for it (R17): a SEPA mandate at once, the means of payment in the end.

No answer of payments keeps a contract from being active.
"""

import logging
from typing import Final

import grpc
from crm.contrats.contrats_pb2 import ActiverContratRequest
from crm.payments.payments_pb2 import (
    CreateMandateRequest,
    ListMandatesRequest,
    ListSchedulesRequest,
    Schedule,
    UpdateScheduleRequest,
)
from crm.payments.payments_pb2_grpc import MandateServiceStub, PaymentScheduleServiceStub
from db_utils import Transaction
from grpc_utils import Peers
from grpc_utils.errors import FailedPrecondition, Unavailable
from service_kit.outgoing import Command, queue

from service_contrats.models import ACTIF, Contrat
from service_contrats.rules import MOYENS

_log = logging.getLogger(__name__)

SEPA: Final = "SEPA"
EN_ATTENTE, A_CONFIGURER, SANS_OBJET = "EN_ATTENTE", "A_CONFIGURER", "SANS_OBJET"
READING, MAKING = 5.0, 10.0  # seconds
_OVER = frozenset({"CANCELLED", "COMPLETED"})
# The reason of a callee that does not know the method: an older version, during an upgrade.
_NO_REASON: Final = ""


class EcheancierAttendu(FailedPrecondition):
    """L'échéancier de ce contrat n'existe pas encore."""


async def mandat_statut(
    peers: Peers, contrat: Contrat, *, reading: float = READING, making: float = MAKING
) -> str:
    """The statut of the mandate of *contrat*, which is made if there is none (R17).

    Waits for payments *reading* and *making* seconds at most; without an answer it is A_CONFIGURER.
    """
    mandates = peers.stub(MandateServiceStub)
    try:
        listed = await mandates.List(_active(contrat), timeout=reading)
        if any(mandate.statut == ACTIF for mandate in listed.mandates):
            return ACTIF
        made = await mandates.Create(_wanted(contrat), timeout=making)
    except Unavailable as error:
        _log.warning("contract %s has no mandate: payments does not answer (%s)", contrat.id, error.reason)
        return A_CONFIGURER
    except grpc.aio.AioRpcError as error:
        _log.warning("contract %s has no mandate: payments says %s", contrat.id, error.code().name)
        return A_CONFIGURER
    return ACTIF if made.statut == ACTIF else EN_ATTENTE


def _active(contrat: Contrat) -> ListMandatesRequest:
    return ListMandatesRequest(
        organisation_id=contrat.organisation_id,
        client_id=contrat.client_id,
        societe_id=contrat.societe_id or "",
        contrat_id=str(contrat.id),
        statut=ACTIF,
    )


def _wanted(contrat: Contrat) -> CreateMandateRequest:
    return CreateMandateRequest(
        organisation_id=contrat.organisation_id,
        client_id=contrat.client_id,
        societe_id=contrat.societe_id or "",
        contrat_id=str(contrat.id),
        description=f"Mandat SEPA pour contrat {contrat.reference}",
        type="RECURRENT",
        schema="CORE",
    )


async def _change_moyen(peers: Peers, request: ActiverContratRequest) -> None:
    """Give the schedules of the contract the means of payment of *request*. Raises EcheancierAttendu."""
    schedules = peers.stub(PaymentScheduleServiceStub)
    listed = await schedules.List(ListSchedulesRequest(contrat_id=request.contrat_id))
    if not listed.schedules:
        raise EcheancierAttendu
    moyen = MOYENS[request.moyen_paiement]
    for schedule in listed.schedules:
        if _differs(schedule, moyen):
            await schedules.Update(UpdateScheduleRequest(id=schedule.id, moyen=moyen))


def _differs(schedule: Schedule, moyen: str) -> bool:
    return schedule.statut not in _OVER and schedule.moyen != moyen


# Payments makes the schedule from contract.signed, which may reach it after the activation.
MOYEN: Final = Command(
    "moyen_paiement",
    ActiverContratRequest,
    send=_change_moyen,
    not_yet=frozenset({EcheancierAttendu.reason, _NO_REASON}),
    libelle="changement du moyen de paiement",
)


async def owe_moyen(tx: Transaction, contrat: Contrat, request: ActiverContratRequest, key: str) -> None:
    """Owe payments the means of payment of *request*, if it names one, by a command of *tx* (C22)."""
    if request.moyen_paiement:
        await queue(
            tx,
            MOYEN,
            request,
            key=key,
            about=f"contrat:{contrat.id}",
            organisation_id=contrat.organisation_id,
        )
