"""Payments as an activation asks for it: a mandate for SEPA, the means of payment of the schedule (R17)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub
from crm.payments import payments_pb2
from crm.payments.payments_pb2_grpc import MandateServiceStub
from db_utils import Scope, clock, within
from grpc_utils.errors import FailedPrecondition, Unavailable
from service_contrats.mandats import MOYEN, mandat_statut
from service_contrats.models import Contrat
from service_kit.outgoing import EN_ATTENTE, ENVOYEE, CommandeSortante
from service_kit.outgoing.sender import Sender
from service_testing import Mesh, refusal
from sqlalchemy import bindparam, select
from tests.autour import Autour
from tests.en_statut import Contracts

COMMANDS = (
    select(CommandeSortante)
    .where(CommandeSortante.objet == bindparam("objet"))
    .order_by(CommandeSortante.rang)
)


class MandatRefuse(FailedPrecondition):
    """Ce client n'a pas de mandat possible."""


async def activate(
    calls: ContractOrchestrationServiceStub, contrat: pb.Contrat, moyen: str
) -> pb.OrchestrationResponse:
    """The answer to an activation with this means of payment."""
    return await calls.Activer(pb.ActiverContratRequest(contrat_id=contrat.id, moyen_paiement=moyen))


async def commands_of(mesh: Mesh, contrat: pb.Contrat) -> list[CommandeSortante]:
    """What is owed to payments about *contrat*."""
    return await mesh.database("contrats").read().all(COMMANDS, objet=f"contrat:{contrat.id}")


async def send(mesh: Mesh) -> None:
    """Send what is owed now."""
    await Sender(MOYEN).send_due(mesh["contrats"].app)


@pytest.fixture
def patient(around: Autour) -> Iterator[None]:
    """Mandates of payments do not answer."""
    around.may_answer.clear()
    yield
    around.may_answer.set()


async def test_R17_sepa_has_a_mandate_made(
    made: Contracts, orchestrations: ContractOrchestrationServiceStub, around: Autour, org: str
) -> None:
    """Of the client, société and contract, EN_ATTENTE until its bank details are signed."""
    contrat = await made.signed(societe_id="soc-1")
    assert (await activate(orchestrations, contrat, "SEPA")).mandat_statut == "EN_ATTENTE"
    (wanted,) = (one for one in around.wanted if one.contrat_id == contrat.id)
    assert wanted == payments_pb2.CreateMandateRequest(
        organisation_id=org,
        client_id="client-123",
        societe_id="soc-1",
        contrat_id=contrat.id,
        description=f"Mandat SEPA pour contrat {contrat.reference}",
        type="RECURRENT",
        schema="CORE",
    )


async def test_R17_a_mandate_that_is_active_is_used(
    made: Contracts, orchestrations: ContractOrchestrationServiceStub, around: Autour
) -> None:
    """No other one is made."""
    contrat = await made.signed()
    around.mandates[contrat.id] = payments_pb2.Mandate(statut="ACTIF")
    assert (await activate(orchestrations, contrat, "SEPA")).mandat_statut == "ACTIF"
    assert [one for one in around.wanted if one.contrat_id == contrat.id] == []


@pytest.mark.parametrize("failure", [MandatRefuse(), Unavailable()])
async def test_R17_a_mandate_that_cannot_be_had_leaves_the_contract_active(
    made: Contracts,
    orchestrations: ContractOrchestrationServiceStub,
    around: Autour,
    failure: Any,
) -> None:
    """It is to be set up; the same call asks again later."""
    contrat = await made.signed()
    around.failures.extend([failure] * 3)  # a read is repeated while payments is away
    answer = await activate(orchestrations, contrat, "SEPA")
    around.failures.clear()
    assert (answer.mandat_statut, answer.contrat.statut) == ("A_CONFIGURER", "ACTIF")
    again = await activate(orchestrations, contrat, "SEPA")
    assert (again.message, again.mandat_statut) == ("déjà fait", "EN_ATTENTE")


@pytest.mark.usefixtures("patient")
async def test_R17_a_mandate_is_not_waited_for_for_long(mesh: Mesh, made: Contracts) -> None:
    """Payments that does not answer has a limit of time; here it is a short one."""
    contrat = await mesh.database("contrats").read().get(Contrat, UUID((await made.active()).id))
    assert contrat is not None
    with within(Scope(contrat.organisation_id)):
        peers = mesh["contrats"].app.peers
        assert await mandat_statut(peers, contrat, reading=0.1, making=0.1) == "A_CONFIGURER"


