"""Status messages as platforms and buyers send them, and receipts that we tell."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from service_factures.transmission.cdar_212 import Encaissement, MontantEncaisse

SELLER, BUYER = "552100554", "732829320"
ISSUED: Final = date(2026, 1, 22)
RECEIVED: Final = date(2026, 2, 5)
_BY_PLATFORMS: Final = ("200", "201", "202", "203", "213", "220", "221", "501")

_MESSAGE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossDomainAcknowledgementAndResponse
 xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossDomainAcknowledgementAndResponse:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:qdt="urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
 <rsm:ExchangedDocumentContext>
  <ram:BusinessProcessSpecifiedDocumentContextParameter>
   <ram:ID>REGULATED</ram:ID>
  </ram:BusinessProcessSpecifiedDocumentContextParameter>
  <ram:GuidelineSpecifiedDocumentContextParameter>
   <ram:ID>urn.cpro.gouv.fr:1p0:CDV:invoice</ram:ID>
  </ram:GuidelineSpecifiedDocumentContextParameter>
 </rsm:ExchangedDocumentContext>
 <rsm:ExchangedDocument>
  <ram:ID>cycle-{code}</ram:ID>
  <ram:IssueDateTime><udt:DateTimeString format="204">{date}</udt:DateTimeString></ram:IssueDateTime>
  <ram:SenderTradeParty><ram:RoleCode>{role}</ram:RoleCode></ram:SenderTradeParty>
  <ram:IssuerTradeParty>{issuer}<ram:RoleCode>{role}</ram:RoleCode></ram:IssuerTradeParty>
  <ram:RecipientTradeParty>
   <ram:GlobalID schemeID="0002">{siren}</ram:GlobalID><ram:RoleCode>SE</ram:RoleCode>
   <ram:URIUniversalCommunication>
    <ram:URIID schemeID="0225">{siren}</ram:URIID>
   </ram:URIUniversalCommunication>
  </ram:RecipientTradeParty>
 </rsm:ExchangedDocument>
 <rsm:AcknowledgementDocument>
  <ram:MultipleReferencesIndicator><udt:Indicator>false</udt:Indicator></ram:MultipleReferencesIndicator>
  <ram:TypeCode>{phase}</ram:TypeCode>
  <ram:IssueDateTime><udt:DateTimeString format="204">{date}</udt:DateTimeString></ram:IssueDateTime>
  <ram:ReferenceReferencedDocument>
   <ram:IssuerAssignedID>{numero}</ram:IssuerAssignedID>
   <ram:TypeCode>380</ram:TypeCode>
   <ram:FormattedIssueDateTime>
    <qdt:DateTimeString format="102">20260122</qdt:DateTimeString>
   </ram:FormattedIssueDateTime>
   <ram:ProcessConditionCode>{code}</ram:ProcessConditionCode>
   <ram:IssuerTradeParty>
    <ram:GlobalID schemeID="0002">{siren}</ram:GlobalID><ram:RoleCode>SE</ram:RoleCode>
   </ram:IssuerTradeParty>{status}
  </ram:ReferenceReferencedDocument>
 </rsm:AcknowledgementDocument>
</rsm:CrossDomainAcknowledgementAndResponse>
"""


def received(
    numero: str,
    code: str,
    *,
    siren: str = SELLER,
    date: str = "20260123101500",
    motif: str = "",
    texte: str = "",
) -> bytes:
    """The status *code* of the invoice *numero*, by its buyer or by a platform."""
    reason = f"<ram:ReasonCode>{motif}</ram:ReasonCode>" if motif else ""
    reason += f"<ram:Reason>{texte}</ram:Reason>" if texte else ""
    status = f"\n   <ram:SpecifiedDocumentStatus>{reason}</ram:SpecifiedDocumentStatus>" if reason else ""
    platform = code in _BY_PLATFORMS
    issuer = "" if platform else f'<ram:GlobalID schemeID="0002">{BUYER}</ram:GlobalID>'
    return _MESSAGE.format(
        numero=numero,
        code=code,
        siren=siren,
        date=date,
        status=status,
        issuer=issuer,
        role="WK" if platform else "BY",
        phase="305" if platform else "23",
    ).encode()


def receipt(*amounts: tuple[str, str], rang: int = 1) -> Encaissement:
    """A receipt of these rates and amounts."""
    return Encaissement(
        numero="FAC2026000001",
        rang=rang,
        date_emission=ISSUED,
        siren_vendeur=SELLER,
        siren_client=BUYER,
        adresse_client=f"0225:{BUYER}",
        emis_le=datetime(2026, 2, 5, 23, 30, tzinfo=UTC),
        montants=[MontantEncaisse(Decimal(rate), Decimal(amount), RECEIVED) for rate, amount in amounts],
    )
