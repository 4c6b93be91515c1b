"""Import of the bank's answers to our files: what each row of R25 does, each by a file of its own."""

from datetime import date

import pytest
from crm.events.business_pb2 import PaymentRejectedEvent
from tests.bank_files import (
    PAIN_2009,
    PAIN_2019,
    answered,
    batch,
    camt,
    detail,
    entry,
    pain,
    transaction,
    why,
)
from tests.encaissements import Encaissements

BOTH = pytest.mark.parametrize("namespace", [PAIN_2009, PAIN_2019])


@BOTH
@pytest.mark.parametrize("code", ["AC01", "XX99", ""])
async def test_R25_a_refused_transaction_is_a_rejet(banque: Encaissements, code: str, namespace: str) -> None:
    """With its own code, whatever its batch and file say; the others of the batch go out again."""
    remise, (refused, other) = await banque.lot("10.00", "12.50")
    line = transaction(refused.end_to_end_id, "RJCT", why(code, ["Konto"]) if code else "")
    answer = await banque.report(
        pain(
            answered(f"{remise.msg_id}-001", line, status="RJCT", reason=why("NARR")),
            msg_id=remise.msg_id,
            status="RJCT",
            reason=why("FF01"),
            namespace=namespace,
        )
    )
    stored, failed = await banque.read(refused), await banque.read(other)
    assert ("REJECTED", code or "INCONNU", "REJET", date(2026, 3, 4)) == (
        stored.statut,
        stored.motif_rejet,
        stored.r_type,
        stored.date_rejet,
    )
    assert (failed.statut, failed.motif_rejet) == ("FAILED", "NARR")
    assert (answer.nb_rejetes, answer.nb_echoues) == (1, 1)
    assert len(await banque.events(PaymentRejectedEvent, str(refused.id))) == 1
    assert await banque.events(PaymentRejectedEvent, str(other.id)) == []


@BOTH
async def test_R25_a_reason_below_a_refused_batch_is_a_refusal(banque: Encaissements, namespace: str) -> None:
    remise, (debit,) = await banque.lot("10.00")
    line = transaction(debit.end_to_end_id, "", why("AC04"))
    await banque.report(
        pain(answered(f"{remise.msg_id}-001", line, status="RJCT"), msg_id=remise.msg_id, namespace=namespace)
    )
    assert ((await banque.read(debit)).statut, (await banque.read(debit)).motif_rejet) == ("REJECTED", "AC04")


@BOTH
@pytest.mark.parametrize("status", ["ACSC", "ACCC"])
async def test_R25_a_settled_transaction_is_paid(banque: Encaissements, status: str, namespace: str) -> None:
    remise, (debit,) = await banque.lot("10.00")
    line = transaction(debit.end_to_end_id, status, original="<ReqdColltnDt>2026-03-05</ReqdColltnDt>")
    answer = await banque.report(pain(answered(f"{remise.msg_id}-001", line), namespace=namespace))
    stored = await banque.read(debit)
    assert ("PAID", date(2026, 3, 5), 1) == (stored.statut, stored.date_reception, answer.nb_regles)


@BOTH
async def test_R25_a_refused_batch_goes_out_again(banque: Encaissements, namespace: str) -> None:
    """A second batch of the file stays, and with it the remise; finance is told."""
    remise, (first,) = await banque.lot("10.00")
    second = await banque.submitted("5.00", remise_id=remise.id, pmt_inf_id=f"{remise.msg_id}-002")
    answer = await banque.report(
        pain(
            answered(f"{remise.msg_id}-001", status="RJCT", reason=why("FF01")),
            msg_id=remise.msg_id,
            namespace=namespace,
        )
    )
    assert (
        await banque.statut(first),
        await banque.statut(second),
        answer.nb_echoues,
    ) == ("FAILED", "SUBMITTED", 1)
    assert (await banque.statut(remise), len(await banque.alerts())) == ("GENEREE", 1)


@BOTH
async def test_R25_a_file_whose_batches_are_all_refused_is_refused(
    banque: Encaissements, namespace: str
) -> None:
    """The answer need not name the file."""
    remise, (first,) = await banque.lot("10.00")
    second = await banque.submitted("5.00", remise_id=remise.id, pmt_inf_id=f"{remise.msg_id}-002")
    lines = [answered(f"{remise.msg_id}-00{rank}", status="RJCT") for rank in (1, 2)]
    await banque.report(pain(*lines, msg_id="NOTPROVIDED", namespace=namespace))
    assert [await banque.statut(one) for one in (first, second, remise)] == ["FAILED", "FAILED", "REJETEE"]


