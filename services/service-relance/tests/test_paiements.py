"""Reminders after payment.received (R19) and payment.rejected (R8, R9), from the bus to the table."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.payments.payments_pb2 import Payment
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from db_utils import uuid7
from google.protobuf.message import Message
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_relance.models import ReglementVu
from service_testing import Mesh
from sqlalchemy import delete, select
from tests.encaissements import Encaissements
from tests.rappels import confirmed, issued
from tests.recouvrement import Recouvrement

FACTURE = "facture-7"
PLANNED = [("2026-02-20", "PLANIFIEE", ""), ("2026-03-09", "PLANIFIEE", ""), ("2026-03-23", "PLANIFIEE", "")]


def noon(month: int, day: int) -> Any:
    """The instant that events carry for a day of 2026."""
    return timestamp(datetime(2026, month, day, 12, tzinfo=UTC))


def received(org: str, **fields: Any) -> PaymentReceivedEvent:
    """Event of the payment of an invoice of 49.90 on its due date."""
    usual = {
        "event_id": str(uuid7()),
        "timestamp": noon(2, 5),
        "payment_id": "payment-a",
        "client_id": "client-123",
        "montant": 49.9,
        "date_reception": noon(2, 5),
        "organisation_id": org,
        "facture_id": FACTURE,
    }
    return PaymentReceivedEvent(**(usual | fields))


def rejected(org: str, code: str = "MD06", **fields: Any) -> PaymentRejectedEvent:
    """Event of the return of that payment on 20 March."""
    usual = {
        "event_id": str(uuid7()),
        "timestamp": noon(3, 20),
        "payment_id": "payment-a",
        "client_id": "client-123",
        "motif_rejet": code,
        "montant": 49.9,
        "date_rejet": noon(3, 20),
        "organisation_id": org,
        "facture_id": FACTURE,
    }
    return PaymentRejectedEvent(**(usual | fields))


@pytest.fixture
async def bureau(mesh: Mesh, org: str) -> Recouvrement:
    """The office of `org`, with three levels planned about an invoice of another system."""
    await mesh.deliver(issued(organisation_id=org))
    await confirmed(mesh, org)
    return Recouvrement(mesh, org)


async def impayes(bureau: Recouvrement) -> list[tuple[str, str, str]]:
    """Planned day, statut and motif of the levels, in the order of planning."""
    found = await bureau.relances(facture_id=FACTURE, declencheur="IMPAYE")
    return [(one.date_prevue, one.statut, one.motif) for one in sorted(found, key=lambda one: one.id)]


async def calls(bureau: Recouvrement) -> list[pb.Relance]:
    """Calls about rejected debits, by planned day."""
    await confirmed(bureau.mesh, bureau.org)
    return await bureau.relances(declencheur="REJET_PRELEVEMENT")


async def seen(bureau: Recouvrement) -> list[ReglementVu]:
    """Payments of which events told."""
    asked = select(ReglementVu).where(ReglementVu.organisation_id == bureau.org)
    return list(await bureau.mesh.database("relance").read().all(asked.order_by(ReglementVu.payment_id)))


async def test_R19_a_payment_of_the_whole_ends_the_reminders(bureau: Recouvrement) -> None:
    """The three levels are ANNULEE with the payment, however often it is told (§9, part one)."""
    assert await impayes(bureau) == PLANNED
    event = received(bureau.org)
    await bureau.mesh.deliver(event, times=5)
    assert await impayes(bureau) == [(day, "ANNULEE", "REGLEE") for day, _, _ in PLANNED]
    assert {one.payment_id for one in await bureau.relances(facture_id=FACTURE)} == {"payment-a"}
    assert {one.version for one in await bureau.relances(facture_id=FACTURE)} <= {2, 3}
    (row,) = await seen(bureau)
    assert (row.date_reception, row.rejete_le, row.facture_id) == (date(2026, 2, 5), None, FACTURE)


async def test_R19_a_part_keeps_the_reminders_until_the_rest_comes(bureau: Recouvrement) -> None:
    """Two payments count together."""
    await bureau.mesh.deliver(received(bureau.org, montant=20.0))
    assert await impayes(bureau) == PLANNED
    await bureau.mesh.deliver(received(bureau.org, payment_id="payment-b", montant=29.9))
    assert {statut for _, statut, _ in await impayes(bureau)} == {"ANNULEE"}


async def test_R19_factures_need_not_know_of_the_payment_yet(mesh: Mesh, org: str) -> None:
    """Of an invoice of ours the solde counts as if the payment were registered, and once if it is."""
    bureau = Recouvrement(mesh, org)
    facture = await bureau.facture(await bureau.client(), 1200.0)
    told = {"facture_id": facture.id, "client_id": facture.client_id}
    await mesh.deliver(received(org, payment_id="payment-1", montant=700.0, **told))
    await bureau.paid(facture, 700.0)
    assert {statut for _, statut, _ in await bureau.statuts(facture)} == {"PLANIFIEE"}
    await mesh.deliver(received(org, payment_id="payment-2", montant=500.0, **told))
    assert {(statut, motif) for _, statut, motif in await bureau.statuts(facture)} == {("ANNULEE", "REGLEE")}


async def test_R19_what_the_event_leaves_out_is_asked_of_payments(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """The invoice and the amount; a payment of no invoice, or unknown there, ends nothing."""
    known, other = str(uuid7()), str(uuid7())
    encaissements.payments[other] = Payment(id=other, montant=49.9)
    for payment_id in (other, str(uuid7()), "payment-x"):
        await bureau.mesh.deliver(received(bureau.org, payment_id=payment_id, facture_id=""))
    assert await impayes(bureau) == PLANNED
    encaissements.payments[known] = Payment(id=known, montant=49.9, facture_id=FACTURE)
    await bureau.mesh.deliver(received(bureau.org, payment_id=known, facture_id="", montant=0.0))
    assert {statut for _, statut, _ in await impayes(bureau)} == {"ANNULEE"}


async def test_R19_what_was_carried_out_or_cancelled_stays(bureau: Recouvrement) -> None:
    """Only what is planned changes; other invoices are left alone."""
    await bureau.run(2, 20)
    second = (await bureau.relances(facture_id=FACTURE))[1]
    await bureau.stub(RelanceServiceStub).Cancel(pb.CancelRelanceRequest(id=second.id, motif="Accord"))
    await bureau.mesh.deliver(issued(organisation_id=bureau.org, invoice_id="facture-8"))
    await bureau.mesh.deliver(received(bureau.org))
    assert [(statut, motif) for _, statut, motif in await impayes(bureau)] == [
        ("EXECUTEE", ""),
        ("ANNULEE", "Accord"),
        ("ANNULEE", "REGLEE"),
    ]
    assert len(await bureau.relances(facture_id="facture-8", statut="PLANIFIEE")) == 3


@pytest.mark.parametrize("times", [1, 5])
async def test_R09_a_late_return_plans_the_levels_again(bureau: Recouvrement, times: int) -> None:
    """Paid on 5 February, contested on 20 March: 7 and 20 April, 4 May, and a call on the day itself."""
    await bureau.mesh.deliver(received(bureau.org))
    await bureau.mesh.deliver(rejected(bureau.org), times=times)
    await confirmed(bureau.mesh, bureau.org)
    assert (await impayes(bureau))[3:] == [
        ("2026-04-07", "PLANIFIEE", ""),
        ("2026-04-20", "PLANIFIEE", ""),
        ("2026-05-04", "PLANIFIEE", ""),
    ]
    keys = {one.cle for one in await bureau.relances(facture_id=FACTURE, statut="PLANIFIEE")}
    assert "facture:facture-7:n1:rpayment-a" in keys
    (call,) = await calls(bureau)
    assert (call.date_prevue, call.cle, call.motif_rejet, call.date_rejet) == (
        "2026-03-20",
        "rejet:payment-a",
        "MD06",
        "2026-03-20",
    )


async def test_R09_a_return_before_the_levels_waits_fifteen_days_each(mesh: Mesh, org: str) -> None:
    """Échéance 5 March, paid, returned on 9 March: 24 March, 8 and 23 April."""
    bureau = Recouvrement(mesh, org)
    await mesh.deliver(issued(organisation_id=org, date_echeance=noon(3, 5)))
    await mesh.deliver(received(org, date_reception=noon(3, 5)))
    await mesh.deliver(rejected(org, "AM04", date_rejet=noon(3, 9)))
    await confirmed(mesh, org)
    assert [day for day, statut, _ in await impayes(bureau) if statut == "PLANIFIEE"] == [
        "2026-03-24",
        "2026-04-08",
        "2026-04-23",
    ]


async def test_R09_a_debit_that_had_settled_nothing_changes_no_day(bureau: Recouvrement) -> None:
    """Rejected at once: the levels keep their days, there is a call."""
    await bureau.mesh.deliver(rejected(bureau.org, "AM04"))
    assert (await impayes(bureau), len(await calls(bureau))) == (PLANNED, 1)


async def test_R19_the_rejection_may_come_before_the_receipt(bureau: Recouvrement) -> None:
    """Reversed order: the receipt cancels nothing, and nothing is planned twice."""
    await bureau.mesh.deliver(rejected(bureau.org))
    await bureau.mesh.deliver(received(bureau.org))
    assert (await impayes(bureau), len(await calls(bureau))) == (PLANNED, 1)
    (row,) = await seen(bureau)
    assert (row.date_reception, row.rejete_le) == (date(2026, 2, 5), date(2026, 3, 20))


async def test_R19_receipt_and_rejection_at_once_leave_the_invoice_owed(bureau: Recouvrement) -> None:
    """Whichever is first, three levels are planned in the end, and one call."""
    events: list[Message] = [received(bureau.org), rejected(bureau.org)]
    await asyncio.gather(*(bureau.mesh.deliver(event) for event in events))
    standing = [statut for _, statut, _ in await impayes(bureau)]
    assert (standing.count("PLANIFIEE"), len(await calls(bureau))) == (3, 1)


async def test_R06_an_invoice_may_be_announced_after_its_payment(mesh: Mesh, org: str) -> None:
    """Its rows are planned all the same: the run finds that nothing is owed (R11)."""
    bureau = Recouvrement(mesh, org)
    await mesh.deliver(received(org))
    await mesh.deliver(issued(organisation_id=org))
    await confirmed(mesh, org)
    assert await impayes(bureau) == PLANNED


@pytest.mark.parametrize(
    ("code", "day", "planned_for"),
    [
        ("AM04", (3, 9), "2026-03-11"),
        ("MS03", (3, 9), "2026-03-11"),
        ("AM04", (3, 20), "2026-03-24"),
        ("AC04", (3, 9), "2026-03-09"),
        ("AC04", (4, 4), "2026-04-07"),
        ("", (3, 9), "2026-03-09"),
    ],
)
async def test_R08_a_rejected_debit_is_called_about(
    mesh: Mesh, org: str, code: str, day: tuple[int, int], planned_for: str
) -> None:
    """Two business days later when the debit is presented again, else at once."""
    bureau = Recouvrement(mesh, org)
    await mesh.deliver(rejected(org, code, date_rejet=noon(*day), facture_id=""))
    (call,) = await calls(bureau)
    assert (call.date_prevue, call.statut, call.payment_id, call.montant, call.facture_id) == (
        planned_for,
        "PLANIFIEE",
        "payment-a",
        49.9,
        "",
    )


async def test_R08_what_the_event_leaves_out_is_asked_of_payments(
    mesh: Mesh, org: str, encaissements: Encaissements
) -> None:
    """The invoice and the amount of the call."""
    payment_id = str(uuid7())
    encaissements.payments[payment_id] = Payment(id=payment_id, montant=49.9, facture_id=FACTURE)
    await mesh.deliver(rejected(org, payment_id=payment_id, facture_id="", montant=0.0))
    (call,) = await calls(Recouvrement(mesh, org))
    assert (call.facture_id, call.montant) == (FACTURE, 49.9)


async def test_R08_nobody_writes_to_the_dead(bureau: Recouvrement) -> None:
    """MD07 cancels whatever is planned for the client, and leaves the task for the management."""
    await bureau.mesh.deliver(received(bureau.org))
    await bureau.mesh.deliver(issued(organisation_id=bureau.org, invoice_id="facture-8"))
    await bureau.mesh.deliver(issued(organisation_id=bureau.org, invoice_id="f-9", client_id="client-456"))
    await bureau.mesh.deliver(rejected(bureau.org, "MD07"), times=2)
    standing = {(one.facture_id, one.statut, one.motif) for one in await bureau.relances()}
    assert standing == {
        (FACTURE, "ANNULEE", "REGLEE"),
        ("facture-8", "ANNULEE", "DECES"),
        ("f-9", "PLANIFIEE", ""),
        (FACTURE, "PLANIFIEE", ""),
    }
    (call,) = await bureau.relances(client_id="client-123", statut="PLANIFIEE")
    assert call.declencheur == "REJET_PRELEVEMENT"


async def test_R08_without_a_rule_nobody_calls(bureau: Recouvrement) -> None:
    """The event is acknowledged, and the levels are planned again all the same."""
    stub = bureau.stub(RegleRelanceServiceStub)
    listed = await stub.List(pb.ListReglesRelanceRequest(declencheur="REJET_PRELEVEMENT"))
    await stub.Delete(pb.DeleteRegleRelanceRequest(id=listed.regles[0].id))
    await bureau.mesh.deliver(received(bureau.org))
    await bureau.mesh.deliver(rejected(bureau.org))
    assert (await calls(bureau), len(await impayes(bureau))) == ([], 6)


@pytest.mark.parametrize("event", [received, rejected])
async def test_an_event_about_a_payment_whose_claim_was_forgotten_has_one_effect(
    bureau: Recouvrement, event: Any
) -> None:
    """The row of the payment and the keys of reminders are the second barrier."""
    await bureau.mesh.deliver(received(bureau.org))
    message = event(bureau.org)
    await bureau.mesh.deliver(message)
    before = [(one.cle, one.statut, one.version) for one in await bureau.relances()]
    async with bureau.mesh.database("relance").transaction() as tx:
        await tx.execute(delete(ProcessedEvent).where(ProcessedEvent.event_id == message.event_id))
    await bureau.mesh.deliver(message)
    assert [(one.cle, one.statut, one.version) for one in await bureau.relances()] == before
    assert len(await seen(bureau)) == 1


async def test_an_event_that_says_what_no_payment_says_is_a_dead_letter_at_once(mesh: Mesh, org: str) -> None:
    """Without client or payment, with an amount that is none, without an instant; nothing is changed."""
    nowhen: dict[str, Any] = {"timestamp": None}
    wrong: list[tuple[Any, str]] = [
        (received(org, client_id=""), "InvalidEvent: client_id is empty"),
        (received(org, payment_id=""), "InvalidEvent: CHAMP_REQUIS"),
        (received(org, montant=float("nan")), "InvalidEvent: MONTANT_INVALIDE"),
        (received(org, montant=-1.0), "InvalidEvent: MONTANT_INVALIDE"),
        (received(org, facture_id="#"), "InvalidEvent: FORMAT_INVALIDE"),
        (received(org, date_reception=None, **nowhen), "date_reception and timestamp are not set"),
        (rejected(org, client_id=""), "InvalidEvent: client_id is empty"),
        (rejected(org, payment_id="é"), "InvalidEvent: FORMAT_INVALIDE"),
        (rejected(org, montant=float("inf")), "InvalidEvent: MONTANT_INVALIDE"),
        (rejected(org, date_rejet=None, **nowhen), "date_rejet and timestamp are not set"),
        (
            rejected(org, "AM04", date_rejet=timestamp(datetime(9999, 12, 31, 12, tzinfo=UTC))),
            "a day is beyond the calendar",
        ),
    ]
    for event, _ in wrong:
        await mesh.deliver(event)
    letters = [await mesh.dead_letters("relance", event) for event, _ in wrong]
    told = [(error in letter[0], letter[1]) for (letter,), (_, error) in zip(letters, wrong, strict=True)]
    assert told == [(True, 1)] * len(wrong)
    assert await Recouvrement(mesh, org).relances() == []
