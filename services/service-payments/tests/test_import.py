"""The import of a report as a whole: once, all or nothing, in any order, and beside others (R23)."""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import Scope, within
from service_payments.bilan import SANS_CODE, Bilan
from service_payments.lecture import read_report
from service_payments.models import Echeance, Payment
from service_payments.transitions import transition
from service_testing import Mesh, eventually, refusal
from sqlalchemy import Integer, column, text
from tests.bank_files import NOTICE, batch, camt, charges, detail, entry, returned
from tests.encaissements import Encaissements

_WAITING: Any = text("SELECT count(*) AS n FROM pg_locks WHERE NOT granted").columns(column("n", Integer))


def booked(debit: Payment, code: str = "AM04", *more: str, amount: str = "10.00") -> str:
    return entry(amount, "DBIT", detail(debit.end_to_end_id, *more, returned(code)))


def credited(debit: Payment) -> str:
    return entry("10.00", "CRDT", detail(debit.end_to_end_id), day="2026-03-05")


async def test_R23_the_same_bytes_again_answer_what_they_did(banque: Encaissements) -> None:
    debit = await banque.submitted()
    first = await banque.report(camt(booked(debit), entry("1.00", "DBIT", family="IDDT")))
    again = await banque.report(camt(booked(debit), entry("1.00", "DBIT", family="IDDT")))
    assert (first.deja_importe, again.deja_importe) == (False, True)
    again.deja_importe = False
    assert first == again
    assert await banque.way(debit) == ["REJECTED"]


async def test_R23_settlements_come_before_returns(banque: Encaissements) -> None:
    """Whatever their order in the file; both are told."""
    debit = await banque.submitted()
    answer = await banque.report(camt(booked(debit), credited(debit)))
    assert await banque.way(debit) == ["PAID", "REJECTED"]
    assert (answer.nb_regles, answer.nb_rejetes) == (1, 1)
    assert [
        len(await banque.events(PaymentReceivedEvent, str(debit.id))),
        len(await banque.events(PaymentRejectedEvent, str(debit.id))),
    ] == [1, 1]


async def test_R23_a_statement_after_a_notice_adds_nothing_but_the_fees(banque: Encaissements) -> None:
    debit = await banque.submitted()
    await banque.report(camt(credited(debit), booked(debit), kind=NOTICE))
    assert (await banque.read(debit)).frais_bancaires is None
    with_fees = booked(debit, "AM04", charges("5.50"), amount="15.50")
    answer = await banque.report(camt(credited(debit), with_fees))
    assert await banque.way(debit) == ["PAID", "REJECTED"]
    assert (answer.nb_ignores, answer.total_frais, len(answer.non_rapproches)) == (2, 5.5, 0)
    assert Decimal("5.50") == (await banque.read(debit)).frais_bancaires
    assert await banque.alerts() == []


async def test_R23_two_files_at_once_with_the_same_return_reject_once(banque: Encaissements) -> None:
    debit = await banque.submitted()
    answers = await asyncio.gather(
        banque.report(camt(booked(debit), kind=NOTICE)), banque.report(camt(booked(debit)))
    )
    assert sorted(answer.nb_rejetes for answer in answers) == [0, 1]
    assert await banque.way(debit) == ["REJECTED"]
    assert len(await banque.events(PaymentRejectedEvent, str(debit.id))) == 1


async def test_R23_the_same_file_twice_at_once_is_imported_once(banque: Encaissements) -> None:
    debit = await banque.submitted()
    answers = await asyncio.gather(*(banque.report(camt(booked(debit))) for _ in range(3)))
    assert sorted(answer.deja_importe for answer in answers) == [False, True, True]
    assert [answer.nb_rejetes for answer in answers] == [1, 1, 1]


async def test_R23_a_report_waits_for_the_emission_that_is_not_committed_yet(
    banque: Encaissements, mesh: Mesh, org: str
) -> None:
    """Its debit is SUBMITTED once the report sees it."""
    debit = await banque.submitted(statut="PENDING")
    with within(Scope(org)):
        async with mesh.database("payments").transaction() as tx:
            row = await tx.get(Payment, debit.id, lock=True)
            assert row is not None
            await transition(tx, row, "SUBMITTED", cause="TEST")
            report = asyncio.create_task(banque.report(camt(credited(debit))))
            await eventually(lambda: _waiting(mesh))
    assert (await report).nb_regles == 1
    assert await banque.way(debit) == ["SUBMITTED", "PAID"]


async def _waiting(mesh: Mesh) -> bool:
    return bool(await mesh.database("payments").read().one(_WAITING))