@BOTH
async def test_R25_a_refused_file_goes_out_again(banque: Encaissements, namespace: str) -> None:
    remise, debits = await banque.lot("10.00", "12.50")
    await banque.report(
        pain(msg_id=remise.msg_id, status="RJCT", reason=why("DU01", ["double"]), namespace=namespace)
    )
    stored = [await banque.read(one) for one in debits]
    assert [(one.statut, one.motif_rejet, one.motif_texte) for one in stored] == [
        ("FAILED", "DU01", "double")
    ] * 2
    assert await banque.statut(remise) == "REJETEE"


@BOTH
@pytest.mark.parametrize("status", ["PART", "ACCP", "ACTC", "ACSP", "ACWC"])
async def test_R25_a_file_that_is_taken_changes_no_debit(
    banque: Encaissements, status: str, namespace: str
) -> None:
    remise, (debit,) = await banque.lot("10.00")
    await banque.report(pain(msg_id=remise.msg_id, status=status, namespace=namespace))
    assert (await banque.statut(remise), await banque.statut(debit)) == ("ACCEPTEE", "SUBMITTED")


@BOTH
@pytest.mark.parametrize("status", ["RCVD", "PDNG"])
async def test_R25_a_file_that_waits_changes_nothing(
    banque: Encaissements, status: str, namespace: str
) -> None:
    remise, (debit,) = await banque.lot("10.00")
    await banque.report(pain(msg_id=remise.msg_id, status=status, namespace=namespace))
    assert (await banque.statut(remise), await banque.statut(debit)) == ("GENEREE", "SUBMITTED")


@BOTH
@pytest.mark.parametrize("code", ["DU01", "DU05", "AM05"])
@pytest.mark.parametrize("level", ["file", "batch"])
async def test_R25_a_file_that_came_twice_is_not_sent_again(
    banque: Encaissements, level: str, code: str, namespace: str
) -> None:
    """Its debits are with the bank: to re-arm them would debit every client twice."""
    remise, (debit,) = await banque.lot("10.00")
    await banque.report(pain(msg_id=remise.msg_id, status="ACCP", namespace=namespace))
    line = transaction(debit.end_to_end_id, "RJCT", why(code))
    refused = answered(f"{remise.msg_id}-001", line, status="RJCT", reason=why(code))
    answer = await banque.report(
        pain(refused, msg_id=remise.msg_id, namespace=namespace)
        if level == "batch"
        else pain(msg_id=remise.msg_id, status="RJCT", reason=why(code), namespace=namespace)
    )
    assert [(one.motif, one.alerte) for one in answer.non_rapproches] == [("DOUBLON_FICHIER", True)]
    assert (await banque.statut(remise), await banque.statut(debit)) == ("ACCEPTEE", "SUBMITTED")


async def test_R25_a_file_of_which_a_debit_was_settled_had_come(banque: Encaissements) -> None:
    """Though nobody imported the bank's first answer."""
    remise, (paid, debit) = await banque.lot("10.00", "12.50")
    await banque.report(banque.credit(paid))
    await banque.report(pain(msg_id=remise.msg_id, status="RJCT", reason=why("DU01")))
    assert (await banque.statut(remise), await banque.statut(debit)) == ("GENEREE", "SUBMITTED")


@BOTH
async def test_R24_a_refusal_in_francs_matches_nothing(banque: Encaissements, namespace: str) -> None:
    remise, (debit,) = await banque.lot("10.00")
    francs = '<Amt><InstdAmt Ccy="CHF">10.00</InstdAmt></Amt>'
    line = transaction(debit.end_to_end_id, "RJCT", why("AC04"), francs)
    answer = await banque.report(pain(answered(f"{remise.msg_id}-001", line), namespace=namespace))
    assert (
        [one.motif for one in answer.non_rapproches],
        await banque.statut(debit),
    ) == (["DEVISE"], "SUBMITTED")


async def test_R25_a_refusal_of_a_batch_that_is_not_ours_refuses_nothing(banque: Encaissements) -> None:
    """Not even when the file is ours: its other batches are not meant."""
    remise, (debit,) = await banque.lot("10.00")
    await banque.report(pain(answered("AUTRE-001", status="RJCT"), msg_id=remise.msg_id))
    assert (await banque.statut(debit), await banque.statut(remise)) == ("SUBMITTED", "GENEREE")


@pytest.mark.parametrize("by", ["id", "batch"])
async def test_R13_a_failed_debit_that_is_settled_after_all_is_not_debited_again(
    banque: Encaissements, by: str
) -> None:
    """R28: finance is told of it."""
    remise, (debit,) = await banque.lot("10.00")
    await banque.report(pain(answered(f"{remise.msg_id}-001", status="RJCT"), msg_id=remise.msg_id))
    inside = detail(debit.end_to_end_id) if by == "id" else batch(f"{remise.msg_id}-001", 1)
    answer = await banque.report(camt(entry("10.00", "CRDT", inside)))
    assert await banque.way(debit) == ["FAILED", "PAID"]
    assert (answer.nb_regles, [one.motif for one in answer.non_rapproches]) == (1, ["ETAT_INATTENDU"])
