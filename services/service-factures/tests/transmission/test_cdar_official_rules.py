"""Status messages as their schema and the rules BR-FR-CDV see them (`./scripts/test --maven`).

Both come in jars from Maven. That jar has the rules 1.3.0; 1.4 adds that each amount has its rate.
"""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree
from service_factures.transmission.cdar_212 import encaissee
from service_testing.maven import Artifact, jar_of
from tests.transmission.cdar_samples import receipt, received

pytestmark = [pytest.mark.maven, pytest.mark.timeout(900)]

SCHEMAS: Final = Artifact("com.helger.cii", "ph-cii-d22b", "4.1.1")
RULES: Final = Artifact("com.helger.phive.rules", "phive-rules-france", "4.2.3")
_SCHEMA: Final = "external/schemas/d22b/cdar/CrossDomainAcknowledgementAndResponse_100pD22B.xsd"
_SHEET: Final = "external/schematron/ctc/1.3.0/xslt/20260216_BR-FR-CDV-Schematron-CDAR_V1.3.0.xslt"
_FAILURES: Final = "//*[local-name() = 'failed-assert' or local-name() = 'successful-report']"

MESSAGES: Final = {
    "212 at one rate": encaissee(receipt(("20", "49.90"))),
    "212 at three rates": encaissee(receipt(("20", "16.02"), ("10", "22.34"), ("5.5", "11.64"))),
    "212 taken back": encaissee(receipt(("20", "-49.90"), rang=2)),
    "212 to a client without SIREN": encaissee(replace(receipt(("20", "49.90")), siren_client="")),
    "200": received("FAC2026000001", "200"),
    "203": received("FAC2026000001", "203"),
    "205": received("FAC2026000001", "205"),
    "210": received("FAC2026000001", "210", motif="TX_TVA_ERR", texte="Le taux est faux"),
    "213": received("FAC2026000001", "213", motif="REJ_SEMAN"),
    "221": received("FAC2026000001", "221", motif="ROUTAGE_ERR"),
}


class Judge:
    """The schema and the rules together."""

    def __init__(self, folder: Path) -> None:
        from saxonche import PySaxonProcessor

        for artifact in (SCHEMAS, RULES):
            zipfile.ZipFile(jar_of(artifact)).extractall(folder)
        self._schema = etree.XMLSchema(etree.parse(folder / _SCHEMA))
        self._processor: Any = PySaxonProcessor(license=False)
        compiler = self._processor.new_xslt30_processor()
        self._sheet: Any = compiler.compile_stylesheet(stylesheet_file=str(folder / _SHEET))

    def failures(self, xml: bytes, folder: Path) -> list[str]:
        """What they say against *xml*."""
        file = folder / "message.xml"
        file.write_bytes(xml)
        report = self._sheet.transform_to_string(source_file=str(file))
        assert report, "a report"
        told: Any = etree.fromstring(report.encode()).xpath(_FAILURES)
        schema: Any = self._schema
        found = [one.get("id", "") for one in told]
        schema.validate(etree.fromstring(xml))
        return [*found, *(error.message for error in schema.error_log)]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """One for all messages."""
    return Judge(tmp_path_factory.mktemp("cdar"))


@pytest.mark.parametrize("name", MESSAGES)
def test_R40_messages_keep_to_the_schema_and_to_the_rules(name: str, judge: Judge, tmp_path: Path) -> None:
    """Ours, and those that the double of a platform sends in the other tests."""
    assert judge.failures(MESSAGES[name], tmp_path) == []


def test_the_rules_refuse_a_receipt_without_amounts(judge: Judge, tmp_path: Path) -> None:
    """Their yes above means something."""
    assert "BR-FR-CDV-14_MDT-207" in judge.failures(encaissee(receipt()), tmp_path)


def test_the_schema_refuses_what_it_does_not_know(judge: Judge, tmp_path: Path) -> None:
    """Its yes above means something."""
    spoilt = MESSAGES["200"].replace(b"RoleCode", b"Role")
    assert any("Role" in one for one in judge.failures(spoilt, tmp_path))
