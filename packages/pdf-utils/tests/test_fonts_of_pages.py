"""What the embedded fonts can print."""

import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from pdf_utils import EVERYDAY, WHOLE, Family, missing, printable


@pytest.mark.parametrize("fonts", [EVERYDAY, WHOLE])
def test_the_fonts_print_what_french_writes(fonts: Family) -> None:
    """Accents, ligatures, dashes, quotes, the euro and no-break spaces."""
    assert missing(["Œuvre à l’été, « ça » – n° 1 : 5 €, É\u00a0\u202f…"], fonts.glyphs) == ()


@pytest.mark.parametrize(
    ("part", "whole"), [(EVERYDAY.regular, WHOLE.regular), (EVERYDAY.bold, WHOLE.bold)], ids=str
)
def test_the_everyday_font_is_a_part_of_the_whole_one(part: Path, whole: Path) -> None:
    """Each sign is as wide in both, so that no line moves with the choice."""
    with TTFont(part) as few, TTFont(whole) as all_of_them:
        assert few.getBestCmap().keys() < all_of_them.getBestCmap().keys()
        for code, name in few.getBestCmap().items():
            assert few["hmtx"][name][0] == all_of_them["hmtx"][all_of_them.getBestCmap()[code]][0]


def test_signs_without_a_glyph_are_found_once_and_replaced() -> None:
    """In the order in which they occur; ends of lines are no signs."""
    known = WHOLE.glyphs
    assert missing(["a北京\n", "京𝄞"], known) == ("北", "京", "𝄞")
    assert printable("a北京\tb", known) == "a\ufffd\ufffd\tb"


def test_importing_the_package_imports_no_library_of_fonts() -> None:
    """Services that print nothing do not pay for those that do."""
    code = "import sys, pdf_utils; sys.exit(bool({'fpdf', 'fontTools'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
