"""Statements and notices of an account, camt.053 and camt.054: entries and their details (R26)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service_payments.lecture import montants
from service_payments.lecture.lignes import (
    CONTREPASSATION,
    EUR,
    FRAIS,
    LOT,
    REGLEMENT,
    RETOUR,
    VIREMENT_RETOURNE,
    BankOutcome,
)
from service_payments.lecture.xml import Element, day, first, identifier, reason, text

BOOKED: Final = "BOOK"
_ISSUED_DEBITS: Final = "IDDT"
_TRANSFER_RETURN: Final = "RRTN"


def outcomes(report: Element) -> Iterator[BankOutcome | None]:
    """The lines of all entries; None for each that is not booked, and so says nothing."""
    for entry in report.iter("Ntry"):
        yield from of_entry(entry)


def of_entry(entry: Element) -> Iterator[BankOutcome | None]:
    """The lines of one entry: one per detail that names a debit, one per batch that does not."""
    if first(entry, "Sts/Cd", "Sts/Prtry", "Sts") not in ("", BOOKED):
        yield None
        return
    groups = entry.findall("NtryDtls")
    whole = Entry(entry, alone=len(groups) <= 1, single=len(entry.findall("NtryDtls/TxDtls")) == 1)
    for group in groups or (None,):
        yield from whole.of_group(group)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry; it is *alone* with one group of details, and *single* with one detail."""

    element: Element
    alone: bool
    single: bool

    def of_group(self, group: Element | None) -> Iterator[BankOutcome]:
        """The lines of one NtryDtls, or of an entry that has none."""
        details = [] if group is None else group.findall("TxDtls")
        batch = None if group is None else group.find("Btch")
        named = [detail for detail in details if _own_id(detail)]
        for detail in named:
            yield self._transaction(detail, batch)
        yield from self._lots(batch, [detail for detail in details if not _own_id(detail)], named)

    def _lots(
        self, batch: Element | None, details: Sequence[Element], named: Sequence[Element]
    ) -> Iterator[BankOutcome]:
        """The lines without an id: details of one batch and of one kind are one line."""
        if not details and not named:
            yield self._lot(None, batch, (), alone=self.alone)
        groups: dict[tuple[str, ...], list[Element]] = {}
        for detail in details:
            kind = (self._sens(detail), *_reasons(detail), *_references(detail, batch))
            groups.setdefault(kind, []).append(detail)
        alone = self.alone and not named and len(groups) == 1
        for members in groups.values():
            yield self._lot(members[0], batch, members, alone=alone)

    def _transaction(self, detail: Element, batch: Element | None) -> BankOutcome:
        sens = self._sens(detail)
        code, texte = reason(detail.find("RtrInf"))
        pmt_inf_id, msg_id = _references(detail, batch)
        return BankOutcome(
            nature=self._nature(detail, sens),
            end_to_end_id=_own_id(detail),
            pmt_inf_id=pmt_inf_id,
            msg_id=msg_id,
            sens=sens,
            devise=_currency(self.element, detail),
            montants=montants.of_detail(self.element, detail, sens, single=self.single),
            code=code,
            texte=texte,
            day=day(self.element, "BookgDt", "ValDt"),
            of_debit=self._of_debit(detail),
        )

    def _lot(
        self, detail: Element | None, batch: Element | None, members: Sequence[Element], *, alone: bool
    ) -> BankOutcome:
        sens = self._sens(detail)
        code, texte = reason(None if detail is None else detail.find("RtrInf"))
        pmt_inf_id, msg_id = _references(detail, batch)
        count = text(batch, "NbOfTxs")
        return BankOutcome(
            nature=self._nature(detail, sens),
            porte=LOT,
            pmt_inf_id=pmt_inf_id,
            msg_id=msg_id,
            sens=sens,
            devise=_currency(self.element, detail),
            montants=montants.of_lot(self.element, batch, members, sens, alone=alone),
            nombre=int(count) if count.isdecimal() else None,
            code=code,
            texte=texte,
            day=day(self.element, "BookgDt", "ValDt"),
            of_debit=self._of_debit(detail),
        )

    def _sens(self, detail: Element | None) -> str:
        return text(detail, "CdtDbtInd") or text(self.element, "CdtDbtInd")

    def _nature(self, detail: Element | None, sens: str) -> str:
        """Sort a booked line into the rows of R26, from top to bottom."""
        returned = detail is not None and detail.find("RtrInf") is not None
        reversal = self._reversal()
        if sens == "CRDT":
            if returned or self._family(detail, "SubFmlyCd") == _TRANSFER_RETURN:
                return VIREMENT_RETOURNE
            return CONTREPASSATION if reversal else REGLEMENT
        issued = self._family(detail, "Cd") == _ISSUED_DEBITS
        return RETOUR if returned or reversal or issued else FRAIS

    def _of_debit(self, detail: Element | None) -> bool:
        returned = detail is not None and detail.find("RtrInf") is not None
        return returned or self._reversal() or self._family(detail, "Cd") == _ISSUED_DEBITS

    def _reversal(self) -> bool:
        return text(self.element, "RvslInd") in ("true", "1")

    def _family(self, detail: Element | None, name: str) -> str:
        """The family or sub-family of the detail, else of the entry."""
        path = f"BkTxCd/Domn/Fmly/{name}"
        return text(detail, path) or text(self.element, path)


def _own_id(detail: Element) -> str:
    return identifier(detail, "Refs/EndToEndId")


def _references(detail: Element | None, batch: Element | None) -> tuple[str, str]:
    """PmtInfId and MsgId of a line: its own, else those of its batch."""
    return (
        identifier(detail, "Refs/PmtInfId") or identifier(batch, "PmtInfId"),
        identifier(detail, "Refs/MsgId") or identifier(batch, "MsgId"),
    )


def _reasons(detail: Element) -> tuple[str, ...]:
    returned = detail.find("RtrInf")
    return ("",) if returned is None else ("RtrInf", *reason(returned))


def _currency(entry: Element, detail: Element | None) -> str:
    for element, path in ((detail, "Amt"), (detail, "AmtDtls/TxAmt/Amt"), (entry, "Amt")):
        found = None if element is None else element.find(path)
        if found is not None and found.get("Ccy"):
            return str(found.get("Ccy"))
    return EUR