@pytest.mark.parametrize("statut", ["REJECTED", "CANCELLED", "PENDING"])
async def test_R28_a_settlement_of_what_was_given_up_is_told(banque: Encaissements, statut: str) -> None:
    debit = await banque.submitted(statut=statut)
    answer = await banque.report(camt(credited(debit)))
    assert [(one.motif, one.alerte) for one in answer.non_rapproches] == [("ETAT_INATTENDU", True)]
    assert (statut, 1) == (await banque.statut(debit), len(await banque.alerts()))


@pytest.mark.parametrize("statut", ["REFUNDED", "CANCELLED", "PENDING", "FAILED"])
async def test_R28_a_first_return_of_what_cannot_come_back_is_told(
    banque: Encaissements, statut: str
) -> None:
    debit = await banque.submitted(statut=statut)
    answer = await banque.report(camt(booked(debit)))
    assert [one.motif for one in answer.non_rapproches] == ["ETAT_INATTENDU"]
    assert statut == await banque.statut(debit)


async def test_R28_one_notification_tells_all_of_a_file(banque: Encaissements) -> None:
    first, second = await banque.submitted(), await banque.submitted()
    answer = await banque.report(camt(booked(first, amount="99.00"), booked(second, ""), booked(second)))
    assert answer.nb_rejetes == 1
    (key,) = await banque.alerts()
    assert key.startswith("rapport:")


@pytest.mark.parametrize(("name", "named"), [("releve.xml", "camt.053 « releve.xml »"), ("", "camt.053")])
def test_R28_the_notification_says_which_file(name: str, named: str) -> None:
    """Finance imports several a day."""
    bilan = Bilan(read_report(camt()))
    bilan.warn(SANS_CODE)
    assert (
        bilan.message(name) == f"Le rapport bancaire {named} demande votre attention : retours sans code : 1."
    )


async def test_R12_R18_a_return_leaves_its_marks_on_the_mandate(banque: Encaissements) -> None:
    """AC04 suspends it; the debit was settled once, so the mandate was used."""
    mandat = await banque.mandat()
    debit = await banque.submitted(mandat_id=mandat.id, client_id=mandat.client_id)
    await banque.report(camt(booked(debit, "AC04")))
    stored = await banque.read(mandat)
    assert ("SUSPENDU", "AC04", date(2026, 3, 5)) == (
        stored.statut,
        stored.motif,
        stored.premier_reglement_le,
    )


async def test_R12_a_death_pauses_the_schedules_of_the_client(banque: Encaissements) -> None:
    mandat = await banque.mandat()
    echeance = await banque.echeance(client_id=mandat.client_id, montant_total=Decimal("99.00"))
    debit = await banque.submitted(
        mandat_id=mandat.id,
        client_id=mandat.client_id,
        echeance_id=echeance.id,
        schedule_id=echeance.echeancier_id,
    )
    await banque.report(camt(booked(debit, "MD07")))
    assert (await banque.statut(mandat), await banque.statut(echeance)) == ("REVOQUE", "IMPAYEE")
    assert (await banque.schedule(echeance)).statut == "PAUSED"


async def test_R9_R19_the_last_echeance_completes_its_schedule_and_reopens_it(
    banque: Encaissements,
) -> None:
    echeance = await banque.echeance()
    debit = await banque.submitted(echeance_id=echeance.id, schedule_id=echeance.echeancier_id)
    await banque.report(camt(credited(debit)))
    assert (
        await banque.statut(echeance),
        (await banque.schedule(echeance)).statut,
    ) == ("PAYEE", "COMPLETED")
    await banque.report(camt(booked(debit, "MD06")))
    assert (await banque.statut(echeance), (await banque.schedule(echeance)).statut) == ("IMPAYEE", "ACTIVE")


async def test_R19_a_schedule_stays_over_when_its_contract_goes_on_with_another(
    banque: Encaissements,
) -> None:
    echeance = await banque.echeance(contrat_id="contrat-1", statut="COMPLETED")
    await banque.echeance(contrat_id="contrat-1")
    debit = await banque.submitted(statut="PAID", echeance_id=echeance.id, schedule_id=echeance.echeancier_id)
    await banque.report(camt(booked(debit, "MD06")))
    assert (
        await banque.statut(echeance),
        (await banque.schedule(echeance)).statut,
    ) == ("IMPAYEE", "COMPLETED")


async def test_R13_another_payment_of_the_echeance_gives_way_to_a_late_settlement(
    banque: Encaissements,
) -> None:
    """A presentation that waits is cancelled: the debit that had failed was settled after all."""
    remise = await banque.remise()
    echeance = await banque.echeance()
    place: dict[str, Any] = {"echeance_id": echeance.id, "schedule_id": echeance.echeancier_id}
    late = await banque.submitted(statut="FAILED", remise_id=remise.id, **place)
    waiting = await banque.submitted(statut="PENDING", **place)
    await banque.report(camt(credited(late)))
    assert [await banque.statut(one) for one in (late, waiting, echeance)] == ["PAID", "CANCELLED", "PAYEE"]


