"""Answers of a bank to a file of debits, pain.002: the file, its batches, its transactions (R25)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from service_payments.lecture.lignes import (
    ACCEPTE,
    EUR,
    LOT,
    REFUS,
    REGLEMENT,
    REMISE,
    RETOUR,
    BankOutcome,
    Montants,
)
from service_payments.lecture.xml import Element, amount, day, identifier, reason, text

REFUSED: Final = "RJCT"
_SETTLED: Final = ("ACSC", "ACCC")
_TAKEN: Final = ("PART", "ACCP", "ACTC", "ACSP", "ACWC")


def outcomes(report: Element) -> Iterator[BankOutcome | None]:
    """The lines of a report, transactions before their level; None for each that says nothing."""
    group = report.find("OrgnlGrpInfAndSts")
    answer = Answer(
        identifier(group, "OrgnlMsgId"), day(report, "GrpHdr/CreDtTm"), text(group, "GrpSts") == REFUSED
    )
    for level in report.findall("OrgnlPmtInfAndSts"):
        yield from answer.of_batch(level)
    for line in report.findall("TxInfAndSts"):  # the first version has no batches
        yield answer.transaction(line, identifier(line, "OrgnlPmtInfId"), refused=answer.refused)
    if group is not None:
        yield answer.level(group, text(group, "GrpSts"), REMISE, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What all lines of a report share: the file they answer, their day, and whether it is *refused*."""

    msg_id: str
    made: date | None
    refused: bool

    def of_batch(self, level: Element) -> Iterator[BankOutcome | None]:
        """The lines of one PmtInf, the batch itself last."""
        pmt_inf_id, status = identifier(level, "OrgnlPmtInfId"), text(level, "PmtInfSts")
        for line in level.findall("TxInfAndSts"):
            yield self.transaction(line, pmt_inf_id, refused=self.refused or status == REFUSED)
        yield self.level(level, status, LOT, pmt_inf_id)

    def level(self, element: Element, status: str, porte: str, pmt_inf_id: str) -> BankOutcome | None:
        """The line of a batch or file; None while the bank has not decided (RCVD, PDNG, nothing)."""
        if status != REFUSED and status not in _TAKEN:
            return None
        code, texte = reason(element.find("StsRsnInf"))
        return BankOutcome(
            nature=REFUS if status == REFUSED else ACCEPTE,
            porte=porte,
            pmt_inf_id=pmt_inf_id,
            msg_id=self.msg_id,
            code=code,
            texte=texte,
            day=self.made,
        )

    def transaction(self, line: Element, pmt_inf_id: str, *, refused: bool) -> BankOutcome | None:
        """The line of a transaction; one without a status, but with a reason, is refused with its level."""
        status, (code, texte) = text(line, "TxSts"), reason(line.find("StsRsnInf"))
        implied = refused and not status and bool(code)
        if not implied and status != REFUSED and status not in _SETTLED:
            return None
        paid = status in _SETTLED
        original = line.find("OrgnlTxRef")
        montant = amount(original, "Amt/InstdAmt")
        return BankOutcome(
            nature=REGLEMENT if paid else RETOUR,
            end_to_end_id=identifier(line, "OrgnlEndToEndId"),
            pmt_inf_id=pmt_inf_id,
            msg_id=self.msg_id,
            sens="CRDT" if paid else "DBIT",
            devise=_currency(original),
            montants=Montants(booked=montant),
            code=code,
            texte=texte,
            day=day(original, "IntrBkSttlmDt", "ReqdColltnDt") or self.made if paid else self.made,
            of_debit=text(original, "PmtMtd") == "DD"
            or (original is not None and original.find("MndtRltdInf") is not None),
        )


def _currency(original: Element | None) -> str:
    found = None if original is None else original.find("Amt/InstdAmt")
    return EUR if found is None else str(found.get("Ccy", EUR))
