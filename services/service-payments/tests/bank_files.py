"""Bank reports for the tests, written by us: statements, notices and answers in several namespaces."""

from collections.abc import Sequence

CAMT_2009 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
CAMT_2019 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
SIX = "http://www.six-interbank-clearing.com/de/camt.053.001.04.ch.01.xsd"
PAIN_2009 = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"
PAIN_2019 = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
NOWHERE = ""
CAMT_NAMESPACES = (CAMT_2009, CAMT_2019, SIX, NOWHERE)
PAIN_NAMESPACES = (PAIN_2009, PAIN_2019, NOWHERE)

STATEMENT, NOTICE = "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn"


def camt(*entries: str, namespace: str = CAMT_2019, kind: str = STATEMENT, made: str = "2026-03-09") -> bytes:
    """A report of an account with *entries*."""
    inner = "Stmt" if kind == STATEMENT else "Ntfctn"
    header = f"<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>{made}T07:30:00</CreDtTm></GrpHdr>"
    return document(f"<{kind}>{header}<{inner}><Id>1</Id>{''.join(entries)}</{inner}></{kind}>", namespace)


def document(body: str, namespace: str) -> bytes:
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><Document{xmlns}>{body}</Document>'.encode()


def entry(
    amount: str,
    sens: str = "CRDT",
    *inside: str,
    day: str = "2026-03-09",
    status: str = "<Sts>BOOK</Sts>",
    family: str = "",
    sub: str = "ESDD",
    reversal: bool = False,
    devise: str = "EUR",
    extra: str = "",
) -> str:
    """One entry of an account; *inside* are its details."""
    code = (
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        if family
        else ""
    )
    details = f"<NtryDtls>{''.join(inside)}</NtryDtls>" if inside else ""
    return (
        f'<Ntry><Amt Ccy="{devise}">{amount}</Amt><CdtDbtInd>{sens}</CdtDbtInd>'
        f"{'<RvslInd>true</RvslInd>' if reversal else ''}{status}<BookgDt><Dt>{day}</Dt></BookgDt>"
        f"{code}{extra}{details}</Ntry>"
    )


def detail(
    end_to_end_id: str = "",
    *inside: str,
    amount: str = "",
    sens: str = "",
    pmt_inf_id: str = "",
    msg_id: str = "",
    devise: str = "EUR",
) -> str:
    """One detail of an entry; *inside* stand behind its ids and its amount."""
    refs = "".join(
        f"<{name}>{value}</{name}>"
        for name, value in (("MsgId", msg_id), ("PmtInfId", pmt_inf_id), ("EndToEndId", end_to_end_id))
        if value
    )
    money = f'<Amt Ccy="{devise}">{amount}</Amt>' if amount else ""
    side = f"<CdtDbtInd>{sens}</CdtDbtInd>" if sens else ""
    return f"<TxDtls><Refs>{refs}</Refs>{money}{side}{''.join(inside)}</TxDtls>"


def batch(pmt_inf_id: str = "", count: int | None = None, msg_id: str = "", total: str = "") -> str:
    """The head of a group of details that are booked as one."""
    return (
        "<Btch>"
        + (f"<MsgId>{msg_id}</MsgId>" if msg_id else "")
        + (f"<PmtInfId>{pmt_inf_id}</PmtInfId>" if pmt_inf_id else "")
        + (f"<NbOfTxs>{count}</NbOfTxs>" if count is not None else "")
        + (f'<TtlAmt Ccy="EUR">{total}</TtlAmt>' if total else "")
        + "</Btch>"
    )


def returned(code: str = "", *, proprietary: str = "", text: str = "") -> str:
    """Why a debit came back; without arguments the bank says nothing."""
    reason = f"<Rsn><Cd>{code}</Cd></Rsn>" if code else ""
    reason = f"<Rsn><Prtry>{proprietary}</Prtry></Rsn>" if proprietary else reason
    return f"<RtrInf>{reason}{f'<AddtlInf>{text}</AddtlInf>' if text else ''}</RtrInf>"


def instructed(amount: str, booked: str = "", devise: str = "EUR") -> str:
    """The amount that we had asked for, and the one that moved."""
    moved = f'<TxAmt><Amt Ccy="{devise}">{booked}</Amt></TxAmt>' if booked else ""
    return f'<AmtDtls><InstdAmt><Amt Ccy="{devise}">{amount}</Amt></InstdAmt>{moved}</AmtDtls>'


def charges(*amounts: str, included: str = "") -> str:
    """Fees of the bank, one record each."""
    mark = f"<ChrgInclInd>{included}</ChrgInclInd>" if included else ""
    return (
        "<Chrgs>"
        + "".join(f'<Rcrd><Amt Ccy="EUR">{value}</Amt>{mark}</Rcrd>' for value in amounts)
        + "</Chrgs>"
    )


def pain(
    *batches: str,
    msg_id: str = "R202603030A1B2C3D",
    status: str = "",
    reason: str = "",
    namespace: str = PAIN_2009,
    made: str = "2026-03-04T08:15:00",
) -> bytes:
    """An answer to a file: its own *status*, then what is said of its batches."""
    group = (
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{msg_id}</OrgnlMsgId><OrgnlMsgNmId>pain.008</OrgnlMsgNmId>"
        f"{f'<GrpSts>{status}</GrpSts>' if status else ''}{reason}</OrgnlGrpInfAndSts>"
    )
    header = f"<GrpHdr><MsgId>BANK-2</MsgId><CreDtTm>{made}</CreDtTm></GrpHdr>"
    return document(f"<CstmrPmtStsRpt>{header}{group}{''.join(batches)}</CstmrPmtStsRpt>", namespace)


def answered(pmt_inf_id: str, *transactions: str, status: str = "", reason: str = "") -> str:
    """What an answer says of one batch."""
    level = f"<PmtInfSts>{status}</PmtInfSts>" if status else ""
    return (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{pmt_inf_id}</OrgnlPmtInfId>{level}{reason}"
        f"{''.join(transactions)}</OrgnlPmtInfAndSts>"
    )


def transaction(end_to_end_id: str, status: str = "", reason: str = "", original: str = "") -> str:
    """What an answer says of one debit."""
    level = f"<TxSts>{status}</TxSts>" if status else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{end_to_end_id}</OrgnlEndToEndId>{level}{reason}"
        f"{f'<OrgnlTxRef>{original}</OrgnlTxRef>' if original else ''}</TxInfAndSts>"
    )


def why(code: str, texts: Sequence[str] = ()) -> str:
    """The reason of an answer."""
    more = "".join(f"<AddtlInf>{text}</AddtlInf>" for text in texts)
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{more}</StsRsnInf>"
