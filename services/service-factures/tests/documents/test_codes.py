"""Tables of codes: units, electronic addresses, exemptions (R26, R27, R28)."""

from dataclasses import replace
from datetime import date

import pytest
from service_factures.documents import (
    MENTIONS,
    Client,
    Exoneration,
    Vendeur,
    described,
    of_buyer,
    of_seller,
    unit_code,
)
from service_factures.documents.cii import fields
from service_factures.documents.exonerations import vatex
from tests.documents.sample_documents import (
    ALLEMANDE,
    ENTREPRISE,
    PERSONNE,
    VENDEUR,
    document,
    exempt,
    ligne,
    with_seller,
)


@pytest.mark.parametrize(
    ("unite", "code"),
    [
        *((word, "C62") for word in ("", "unité", "Unités", "PIÈCE", "pieces", "forfait")),
        *((word, "HUR") for word in ("heure", "Heures", "h")),
        *((word, "ANN") for word in ("an", "ans", "année", "années")),
        *((word, "MTK") for word in ("m²", "m2")),
        *((word, "MTQ") for word in ("m³", "m3")),
        *((word, "TNE") for word in ("tonne", "t")),
        *((word, "LTR") for word in ("litre", "litres", "l")),
        *[("minute", "MIN"), ("jours", "DAY"), ("semaine", "WEE"), ("mois", "MON"), ("moi", "C62")],
        *[("kg", "KGM"), ("m", "MTR"), ("ms", "C62"), ("km", "KMT"), ("palette", "C62")],
    ],
)
def test_R28_a_unit_is_found_by_its_key(unite: str, code: str) -> None:
    """Accents, case and an s at the end make no difference."""
    assert unit_code(unite) == code


def test_R28_a_unit_that_nobody_knows_is_told_in_words() -> None:
    """Once, however often it is asked for."""
    told = described("Briques", "palette")
    assert told == "Briques (palette)"
    assert described(told, "palette") == told
    assert described("Conseil", "heures") == "Conseil"
    assert described("Conseil", "") == "Conseil"
    line = fields(document(ligne("1", "10", "20", description="Briques", unite="palette")))["BG-25"][0]
    assert (line["BT-130"], line["BT-153"]) == ("C62", told)


@pytest.mark.parametrize(
    ("vendeur", "address"),
    [
        (VENDEUR, "0225:552100554"),
        (replace(VENDEUR, adresse_electronique="0225:552100554_VENTES"), "0225:552100554_VENTES"),
    ],
)
def test_R26_the_address_of_a_seller(vendeur: Vendeur, address: str) -> None:
    """Its own, else its SIREN in the directory."""
    assert of_seller(vendeur) == address


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (ENTREPRISE, "0225:732829320"),
        (replace(ENTREPRISE, type_client="PARTENAIRE"), "0225:732829320"),
        (replace(ENTREPRISE, adresse_electronique="0225:732829320_1"), "0225:732829320_1"),
        (replace(ENTREPRISE, adresse=replace(ENTREPRISE.adresse, pays="RE")), "0225:732829320"),
        (replace(ENTREPRISE, siren="", email="a@exemple.fr"), ""),
        (ALLEMANDE, "EM:rechnung@exemple.de"),
        (replace(ALLEMANDE, email=""), ""),
        (replace(PERSONNE, email="a@exemple.fr"), ""),
    ],
)
def test_R26_the_address_of_a_buyer(client: Client, address: str) -> None:
    """Its own, else the SIREN of a French business or the email of another; a person has none."""
    assert of_buyer(client) == address


def test_R27_every_reason_has_one_mention_that_ends_with_the_tolerance() -> None:
    """Texts that cite the CGI may be printed until the end of 2027."""
    assert len({mention.motif for mention in MENTIONS}) == len(MENTIONS) == 7
    assert {mention.valable_au for mention in MENTIONS} == {date(2027, 12, 31)}


@pytest.mark.parametrize("mention", MENTIONS, ids=[mention.motif for mention in MENTIONS])
def test_R27_a_reason_is_written_as_code_and_as_text(mention: object) -> None:
    """BT-121 and BT-120, on the row of its category."""
    assert isinstance(mention, type(MENTIONS[0]))
    client = ENTREPRISE if mention.motif == "AUTOLIQUIDATION" else ALLEMANDE
    row = fields(exempt(mention.motif, client=client))["BG-23"][0]
    assert (row["BT-118"], row["BT-120"], row["BT-121"]) == (mention.categorie, mention.texte, mention.vatex)


@pytest.mark.parametrize(
    ("given", "pays", "code"),
    [
        ("VATEX-FR-AE", "FR", "VATEX-FR-AE"),
        ("VATEX-FR-AE", "GP", "VATEX-FR-AE"),
        ("VATEX-FR-AE", "DE", "VATEX-EU-AE"),
        ("VATEX-EU-IC", "DE", "VATEX-EU-IC"),
    ],
)
def test_R27_the_reverse_charge_has_another_code_abroad(given: str, pays: str, code: str) -> None:
    """Article 283-2 is about buyers in France."""
    assert vatex(Exoneration(vatex=given, texte="Autoliquidation"), pays) == code


def test_R5_what_is_out_of_scope_has_neither_rate_nor_vat_numbers() -> None:
    """Absent, not 0 (BR-O-02, BR-O-05)."""
    data = fields(exempt("HORS_CHAMP"))
    assert "BT-152" not in data["BG-25"][0]
    assert "BT-119" not in data["BG-23"][0]
    assert not {"vat_identifier", "tax_identifier"} & {*data["BG-4"], *data["BG-7"]}


def test_R27_a_seller_without_vat_number_is_known_by_its_siren() -> None:
    """BT-32, without which BR-E-02 is broken."""
    data = fields(with_seller(exempt("FRANCHISE_293B"), tva_intracom=""))
    assert data["BG-4"]["tax_identifier"] == "552100554"


def test_R33_the_bank_of_a_client_is_nowhere() -> None:
    """RUM and ICS only."""
    from service_factures.documents import Paiement

    data = fields(document(paiement=Paiement(mode="PRELEVEMENT_SEPA", rum="R-1", ics="FR72ZZZ123456")))
    assert (data["BT-81"], data["BT-89"], data["BT-90"]) == ("59", "R-1", "FR72ZZZ123456")
    assert not {"BT-84", "BT-86", "BT-91"} & set(data)


def test_R1_a_discount_explains_its_line() -> None:
    """10 × 12.50 less 10 % is 112.50."""
    line = fields(document())["BG-25"][0]
    assert line["BT-131"] == "112.50"
    expected = {"amount": "12.50", "base_amount": "125.00", "rate": "10", "reason_code": "95"}
    assert line["BG-27"] == [expected]


def test_R14_only_a_business_gets_the_notes_of_late_payment() -> None:
    """A person gets the discount and the kind of treatment."""
    codes = {note["BT-21"] for note in fields(document())["BG-1"]}
    assert codes == {"AAB", "PMD", "PMT", "BAR"}
    assert {note["BT-21"] for note in fields(document(client=PERSONNE))["BG-1"]} == {"AAB", "BAR"}
