"""BankSimulator: what a bank would answer to one of our files, for tests and demonstrations.

It reads a pain.008 and writes a pain.002 or camt.054 that `SepaService/ImportReport` accepts, in the
same process and without a network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from db_utils import clock
from db_utils.clock import PARIS
from lxml import etree
from lxml.builder import ElementMaker

from service_payments.lecture.xml import Element, parsed, text

OK: Final = "OK"
NOTICE: Final = "camt.054"
STATUS: Final = "pain.002"

_NAMESPACES: Final = {
    NOTICE: "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08",
    STATUS: "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10",
}
_E: Final[Any] = ElementMaker()


@dataclass(frozen=True, slots=True)
class Collected:
    """One debit of a file with the outcome it is given."""

    end_to_end_id: str
    pmt_inf_id: str
    montant: str
    day: str
    outcome: str


class BankSimulator:
    """A bank that settles or refuses each debit as it is told."""

    def simulate(self, remise_xml: bytes, outcomes: Mapping[str, str], kind: str = NOTICE) -> bytes:
        """Answer *remise_xml*; the outcome of a debit is OK or the code of its refusal.

        A debit without an outcome is left out. A camt.054 books each debit, and books back what is
        refused; a pain.002 only says so. Raises KeyError for another *kind*, NotXml.
        """
        namespace = _NAMESPACES[kind]
        root = parsed(remise_xml)
        collected = list(_collected(root, outcomes))
        msg_id = text(root, "CstmrDrctDbtInitn/GrpHdr/MsgId")
        body = _notice(msg_id, collected) if kind == NOTICE else _status(msg_id, collected)
        document = _E("Document", body, xmlns=namespace)
        return etree.tostring(document, xml_declaration=True, encoding="UTF-8")


def _collected(root: Element, outcomes: Mapping[str, str]) -> Iterator[Collected]:
    for batch in root.iterfind("CstmrDrctDbtInitn/PmtInf"):
        for debit in batch.iterfind("DrctDbtTxInf"):
            name = text(debit, "PmtId/EndToEndId")
            if name in outcomes:
                yield Collected(
                    name,
                    text(batch, "PmtInfId"),
                    text(debit, "InstdAmt"),
                    text(batch, "ReqdColltnDt"),
                    outcomes[name],
                )


def _header(msg_id: str) -> Any:
    made = clock.now().astimezone(PARIS).replace(microsecond=0).isoformat()
    return _E.GrpHdr(_E.MsgId(f"REP-{msg_id}"[:35]), _E.CreDtTm(made))


def _notice(msg_id: str, collected: list[Collected]) -> Any:
    entries = [_entry(debit, "CRDT") for debit in collected]
    entries += [_entry(debit, "DBIT") for debit in collected if debit.outcome != OK]
    notice = _E.Ntfctn(
        _E.Id(f"NTF-{msg_id}"[:35]),
        _E.CreDtTm(clock.now().astimezone(PARIS).replace(microsecond=0).isoformat()),
        _E.Acct(_E.Id(_E.Othr(_E.Id("SIMULATEUR")))),
        *entries,
    )
    return _E.BkToCstmrDbtCdtNtfctn(_header(msg_id), notice)


def _entry(debit: Collected, sens: str) -> Any:
    returned = [_E.RtrInf(_E.Rsn(_E.Cd(debit.outcome)))] if sens == "DBIT" else []
    family = _E.Fmly(_E.Cd("IDDT"), _E.SubFmlyCd("UPDD" if returned else "ESDD"))
    detail = _E.TxDtls(
        _E.Refs(_E.PmtInfId(debit.pmt_inf_id), _E.EndToEndId(debit.end_to_end_id)),
        _E.Amt(debit.montant, Ccy="EUR"),
        _E.CdtDbtInd(sens),
        *returned,
    )
    return _E.Ntry(
        _E.Amt(debit.montant, Ccy="EUR"),
        _E.CdtDbtInd(sens),
        _E.Sts(_E.Cd("BOOK")),
        _E.BookgDt(_E.Dt(debit.day)),
        _E.BkTxCd(_E.Domn(_E.Cd("PMNT"), family)),
        _E.NtryDtls(detail),
    )


def _status(msg_id: str, collected: list[Collected]) -> Any:
    batches: dict[str, list[Collected]] = {}
    for debit in collected:
        batches.setdefault(debit.pmt_inf_id, []).append(debit)
    return _E.CstmrPmtStsRpt(
        _header(msg_id),
        _E.OrgnlGrpInfAndSts(_E.OrgnlMsgId(msg_id), _E.OrgnlMsgNmId("pain.008.001.08")),
        *(
            _E.OrgnlPmtInfAndSts(_E.OrgnlPmtInfId(pmt_inf_id), *map(_transaction, debits))
            for pmt_inf_id, debits in batches.items()
        ),
    )


def _transaction(debit: Collected) -> Any:
    refused = debit.outcome != OK
    reason = [_E.StsRsnInf(_E.Rsn(_E.Cd(debit.outcome)))] if refused else []
    return _E.TxInfAndSts(
        _E.OrgnlEndToEndId(debit.end_to_end_id),
        _E.TxSts("RJCT" if refused else "ACSC"),
        *reason,
        _E.OrgnlTxRef(
            _E.Amt(_E.InstdAmt(debit.montant, Ccy="EUR")),
            _E.ReqdColltnDt(debit.day),
        ),
    )
