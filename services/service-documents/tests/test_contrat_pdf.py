"""The PDF of a signed contract: what it says, and that it says it in the same bytes every time."""

import io
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.contrats import contrats_pb2 as pb
from grpc_utils import timestamp
from pypdf import PdfReader
from service_documents.contrat_pdf import contract_pdf
from service_documents.parties import Partie, Parties
from tests.contrat_doubles import Heard
from tests.piece_contents import text_of

EVENT = "0199f000-0000-7000-8000-000000000001"
PARTIES = Parties(
    Partie("Atelier Élan", ("3 rue des Œillets, 75002 Paris", "SIRET : 55210055400013")),
    Partie("Anne Martin", ("1 rue du Lac", "75002 Paris", "France")),
)
NOBODY = Parties(Partie("org-123"), Partie("référence externe client-123"))


def details(**fields: Any) -> pb.GetContratWithDetailsResponse:
    """The contract of the worked example, with these fields instead of its own."""
    heard = Heard()
    contrat = heard.add("org-123", id="0199f000-0000-7000-8000-000000000002", **fields)
    return heard.contrats[contrat.id]


def test_R13_a_contract_is_told_completely() -> None:
    """Reference, parties, lines, amounts, dates, signer and event."""
    text = text_of(contract_pdf(details(), PARTIES, EVENT))
    for line in (
        "Contrat CTR-2026-000001",
        "Organisation : Atelier Élan",
        "3 rue des Œillets, 75002 Paris",
        "SIRET : 55210055400013",
        "Client : Anne Martin",
        "1 rue du Lac",
        "75002 Paris",
        "1 × Forfait Pro : 49,90 €",
        "Facturation : mensuelle",
        "Échéances : 12 × 49,90 €",
        "Montant total TTC : 598,80 €",
        "Durée : du 05/03/2026 au 04/03/2027",
        "Signé le 05/03/2026 à 11:30:00 (heure de Paris)",
        "Signataire : Anne Martin",
        f"Événement de signature : {EVENT}",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "Organisation : org-123"),
        ({}, "Client : référence externe client-123"),
        ({"date_fin": ""}, "Durée : du 05/03/2026, sans terme"),
        ({"signataire_nom": ""}, "Signataire : non renseigné"),
        ({"prix_a_confirmer": True}, "598,80 € (prix à confirmer)"),
        ({"montant_total": 1234567.5, "devise": "CHF"}, "Montant total TTC : 1 234 567,50 CHF"),
        ({"titre": "A" * 300}, "AAAA"),
        ({"frequence_facturation": "UNIQUE"}, "Facturation : paiement unique"),
    ],
)
def test_R13_what_is_unusual_is_told_too(fields: dict[str, Any], line: str) -> None:
    """A client who is unknown here, no end, no signer, other currencies."""
    assert line in text_of(contract_pdf(details(**fields), NOBODY, ""))


def test_R13_an_agreed_price_is_not_contradicted_by_those_of_the_lines() -> None:
    """The lines show their tariff, and what counts instead; where they agree nothing is added."""
    agreed = text_of(contract_pdf(details(montant=39.90, montant_total=478.80), PARTIES, EVENT))
    assert "1 × Forfait Pro : tarif 49,90 €" in agreed
    assert "Prix convenu par échéance, à la place des tarifs : 39,90 €" in agreed
    assert "Échéances : 12 × 39,90 €" in agreed
    assert "tarif" not in text_of(contract_pdf(details(), PARTIES, EVENT))


def test_R13_the_same_contract_gives_the_same_bytes() -> None:
    """Also in another second: all dates are that of the signature."""
    first = contract_pdf(details(), PARTIES, EVENT)
    began = int(time.time())
    while int(time.time()) == began:  # the second ends: that is the condition
        time.sleep(0.01)
    assert contract_pdf(details(), PARTIES, EVENT) == first
    assert contract_pdf(details(titre="Autre"), PARTIES, EVENT) != first


def test_R13_the_date_is_that_of_the_signature() -> None:
    """Wherever a PDF tells one."""
    signed = datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC)
    pdf = contract_pdf(details(date_signature=timestamp(signed)), NOBODY, "")
    told = PdfReader(io.BytesIO(pdf)).xmp_metadata
    assert told is not None
    dates = {told.xmp_create_date, told.xmp_modify_date, told.xmp_metadata_date}
    assert dates == {signed.replace(tzinfo=None)}
    assert re.findall(rb"D:(\d{14})", pdf) == []


def test_R13_signs_without_a_glyph_are_listed() -> None:
    """In the order in which they occur, each once; the line is missing where there is none."""
    text = text_of(
        contract_pdf(
            details(titre="北京 北 𝄞 <&>"), Parties(Partie("org-123"), Partie("Łukasz Œuvrard")), EVENT
        )
    )
    assert "caractères non imprimables : U+5317 U+4EAC U+1D11E" in text
    assert "Client : Łukasz Œuvrard" in text
    assert "non imprimables" not in text_of(contract_pdf(details(), NOBODY, ""))


def test_R13_a_reference_is_any_text() -> None:
    """Signs that mean something in XML too."""
    pdf = contract_pdf(details(reference='<b> & "x" 北'), NOBODY, "")
    assert 'Contrat <b> & "x" �' in text_of(pdf)
    assert PdfReader(io.BytesIO(pdf)).xmp_metadata is not None
