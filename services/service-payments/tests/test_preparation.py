"""Échéances get invoice and payment when their notice begins (R7), unless the contract is over (R34)."""

from datetime import date, datetime

import pytest
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentScheduleServiceStub
from db_utils import Scope, clock, within
from service_kit import AGAIN
from service_kit.outgoing import CommandeSortante
from service_payments.fins_de_contrat import follow_contracts
from service_payments.models import Echeance, Echeancier, Payment
from service_payments.preparation import prepare_due
from service_testing import Mesh, eventually
from sqlalchemy import select
from tests.debits_due import Debits
from tests.monthly_sales import monthly

pytestmark = pytest.mark.usefixtures("on_monday", "the_fifth")


def paris(day: str, hour: int = 5) -> datetime:
    """An instant of a civil *day*."""
    year, month, number = map(int, day.split("-"))
    return datetime(year, month, number, hour, tzinfo=clock.PARIS)


@pytest.fixture
async def schedule(echeanciers: PaymentScheduleServiceStub) -> pb.Schedule:
    """Twelve months at 49.90 from 5 February on."""
    return await echeanciers.Create(monthly())


async def prepared(mesh: Mesh, day: str, hour: int = 5) -> object:
    """Run the job at *hour* of *day*."""
    with clock.frozen_at(paris(day, hour)):
        return await prepare_due(mesh["payments"].app)


async def told(echeanciers: PaymentScheduleServiceStub, schedule: pb.Schedule) -> pb.Schedule:
    return await echeanciers.Get(pb.GetScheduleRequest(id=schedule.id))


async def alerts(mesh: Mesh, org: str) -> list[str]:
    """The titles of the notifications that payments owes."""
    with within(Scope(org)):
        rows = (
            await mesh.database("payments")
            .read()
            .all(select(CommandeSortante).where(CommandeSortante.type == "notification"))
        )
    return [row.charge.get("titre", "") for row in rows]


async def test_R7_the_invoice_is_made_fourteen_days_before(
    mesh: Mesh, schedule: pb.Schedule, echeanciers: PaymentScheduleServiceStub, factures: InvoiceServiceStub
) -> None:
    """Not on 21 January, not before 05:00 of the 22nd, then once: FACTUREE, and its payment PENDING."""
    await prepared(mesh, "2026-01-21")
    await prepared(mesh, "2026-01-22", 4)
    assert (await told(echeanciers, schedule)).echeances[0].statut == "PLANIFIEE"
    await prepared(mesh, "2026-01-22")
    await prepared(mesh, "2026-01-22", 6)
    now = await told(echeanciers, schedule)
    assert [one.statut for one in now.echeances] == ["FACTUREE"] + ["PLANIFIEE"] * 11
    (payment,) = now.payments
    facture = await factures.Get(factures_pb2.GetFactureRequest(id=payment.facture_id))
    assert (facture.montant_ttc, facture.date_echeance, facture.mode_paiement) == (
        49.90,
        "2026-02-05",
        "PRELEVEMENT_SEPA",
    )
    assert (payment.statut, payment.montant, payment.date_prelevement, payment.moyen) == (
        "PENDING",
        49.90,
        "2026-02-05",
        "SEPA_DEBIT",
    )
    assert payment.end_to_end_id == "E" + payment.id.replace("-", "")


async def test_R7_without_invoices_the_payment_alone_is_made(
    mesh: Mesh, echeanciers: PaymentScheduleServiceStub
) -> None:
    schedule = await echeanciers.Create(monthly(facturation=False, moyen="VIREMENT"))
    await prepared(mesh, "2026-01-22")
    (payment,) = (await told(echeanciers, schedule)).payments
    assert (payment.facture_id, payment.moyen, payment.statut) == ("", "VIREMENT", "PENDING")


async def test_R7_what_factures_was_asked_is_asked_again_word_for_word(
    mesh: Mesh, schedule: pb.Schedule, echeanciers: PaymentScheduleServiceStub
) -> None:
    """While factures is away nothing is lost; meanwhile the échéance stays as it is, whatever is asked."""
    async with mesh.without("factures"):
        assert await prepared(mesh, "2026-01-22") is AGAIN
        changed = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, montant_echeance=60))
        assert [one.montant for one in changed.echeances] == [49.90] + [60] * 11
        cancelled = await echeanciers.Cancel(pb.CancelScheduleRequest(id=schedule.id, motif="départ"))
        assert [one.statut for one in cancelled.echeances] == ["PLANIFIEE"] + ["ANNULEE"] * 11

    async def answered() -> bool:
        await prepared(mesh, "2026-01-22", 7)
        return (await told(echeanciers, schedule)).echeances[0].statut != "PLANIFIEE"

    await eventually(answered, timeout=30)
    now = await told(echeanciers, schedule)
    assert (now.echeances[0].statut, len(now.payments)) == ("ANNULEE", 0)
    assert now.echeances[0].facture_id


