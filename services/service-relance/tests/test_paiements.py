"""Reminders after payment.received (R19), from the bus to the table; the two events in any order."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.payments.payments_pb2 import Payment
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils import uuid7
from google.protobuf.message import Message
from grpc_utils import timestamp
from nats_utils.tables import ProcessedEvent
from service_relance.models import ReglementVu
from service_testing import Mesh, eventually
from sqlalchemy import delete, select
from tests.caisse import Encaissements
from tests.evenements import FACTURE, PLANNED, calls, impayes, received, rejected, with_levels
from tests.rappels import confirmed, issued, without
from tests.recouvrement import Recouvrement


@pytest.fixture
async def bureau(mesh: Mesh, org: str) -> Recouvrement:
    """The office of `org`, with three levels planned about an invoice of another system."""
    return await with_levels(mesh, org)


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


async def test_R19_a_payment_waits_while_factures_is_away(
    mesh: Mesh, org: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is neither lost nor taken for one that settles nothing."""
    bureau = Recouvrement(mesh, org)
    facture = await bureau.facture(await bureau.client(), 49.9)
    event = received(org, facture_id=facture.id, client_id=facture.client_id)
    async with without(mesh, "factures"):
        delivery = asyncio.create_task(mesh.deliver(event, timeout=120))
        await eventually(lambda: "relance--payment-received waits: DependanceIndisponible" in caplog.text)
        assert {statut for _, statut, _ in await bureau.statuts(facture)} == {"PLANIFIEE"}
    await delivery
    assert {statut for _, statut, _ in await bureau.statuts(facture)} == {"ANNULEE"}
