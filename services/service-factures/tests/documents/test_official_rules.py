"""XML as the official rules see it: the schema, EN 16931, and for businesses flux 2 (R14)."""

from collections.abc import Callable
from typing import Any

import pytest
from service_factures.documents import Document
from service_factures.documents.cii import Fields, cii_xml, fields
from tests.documents.official_rules import failures, names
from tests.documents.sample_documents import document, exempt, first_avoir, single
from tests.documents.varied_documents import varied

VARIED = varied()


def test_there_are_many_kinds_of_documents() -> None:
    """The table below judges at least sixty."""
    assert len(VARIED) >= 60


@pytest.mark.parametrize("name", VARIED)
def test_R14_every_document_keeps_to_the_rules_of_its_buyer(name: str) -> None:
    """Those of flux 2 for businesses, those of EN 16931 for everybody."""
    of = VARIED[name]
    assert failures(cii_xml(of), professional=of.client.professionnel) == []


def _without_seller_address(data: Fields) -> None:
    del data["BG-4"]["einvoicing_addr"]


def _without_buyer_address(data: Fields) -> None:
    del data["BG-7"]["einvoicing_addr"]


def _without_iban(data: Fields) -> None:
    del data["BT-84"]


def _unit_in_words(data: Fields) -> None:
    data["BG-25"][0]["BT-130"] = "heure"


def _second_category(data: Fields) -> None:
    data["BG-25"].append(data["BG-25"][0] | {"BT-126": "2", "BT-151": "S", "BT-152": "20"})


def _without_date_of_origin(data: Fields) -> None:
    del data["BG-3"][0]["BT-26"]


def _vat_off(cents: str) -> Callable[[Fields], None]:
    def change(data: Fields) -> None:
        data |= {"BT-110": cents, "BT-112": "25.98", "BT-115": "25.98"}
        data["BG-23"][0]["BT-117"] = cents

    return change


WRONG: list[tuple[str, Document, Callable[[Fields], None], set[str]]] = [
    ("no BT-34", document(), _without_seller_address, {"BR-FR-13"}),
    ("no BT-49", document(), _without_buyer_address, {"BR-FR-12", "BR-FR-21"}),
    ("no IBAN", document(), _without_iban, {"CII-SR-470"}),
    # What EN 16931 calls BR-CL-23.
    ("unit in words", document(), _unit_in_words, {"FX-SCH-A-000613"}),
    ("two categories", exempt("HORS_CHAMP"), _second_category, {"BR-O-12"}),
    ("no BT-26", first_avoir(), _without_date_of_origin, {"BR-FR-CO-05"}),
    ("VAT off by one euro", single("19.99", "4.00"), _vat_off("5.99"), {"BR-S-09"}),
]


@pytest.mark.parametrize(("of", "spoil", "expected"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_rules_refuse_what_is_wrong(
    of: Document, spoil: Callable[[Fields], None], expected: set[str]
) -> None:
    """Their yes above means something."""
    from facturx import generate_cii_xml

    data: dict[str, Any] = fields(of)
    spoil(data)
    xml = generate_cii_xml(data, level="en16931", check_xsd=False, check_schematron=None)
    assert expected <= names(failures(xml, professional=True))