async def test_R15_a_refused_invoice_holds_its_echeance(
    mesh: Mesh, org: str, echeanciers: PaymentScheduleServiceStub
) -> None:
    """Finance is told once a day, nothing is debited, and it is tried again."""
    schedule = await echeanciers.Create(monthly())
    async with mesh.database("payments").transaction() as tx:
        row = await tx.get(Echeancier, schedule.id)
        assert row is not None
        await tx.update(row, tva={"lignes": [{"taux": "0", "motif": "SANS_RAISON", "montant": "49.90"}]})
    for hour in (5, 6):
        await prepared(mesh, "2026-01-22", hour)
    now = await told(echeanciers, schedule)
    assert ([one.statut for one in now.echeances][:2], len(now.payments)) == (["BLOQUEE", "PLANIFIEE"], 0)
    assert (await alerts(mesh, org)).count("Échéance non facturée") == 1
    await prepared(mesh, "2026-01-23")
    assert (await alerts(mesh, org)).count("Échéance non facturée") == 2


async def test_R7_an_echeance_whose_day_has_passed_gets_another_with_its_notice(
    mesh: Mesh, schedule: pb.Schedule, echeanciers: PaymentScheduleServiceStub
) -> None:
    """The service was away for a month: the debit of 5 February moves beyond 20 February + 14 days."""
    await prepared(mesh, "2026-02-20")
    first = (await told(echeanciers, schedule)).echeances[0]
    assert first.date_prelevement >= "2026-03-06"
    assert first.statut in {"PLANIFIEE", "FACTUREE"}


async def test_R1_an_open_schedule_always_has_three_before_it(
    mesh: Mesh, echeanciers: PaymentScheduleServiceStub
) -> None:
    asked = monthly(montant_echeance=20)
    for champ in ("montant_total", "nombre_echeances"):
        asked.ClearField(champ)
    schedule = await echeanciers.Create(asked)
    assert [one.date_prelevement for one in schedule.echeances] == ["2026-02-05", "2026-03-05", "2026-04-07"]
    await prepared(mesh, "2026-01-22")
    now = await told(echeanciers, schedule)
    assert [(one.mois_cible, one.statut) for one in now.echeances] == [
        ("2026-02", "FACTUREE"),
        ("2026-03", "PLANIFIEE"),
        ("2026-04", "PLANIFIEE"),
        ("2026-05", "PLANIFIEE"),
    ]


async def test_R34_a_terminated_contract_is_not_invoiced_any_more(
    mesh: Mesh,
    org: str,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    """What is dated after the day of termination is cancelled, with the payment of the invoiced one."""
    contrat, schedule = sold
    await orchestrations.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat.id))
    await prepared(mesh, "2026-01-22")
    await orchestrations.Resilier(
        contrats_pb2.ResilierContratRequest(contrat_id=contrat.id, motif="vente du bien")
    )
    with clock.frozen_at(paris("2026-01-31")):
        await follow_contracts(mesh["payments"].app)
    now = await told(echeanciers, schedule)
    assert (now.statut, {one.statut for one in now.echeances}) == ("CANCELLED", {"ANNULEE"})
    assert [one.statut for one in now.payments] == ["CANCELLED"]
    assert (await alerts(mesh, org)).count("Factures à avoirer") == 1


async def refused_after_the_end(
    mesh: Mesh,
    due: Debits,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> tuple[Payment, Echeance]:
    """A debit of 5 February whose file was refused, of a contract that has ended on 12 January.

    An échéance that was due before is still held, so that the schedule goes on.
    """
    contrat, schedule = sold
    await due.creancier()
    await due.mandat()
    await orchestrations.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat.id))
    await prepared(mesh, "2026-01-22")
    (debit,) = (await told(echeanciers, schedule)).payments
    payment, first = await due.stored(Payment, debit.id), await due.stored(Echeance, debit.echeance_id)
    await due.fail(payment)
    await due.set(first, statut="EN_COURS")
    second = await due.stored(Echeance, schedule.echeances[1].id)
    await due.set(second, statut="BLOQUEE", date_prelevement=date(2026, 1, 12))
    await orchestrations.Resilier(
        contrats_pb2.ResilierContratRequest(contrat_id=contrat.id, motif="vente du bien")
    )
    return payment, first


async def emitted(due: Debits, day: str) -> int:
    """The number of debits that the run of *day* hands over."""
    with clock.frozen_at(paris(day, 11)):
        return (await due.emit_of(date.fromisoformat(day))).nb_soumis


async def test_R34_a_refused_debit_after_the_end_of_its_contract_is_not_handed_over_again(
    mesh: Mesh,
    org: str,
    due: Debits,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    """Its échéance ends, and finance is told of its invoice; what the contract still owes goes on."""
    payment, echeance = await refused_after_the_end(mesh, due, sold, orchestrations, echeanciers)
    assert await emitted(due, "2026-02-03") == 0
    assert [(await due.read(one)).statut for one in (payment, echeance)] == ["FAILED", "ANNULEE"]
    assert (await due.schedule(await due.read(echeance))).statut == "ACTIVE"
    assert (await alerts(mesh, org)).count("Factures à avoirer") == 1


async def test_R34_a_refused_debit_waits_while_its_contract_cannot_be_asked_for(
    mesh: Mesh,
    due: Debits,
    sold: tuple[contrats_pb2.Contrat, pb.Schedule],
    orchestrations: ContractOrchestrationServiceStub,
    echeanciers: PaymentScheduleServiceStub,
) -> None:
    payment, echeance = await refused_after_the_end(mesh, due, sold, orchestrations, echeanciers)
    async with mesh.without("contrats"):
        assert await emitted(due, "2026-02-03") == 0
    assert [(await due.read(one)).statut for one in (payment, echeance)] == ["FAILED", "EN_COURS"]