@pytest.mark.parametrize("moyen", ["", "CARTE", "VIREMENT", "PRELEVEMENT_MANUEL"])
async def test_R17_other_means_need_no_mandate(
    made: Contracts, orchestrations: ContractOrchestrationServiceStub, around: Autour, moyen: str
) -> None:
    """Payments is not asked for one."""
    contrat = await made.signed()
    assert (await activate(orchestrations, contrat, moyen)).mandat_statut == "SANS_OBJET"
    assert [one for one in around.wanted if one.contrat_id == contrat.id] == []


async def test_R17_an_unknown_means_is_refused(
    made: Contracts, orchestrations: ContractOrchestrationServiceStub
) -> None:
    """The contract stays signed."""
    contrat = await made.signed()
    told = await refusal(activate(orchestrations, contrat, "CHEQUE"))
    assert (told.reason, told.metadata) == ("VALEUR_INCONNUE", {"champ": "moyen_paiement"})
    assert await made.read(contrat.id) == contrat


@pytest.mark.parametrize(
    ("moyen", "present", "expected"),
    [
        ("CARTE", "SEPA_DEBIT", ["CARTE"]),
        ("VIREMENT", "SEPA_DEBIT", ["VIREMENT"]),
        ("PRELEVEMENT_MANUEL", "SEPA_DEBIT", ["VIREMENT"]),
        ("SEPA", "CARTE", ["SEPA_DEBIT"]),
        ("SEPA", "SEPA_DEBIT", []),
        ("PRELEVEMENT_MANUEL", "VIREMENT", []),
        ("", "CARTE", []),
    ],
)
async def test_R17_the_schedule_gets_the_means_of_the_activation(
    mesh: Mesh,
    made: Contracts,
    orchestrations: ContractOrchestrationServiceStub,
    around: Autour,
    moyen: str,
    present: str,
    expected: list[str],
) -> None:
    """Where it has another one; schedules that are over stay."""
    contrat = await made.signed()
    around.schedules[contrat.id] = [
        payments_pb2.Schedule(id=f"{contrat.id}-{statut}", moyen=present, statut=statut)
        for statut in ("ACTIVE", "CANCELLED", "COMPLETED")
    ]
    await activate(orchestrations, contrat, moyen)
    await send(mesh)
    told = [(one.id, one.moyen) for one in around.updated if one.id.startswith(contrat.id)]
    assert told == [(f"{contrat.id}-ACTIVE", one) for one in expected]
    assert [one.etat for one in await commands_of(mesh, contrat)] == [ENVOYEE] * bool(moyen)


async def test_R17_the_means_wait_for_the_schedule(
    mesh: Mesh, made: Contracts, orchestrations: ContractOrchestrationServiceStub, around: Autour
) -> None:
    """Payments makes it from the event, which may arrive after the activation."""
    contrat = await made.signed()
    await activate(orchestrations, contrat, "CARTE")
    await send(mesh)
    assert [one.erreur for one in await commands_of(mesh, contrat)] == [
        "FAILED_PRECONDITION ECHEANCIER_ATTENDU"
    ]
    around.schedules[contrat.id] = [payments_pb2.Schedule(id=contrat.id, moyen="SEPA_DEBIT")]
    with clock.frozen_at(clock.now() + timedelta(seconds=6)):
        await send(mesh)
    assert [one.moyen for one in around.updated if one.id == contrat.id] == ["CARTE"]


async def test_R17_payments_away_delays_the_means_alone(
    mesh: Mesh, made: Contracts, orchestrations: ContractOrchestrationServiceStub, around: Autour
) -> None:
    """The contract is active at once; its schedule changes once payments is back, in order."""
    contrat = await made.signed()
    around.schedules[contrat.id] = [payments_pb2.Schedule(id=contrat.id, moyen="SEPA_DEBIT")]
    async with mesh.without("payments"):
        answer = await activate(orchestrations, contrat, "CARTE")
        await send(mesh)
        await made.suspended(contrat.id)
        await activate(orchestrations, contrat, "VIREMENT")
    assert (answer.contrat.statut, answer.mandat_statut) == ("ACTIF", "SANS_OBJET")
    assert [one.etat for one in await commands_of(mesh, contrat)] == [EN_ATTENTE] * 2
    stub = mesh["contrats"].app.peers.stub(MandateServiceStub)
    await stub.List(payments_pb2.ListMandatesRequest(), wait_for_ready=True, timeout=10)
    with clock.frozen_at(clock.now() + timedelta(seconds=6)):
        await send(mesh)
    assert [one.moyen for one in around.updated if one.id == contrat.id] == ["CARTE", "VIREMENT"]


async def test_R17_a_refused_activation_owes_nothing(
    mesh: Mesh, made: Contracts, orchestrations: ContractOrchestrationServiceStub
) -> None:
    """The command is written with the change or not at all."""
    contrat = await made.draft()
    assert (await refusal(activate(orchestrations, contrat, "CARTE"))).reason == "TRANSITION_INTERDITE"
    assert await commands_of(mesh, contrat) == []
