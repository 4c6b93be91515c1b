"""What the activation of a contract asks of payments, with the real contrats service (contrats' R17)."""

from typing import Any

import pytest
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, PaymentScheduleServiceStub
from service_testing import eventually


@pytest.fixture
async def sold(
    contrats: ContratServiceStub, echeanciers: PaymentScheduleServiceStub
) -> tuple[contrats_pb2.Contrat, str]:
    """A signed contract, and the id of the schedule that it has got."""
    contrat = await contrats.Create(
        contrats_pb2.CreateContratRequest(
            client_id="client-123",
            produit_id="prod-456",
            societe_id="soc-1",
            montant=49.90,
            frequence_facturation="MENSUELLE",
            duree_mois=12,
        )
    )

    async def look() -> Any:
        listed = await echeanciers.List(pb.ListSchedulesRequest(contrat_id=contrat.id))
        return listed.schedules and listed.schedules[0].id

    return contrat, await eventually(look, timeout=30)


async def test_R2_another_means_reaches_the_schedule(
    sold: tuple[contrats_pb2.Contrat, str],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    """Made by hand, it is a transfer."""
    contrat, schedule_id = sold
    await orchestrations.Activer(
        contrats_pb2.ActiverContratRequest(contrat_id=contrat.id, moyen_paiement="PRELEVEMENT_MANUEL")
    )

    async def moyen() -> str | None:
        schedule = await echeanciers.Get(pb.GetScheduleRequest(id=schedule_id))
        return schedule.moyen if schedule.moyen != "SEPA_DEBIT" else None

    assert await eventually(moyen, timeout=30) == "VIREMENT"


async def test_R11_sepa_has_one_mandate_made(
    sold: tuple[contrats_pb2.Contrat, str],
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