async def _double(banque: Encaissements, statut: str) -> tuple[Echeance, list[Payment]]:
    """An échéance with a debit whose file was refused, and the one in its place, of another file."""
    echeance = await banque.echeance()
    remises = [await banque.remise(), await banque.remise()]
    return echeance, [
        await banque.submitted(
            statut=its_own,
            remise_id=remise.id,
            pmt_inf_id=f"{remise.msg_id}-001",
            echeance_id=echeance.id,
            schedule_id=echeance.echeancier_id,
        )
        for its_own, remise in zip(("FAILED", statut), remises, strict=True)
    ]


async def _is_booked_twice(
    banque: Encaissements,
    echeance: Echeance,
    debits: Sequence[Payment],
    answer: pb.ImportReportResponse,
) -> None:
    now = [await banque.read(one) for one in debits]
    assert [one.statut for one in now] == ["PAID", "PAID"]
    assert sum(one.echeance_id is not None for one in now) == 1
    assert await banque.statut(echeance) == "PAYEE"
    assert [len(await banque.events(PaymentReceivedEvent, str(one.id))) for one in debits] == [1, 1]
    assert {(one.motif, one.alerte) for one in answer.non_rapproches} == {("ETAT_INATTENDU", True)}
    assert len(await banque.alerts()) == 1


@pytest.mark.parametrize("statut", ["SUBMITTED", "PENDING", "FAILED"])
@pytest.mark.parametrize("last", [0, 1], ids=["its replacement last", "its replacement first"])
async def test_R13_a_failed_debit_and_its_replacement_in_one_file_are_both_booked(
    banque: Encaissements, statut: str, last: int
) -> None:
    """The bank has taken both: the échéance is paid once, and finance is told of the other one."""
    echeance, debits = await _double(banque, statut)
    told = debits if last == 0 else debits[::-1]
    await _is_booked_twice(banque, echeance, debits, await banque.report(camt(*map(credited, told))))


@pytest.mark.parametrize("statut", ["SUBMITTED", "PENDING", "FAILED"])
@pytest.mark.parametrize("last", [0, 1], ids=["its replacement last", "its replacement first"])
async def test_R13_batches_of_a_failed_debit_and_of_its_replacement_are_both_booked(
    banque: Encaissements, statut: str, last: int
) -> None:
    """As by single lines; the batch of each is booked as one."""
    echeance, debits = await _double(banque, statut)
    told = debits if last == 0 else debits[::-1]
    lots = [entry("10.00", "CRDT", batch(one.pmt_inf_id or "", 1), day="2026-03-05") for one in told]
    await _is_booked_twice(banque, echeance, debits, await banque.report(camt(*lots)))


async def test_R23_a_late_settlement_that_a_file_tells_twice_counts_once(banque: Encaissements) -> None:
    _, (late, _) = await _double(banque, "SUBMITTED")
    answer = await banque.report(camt(credited(late), credited(late)))
    assert (answer.nb_regles, answer.nb_ignores, len(answer.non_rapproches)) == (1, 1, 1)
    assert await banque.way(late) == ["PAID"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "RAPPORT_ILLISIBLE"),
        (b"%PDF-1.7", "RAPPORT_ILLISIBLE"),
        (b"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>", "RAPPORT_ILLISIBLE"),
        (b"<a>" * 300 + b"</a>" * 300, "RAPPORT_ILLISIBLE"),
        (b" " * (20 * 1024 * 1024 + 1), "RAPPORT_TROP_GRAND"),
    ],
    ids=["empty", "no XML", "document type", "deep", "20 MiB and a byte"],
)
async def test_R23_what_is_no_report_is_refused_in_words(
    sepa: SepaServiceStub, content: bytes, reason: str
) -> None:
    refused = await refusal(sepa.ImportReport(pb.ImportReportRequest(content=content)))
    assert ("INVALID_ARGUMENT", reason) == (refused.code.name, refused.reason)


async def test_R23_a_return_told_twice_in_one_file_counts_once(banque: Encaissements) -> None:
    """The second line gives the fees that the first one did not name."""
    debit = await banque.submitted()
    answer = await banque.report(camt(booked(debit), booked(debit, "AM04", charges("5.50"), amount="15.50")))
    assert (answer.nb_rejetes, answer.nb_ignores, answer.total_frais) == (1, 1, 5.5)
    assert await banque.way(debit) == ["REJECTED"]
    assert Decimal("5.50") == (await banque.read(debit)).frais_bancaires
