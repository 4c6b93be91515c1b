"""Files of emission runs, runs at once, and debits that are handed over again."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_payments.emission_job import Passages, emit_due
from service_payments.emission_rules import slot
from service_testing import Mesh, eventually, refusal
from tests.debits_due import Debits, content_of, texts

DUE = pb.EmitDueRequest(societe_id="soc-1")
pytestmark = pytest.mark.usefixtures("at_six")


async def test_R13_a_refused_file_is_handed_over_again_three_times(
    mesh: Mesh, due: Debits, sepa: SepaServiceStub
) -> None:
    """Under the same EndToEndId; then it stays FAILED and the finance team is told once."""
    await due.creancier()
    await due.mandat()
    payment = await due.payment()
    for times in range(4):
        assert (await due.emit()).nb_soumis == 1, times
        await due.fail(payment)
    for _ in range(2):
        assert (await due.emit()).nb_soumis == 0
    assert (await due.read(payment)).statut == "FAILED"
    told = [one for one in await due.owed() if one.cle == f"rearmement:{payment.id}"]
    assert [one.charge["destinataire_id"] for one in told] == ["FINANCE"]


async def test_R13_a_refused_debit_whose_echeance_was_paid_otherwise_stays(
    due: Debits, sepa: SepaServiceStub
) -> None:
    """Nor when another payment of the échéance is on its way: nobody is debited twice."""
    await due.creancier()
    await due.mandat()
    paid, retried = await due.echeance(statut="PAYEE"), await due.echeance()
    refused = [await due.payment(statut="FAILED", echeance_id=one.id) for one in (paid, retried)]
    await due.payment(statut="SUBMITTED", echeance_id=retried.id)
    assert (await due.emit()).nb_soumis == 0
    assert [(await due.read(one)).statut for one in refused] == ["FAILED", "FAILED"]


async def test_R10_a_refused_debit_of_an_ended_schedule_stays(due: Debits, sepa: SepaServiceStub) -> None:
    """The schedule was ended while the bank had the file: the client is not debited after all."""
    await due.creancier()
    await due.mandat()
    running = await due.echeance(statut="EN_COURS", schedule_statut="CANCELLED")
    payment = await due.payment(statut="FAILED", echeance_id=running.id, schedule_id=running.echeancier_id)
    assert (await sepa.EmitDue(DUE)).nb_soumis == 0
    assert (await due.read(payment)).statut == "FAILED"


async def test_R14_a_dry_run_changes_nothing(due: Debits, sepa: SepaServiceStub) -> None:
    """It tells what a run would do."""
    await due.creancier()
    await due.mandat()
    payment = await due.payment()
    blocked = await due.payment(client_id="client-456")
    told = await due.emit(dry_run=True)
    (announced,) = told.remises
    assert (told.nb_soumis, announced.total, announced.id, announced.msg_id) == (1, 49.90, "", "")
    assert [(one.payment_id, one.motif) for one in told.bloques] == [(str(blocked.id), "MANDAT_ABSENT")]
    assert (await due.read(payment)).statut == "PENDING"
    assert not (await sepa.ListRemises(pb.ListRemisesRequest())).remises
    assert not await due.owed()


async def test_R17_a_one_off_mandate_debits_once(due: Debits, sepa: SepaServiceStub) -> None:
    """A second debit waits for the outcome of the first, in the same run and in the next."""
    await due.creancier()
    await due.mandat(type="PONCTUEL")
    await due.payments(2)
    (remise,) = (await due.emit()).remises
    assert texts(await content_of(sepa, remise), ".//p:SeqTp") == ["OOFF"]
    assert (await due.emit()).nb_soumis == 0


async def test_R17_a_run_writes_one_file_per_schema(due: Debits, sepa: SepaServiceStub) -> None:
    """And leaves other sociétés alone."""
    await due.creancier()
    await due.mandat()
    await due.mandat("client-456", schema="B2B")
    await due.payment()
    await due.payment(client_id="client-456")
    other = await due.payment(societe_id="soc-2")
    emitted = await due.emit()
    assert sorted((one.schema, one.nb) for one in emitted.remises) == [("B2B", 1), ("CORE", 1)]
    assert (await due.read(other)).statut == "PENDING"


async def test_R17_a_creditor_whose_bank_insists_begins_with_first(
    due: Debits, sepa: SepaServiceStub
) -> None:
    """Until a debit of the mandate was settled."""
    await due.creancier(sequence_premier="FRST")
    await due.mandat()
    await due.payment()
    (remise,) = (await due.emit()).remises
    assert texts(await content_of(sepa, remise), ".//p:SeqTp") == ["FRST"]


async def test_R14_of_two_runs_at_once_one_works(due: Debits, sepa: SepaServiceStub) -> None:
    """The others are ABORTED or find nothing left; each debit is in one file."""
    await due.creancier()
    await due.mandat()
    payments = await due.payments(50)
    answers = await asyncio.gather(*(sepa.EmitDue(DUE) for _ in range(6)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, AioRpcError)]
    assert {one.code() for one in refused} <= {StatusCode.ABORTED, StatusCode.UNAVAILABLE}
    await due.emit()  # what those that were refused have left, if all were
    listed = (await sepa.ListRemises(pb.ListRemisesRequest())).remises
    named = [name for one in listed for name in texts(await content_of(sepa, one), ".//p:EndToEndId")]
    assert sorted(named) == sorted(one.end_to_end_id for one in payments)


async def test_R14_a_run_that_another_process_does_is_aborted(
    mesh: Mesh, due: Debits, sepa: SepaServiceStub, org: str
) -> None:
    """The lock is that of the société: other sociétés are served meanwhile."""
    async with mesh.database("payments").exclusive(f"emission/{org}/soc-1"):
        told = await refusal(sepa.EmitDue(DUE))
        assert (told.code, told.reason) == (StatusCode.ABORTED, "EMISSION_EN_COURS")
        await due.emit(societe_id="soc-2")
    await due.emit()


async def test_R14_the_job_serves_each_societe_once_per_run(mesh: Mesh, due: Debits, org: str) -> None:
    """What comes later waits for the next run; before six nothing goes."""
    await due.creancier()
    await due.mandat()
    app = mesh["payments"].app

    async def at(hour: int) -> list[str]:
        payment = await due.payment()
        now = datetime(2026, 2, 3, hour - 1, 30, tzinfo=UTC)

        async def served() -> bool:
            await emit_due(app)
            return app.part(Passages).done.get((org, "soc-1")) == slot(now)

        with clock.frozen_at(now):
            await eventually(served, timeout=60)
        made.append(payment)
        return [(await due.read(one)).statut for one in made]

    made: list[Any] = []
    assert await at(5) == ["PENDING"]
    assert await at(6) == ["SUBMITTED"] * 2
    assert await at(7) == ["SUBMITTED"] * 2 + ["PENDING"]
    assert await at(11) == ["SUBMITTED"] * 4
    assert await at(23) == ["SUBMITTED"] * 4 + ["PENDING"]
