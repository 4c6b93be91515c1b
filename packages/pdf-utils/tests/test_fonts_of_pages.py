"""What the embedded fonts can print."""

import subprocess
import sys
from pathlib import Path

import pytest
from pdf_utils import BOLD, REGULAR, glyphs, missing, printable


@pytest.mark.parametrize("font", [REGULAR, BOLD])
def test_both_fonts_print_what_french_writes(font: Path) -> None:
    """Accents, ligatures, dashes, quotes, the euro and no-break spaces."""
    assert missing(["Œuvre à l’été, « ça » – n° 1 : 5 €, É\u00a0\u202f…"], glyphs(font)) == ()


def test_signs_without_a_glyph_are_found_once_and_replaced() -> None:
    """In the order in which they occur; ends of lines are no signs."""
    known = glyphs(REGULAR)
    assert missing(["a北京\n", "京𝄞"], known) == ("北", "京", "𝄞")
    assert printable("a北京\tb", known) == "a\ufffd\ufffd\tb"


def test_importing_the_package_imports_no_library_of_fonts() -> None:
    """Services that print nothing do not pay for those that do."""
    code = "import sys, pdf_utils; sys.exit(bool({'fpdf', 'fontTools'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
