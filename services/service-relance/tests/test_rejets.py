"""Reminders after payment.rejected (R8, R9), from the bus to the table."""

import pytest
from crm.payments.payments_pb2 import Payment
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub
from db_utils import uuid7
from service_testing import Mesh
from tests.caisse import Encaissements
from tests.evenements import FACTURE, PLANNED, calls, impayes, noon, received, rejected, with_levels
from tests.rappels import confirmed, issued
from tests.recouvrement import Recouvrement


@pytest.fixture
async def bureau(mesh: Mesh, org: str) -> Recouvrement:
    """The office of `org`, with three levels planned about an invoice of another system."""
    return await with_levels(mesh, org)


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


async def test_R09_ids_of_64_characters_make_keys(mesh: Mesh, org: str) -> None:
    """Of the invoice and of the payment, both of other systems."""
    about = {"payment_id": "p" * 64, "facture_id": "f" * 64}
    await mesh.deliver(issued(organisation_id=org, invoice_id="f" * 64))
    await mesh.deliver(received(org, **about))
    await mesh.deliver(rejected(org, **about))
    again = await Recouvrement(mesh, org).relances(statut="PLANIFIEE", declencheur="IMPAYE")
    assert [one.cle for one in again] == [f"facture:{'f' * 64}:n{niveau}:r{'p' * 64}" for niveau in (1, 2, 3)]
