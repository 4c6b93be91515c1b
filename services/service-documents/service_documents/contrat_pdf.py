"""The PDF of a signed contract (R13): PDF/A-2B, and the same bytes for the same data and libraries.

Everything that a PDF usually takes from the clock is the instant of the signature here.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape

from crm.contrats.contrats_pb2 import Contrat, GetContratWithDetailsResponse, LigneContrat
from db_utils import clock
from fpdf import FPDF
from grpc_utils import instant
from pdf_utils import WHOLE, amount, close_fonts, day, glyphs, missing, printable, typeset

from service_documents.parties import Parties

_FAMILY: Final = "DejaVu"
_PRODUCER: Final = "CRM documents"
_LINE: Final = 6  # mm
_FREQUENCES: Final = {
    "UNIQUE": "paiement unique",
    "MENSUELLE": "mensuelle",
    "TRIMESTRIELLE": "trimestrielle",
    "SEMESTRIELLE": "semestrielle",
    "ANNUELLE": "annuelle",
}
# fpdf2 2.8.9 writes the time of the build into the packet that it makes itself.
_XMP: Final = """\
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<pdf:Producer>{producer}</pdf:Producer>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:MetadataDate>{date}</xmp:MetadataDate>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def contract_pdf(details: GetContratWithDetailsResponse, parties: Parties, event_id: str) -> bytes:
    """The archive of a signed contract between *parties*.

    *event_id* is that of its contract.signed, "" when nobody has heard of one.
    """
    page = _Page(details.contrat)
    _write(page, details, parties, event_id)
    return page.finished()


class _Page:
    """A document about *contrat* that is written line by line; it remembers what it could not print."""

    def __init__(self, contrat: Contrat) -> None:
        self._missing: dict[str, None] = {}
        self._pdf = FPDF(enforce_compliance="PDF/A-2B")
        self._pdf.add_font(_FAMILY, fname=WHOLE.regular)
        self._describe(f"Contrat {contrat.reference}", instant(contrat.date_signature))
        self._pdf.add_page()

    def _describe(self, title: str, signed: datetime) -> None:
        title = self._printable(title)
        self._pdf.set_title(title)
        self._pdf.set_producer(_PRODUCER)
        self._pdf.set_lang("fr-FR")
        self._pdf.set_creation_date(signed)
        packet = _XMP.format(
            title=escape(title), producer=_PRODUCER, date=signed.isoformat(timespec="seconds")
        )
        self._pdf.set_xmp_metadata(packet)

    def line(self, text: str, size: int = 10) -> None:
        """Write *text* below what is there, broken where it is too long."""
        self._pdf.set_font(_FAMILY, size=size)
        self._pdf.multi_cell(0, _LINE, self._printable(text), new_x="LMARGIN", new_y="NEXT", align="L")

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._pdf.ln(_LINE / 2)
        self.line(text, 13)

    def finished(self) -> bytes:
        """The whole document, which ends with what it could not print."""
        if self._missing:
            self.line(
                "caractères non imprimables : " + " ".join(f"U+{ord(sign):04X}" for sign in self._missing)
            )
        try:
            return bytes(self._pdf.output())
        finally:
            close_fonts(self._pdf)

    def _printable(self, text: str) -> str:
        text = typeset(" ".join(text.split(" ")).replace("\n", " ").replace("\t", " "))
        known = glyphs(WHOLE.regular)
        self._missing |= dict.fromkeys(missing([text], known))
        return printable(text, known)


def _write(page: _Page, details: GetContratWithDetailsResponse, parties: Parties, event_id: str) -> None:
    contrat = details.contrat
    signed = instant(contrat.date_signature).astimezone(clock.PARIS)
    page.line(f"Contrat {contrat.reference}", 18)
    if contrat.titre:
        page.line(contrat.titre, 13)
    page.heading("Parties")
    for role, partie in (("Organisation", parties.organisation), ("Client", parties.client)):
        page.line(f"{role} : {partie.nom}")
        for ligne in partie.lignes:
            page.line(ligne)
    page.heading("Prestations")
    for text in _lines(details):
        page.line(text)
    page.heading("Montants et durée")
    for text in _terms(contrat):
        page.line(text)
    page.heading("Signature")
    page.line(f"Signé le {signed:%d/%m/%Y} à {signed:%H:%M:%S} (heure de Paris)")
    page.line(f"Signataire : {contrat.signataire_nom or 'non renseigné'}")
    page.line(f"Événement de signature : {event_id or 'aucun, archivé à la demande'}")


def _lines(details: GetContratWithDetailsResponse) -> list[str]:
    """The lines of the contract; where a price was agreed that is not theirs, the last one says so."""
    contrat, lignes = details.contrat, details.lignes
    agreed = _decimal(contrat.montant)
    if not lignes or contrat.prix_a_confirmer or sum(map(_total, lignes)) == agreed:
        return [_of(ligne, contrat.devise) for ligne in lignes]
    instead = f"Prix convenu par échéance, à la place des tarifs : {amount(agreed, contrat.devise)}"
    return [*(_of(ligne, contrat.devise, "tarif ") for ligne in lignes), instead]


def _of(ligne: LigneContrat, devise: str, kind: str = "") -> str:
    price = "prix à confirmer" if ligne.prix_a_confirmer else kind + amount(_total(ligne), devise)
    return f"{ligne.quantite} × {ligne.libelle or ligne.produit_id} : {price}"


def _total(ligne: LigneContrat) -> Decimal:
    return _decimal(ligne.prix_unitaire) * ligne.quantite


def _terms(contrat: Contrat) -> list[str]:
    frequence = _FREQUENCES.get(contrat.frequence_facturation, contrat.frequence_facturation)
    montant, total = _decimal(contrat.montant), _decimal(contrat.montant_total)
    end = f" au {_day(contrat.date_fin)}" if contrat.date_fin else ", sans terme"
    return [
        f"Facturation : {frequence}",
        f"Échéances : {contrat.nombre_echeances} × {amount(montant, contrat.devise)}",
        f"Montant total TTC : {amount(total, contrat.devise)}"
        + (" (prix à confirmer)" if contrat.prix_a_confirmer else ""),
        f"Durée : du {_day(contrat.date_debut)}{end}" if contrat.date_debut else "Durée : non renseignée",
    ]


def _decimal(montant: float) -> Decimal:
    return Decimal(repr(montant)).quantize(Decimal("0.01"))


def _day(text: str) -> str:
    return day(date.fromisoformat(text))
