"""Calculer: what a receipt is worth, asked for by people (R1–R11), and the job of R20."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import CommissionServiceStub
from crm.payments import payments_pb2
from db_utils import uuid7
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_commission.resiliations import Passages, take_back_terminated
from service_testing import Mesh, refusal
from tests.ventes import Ventes


async def calculated(ventes: Ventes, contrat: str, **fields: Any) -> pb.CalculerResponse:
    """What Calculer answers."""
    request = pb.CalculerRequest(contrat_id=contrat, **fields)
    answer: pb.CalculerResponse = await ventes.stub(CommissionServiceStub).Calculer(request)
    return answer


async def paid(ventes: Ventes, contrat: str, statut: str = "PAID") -> str:
    """A payment of 49.90 that payments knows."""
    payment = payments_pb2.Payment(
        id=str(uuid7()), contrat_id=contrat, montant=49.90, statut=statut, date_reception="2026-02-05"
    )
    ventes.payments.known[payment.id] = payment
    return payment.id


async def test_R7_a_simulation_writes_nothing(ventes: Ventes) -> None:
    """It is what is asked for unless it is said otherwise; the answer shows the figures."""
    bareme = await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    answer = await calculated(ventes, contrat, montant_ht=41.58, date="2026-02-05")
    (row,) = answer.commissions
    assert (row.id, row.reference, row.type, row.montant) == ("", "", "INITIALE", 4.16)
    assert (answer.bareme_applique["code"], answer.detail["base_ht"]) == (bareme.code, "41.58")
    assert await ventes.rows() == []


async def test_R30_what_is_written_carries_the_reason(ventes: Ventes) -> None:
    """Then the payment has its commissions, and neither a call nor the event writes them again."""
    await ventes.bareme()
    contrat = await ventes.contrat(await ventes.apporteur())
    payment = await paid(ventes, contrat)
    told: dict[str, Any] = {"payment_id": payment, "simulation": False, "motif": "événement perdu"}
    (row,) = (await calculated(ventes, contrat, **told)).commissions
    assert (row.reference, row.payment_id, row.date_encaissement) == (
        "COM-2026-02-000001",
        payment,
        "2026-02-05",
    )
    answer = await refusal(calculated(ventes, contrat, **told))
    assert (answer.code, answer.reason) == (StatusCode.ALREADY_EXISTS, "DEJA_COMMISSIONNE")
    await ventes.received(contrat, payment_id=payment)
    assert [one.id for one in await ventes.rows()] == [row.id]


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({}, StatusCode.INVALID_ARGUMENT, "PAIEMENT_OU_MONTANT"),
        ({"montant_ht": 1, "payment_id": "p"}, StatusCode.INVALID_ARGUMENT, "PAIEMENT_OU_MONTANT"),
        ({"montant_ht": 0}, StatusCode.INVALID_ARGUMENT, "MONTANT_INVALIDE"),
        ({"montant_ht": 1, "date": "2026-13-01"}, StatusCode.INVALID_ARGUMENT, "DATE_INVALIDE"),
        ({"montant_ht": 1, "simulation": False}, StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS"),
        ({"payment_id": "payment-unknown"}, StatusCode.NOT_FOUND, "INTROUVABLE"),
        ({"montant_ht": 1}, StatusCode.FAILED_PRECONDITION, "AUCUN_BAREME"),
    ],
)
async def test_R1_a_computation_that_cannot_be_made(
    ventes: Ventes, fields: dict[str, Any], code: StatusCode, reason: str
) -> None:
    """The organisation has no scale."""
    contrat = await ventes.contrat(await ventes.apporteur())
    answer = await refusal(calculated(ventes, contrat, **fields))
    assert (answer.code, answer.reason) == (code, reason)


async def test_R1_a_payment_that_was_not_received(ventes: Ventes) -> None:
    """Or belongs to another contract."""
    contrat = await ventes.contrat(await ventes.apporteur())
    rejected, foreign = await paid(ventes, contrat, "REJECTED"), await paid(ventes, "contrat-2")
    reasons = [
        (await refusal(calculated(ventes, contrat, payment_id=one))).reason for one in (rejected, foreign)
    ]
    assert reasons == ["PAIEMENT_NON_RECU", "AUTRE_CONTRAT"]


async def test_R1_an_unknown_contract(ventes: Ventes) -> None:
    """NOT_FOUND, as everywhere."""
    answer = await refusal(calculated(ventes, "contrat-123", montant_ht=1))
    assert (answer.code, answer.metadata) == (StatusCode.NOT_FOUND, {"champ": "contrat_id"})


async def test_R20_the_job_takes_back_what_was_terminated_in_time(ventes: Ventes, mesh: Mesh) -> None:
    """From 06:30 on, once; a contract that ended after its window stays."""
    await ventes.bareme()
    apporteur = await ventes.apporteur()
    contrats = [await ventes.contrat(apporteur) for _ in range(3)]
    for contrat in contrats:
        await ventes.received(contrat)
    await ventes.resilie(contrats[0], date(2026, 5, 4))
    await ventes.resilie(contrats[1], date(2026, 5, 5))
    app: Any = mesh["commission"].app
    for hour, taken in ((4, []), (5, contrats[:1]), (6, contrats[:1])):  # UTC
        app.part(Passages).done.clear()  # as after a restart
        with frozen_at(datetime(2026, 5, 5, hour, tzinfo=UTC)):
            await take_back_terminated(app)
        assert [row.contrat_id for row in await ventes.rows(statut="ANNULEE")] == taken
