"""What the activation of a contract asks of payments, with the real contrats service (contrats' R17)."""

from typing import Any

import pytest
from crm.calendar.calendar_pb2 import ListPlannedDebitsRequest
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, PaymentScheduleServiceStub
from service_kit.outgoing.sender import Sender
from service_payments.agenda import PLAN
from service_payments.suites import CALENDRIER
from service_testing import Mesh, eventually


async def test_R2_another_means_reaches_the_schedule(
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    """Made by hand, it is a transfer."""
    contrat, schedule = sold
    await orchestrations.Activer(
        contrats_pb2.ActiverContratRequest(contrat_id=contrat.id, moyen_paiement="PRELEVEMENT_MANUEL")
    )

    async def moyen() -> str | None:
        now = await echeanciers.Get(pb.GetScheduleRequest(id=schedule.id))
        return now.moyen if now.moyen != "SEPA_DEBIT" else None

    assert await eventually(moyen, timeout=30) == "VIREMENT"


@pytest.mark.usefixtures("on_monday", "the_fifth")
async def test_R8_the_calendar_loses_the_debits_that_another_means_replaces(
    mesh: Mesh,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    echeanciers: PaymentScheduleServiceStub,
    prelevements: PlannedDebitServiceStub,
) -> None:
    """None of its days is kept for a debit that never comes, nor when it hears of their end first."""
    contrat, schedule = sold
    await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, moyen="VIREMENT"))

    for command in (CALENDRIER, PLAN, CALENDRIER):
        await Sender(command).send_due(mesh["payments"].app)
    shown = await prelevements.List(ListPlannedDebitsRequest(contrat_id=contrat.id))
    assert [one.statut for one in shown.planned_debits] == ["CANCELLED"] * 12


async def test_R11_sepa_has_one_mandate_made(
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    mandats: MandateServiceStub,
) -> None:
    """It waits for the bank details of the client."""
    contrat, _ = sold
    await orchestrations.Activer(
        contrats_pb2.ActiverContratRequest(contrat_id=contrat.id, moyen_paiement="SEPA")
    )

    async def made() -> Any:
        listed = await mandats.List(pb.ListMandatesRequest(contrat_id=contrat.id))
        return [(one.client_id, one.societe_id, one.statut, one.iban_masque) for one in listed.mandates]

    assert await eventually(made, timeout=30) == [("client-123", "soc-1", "EN_ATTENTE", "")]
