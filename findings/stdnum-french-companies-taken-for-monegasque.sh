#!/usr/bin/env bash
# python-stdnum 2.2 (PyPI, https://arthurdejong.org/python-stdnum/).
#
# The VAT number of a French company is FR, two characters of key and its SIREN; that of a company of
# Monaco has nine digits that begin with 000 and are no SIREN. The library concludes the reverse:
# whatever begins with 000 is of Monaco. But INSEE has given such SIRENs: 000 325 175 stands near the
# top of each stock file of its Sirene register. stdnum.fr.siren and stdnum.fr.tva find that number
# valid, and siren.to_tva makes the VAT number of it; fr.tva.to_siren refuses the way back with
# InvalidComponent, and stdnum.mc.tva calls the same number a valid one of Monaco. So neither tells
# where a company is, and taking the SIREN from a valid VAT number may raise.
#
# Seen:
#   SIREN 000325175 valid True, its VAT number FR08000325175
#   stdnum.fr.tva.is_valid True
#   stdnum.mc.tva.is_valid True
#   stdnum.fr.tva.to_siren InvalidComponent
#   SIREN 552100554 valid True, its VAT number FR96552100554
#   stdnum.fr.tva.is_valid True
#   stdnum.mc.tva.is_valid False
#   stdnum.fr.tva.to_siren 552100554
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-stdnum==2.2
"$folder/venv/bin/python" - <<'PYTHON'
import stdnum
from stdnum.exceptions import ValidationError
from stdnum.fr import siren, tva
from stdnum.mc import tva as monaco


def back(number: str) -> str:
    try:
        return tva.to_siren(number)
    except ValidationError as refusal:
        return type(refusal).__name__


print("python-stdnum", stdnum.__version__)
for company, of_monaco, expected in (("000325175", True, "InvalidComponent"), ("552100554", False, "552100554")):
    number = f"FR{siren.to_tva(company)}"
    print(f"SIREN {company} valid {siren.is_valid(company)}, its VAT number {number}")
    print("stdnum.fr.tva.is_valid", tva.is_valid(number))
    print("stdnum.mc.tva.is_valid", monaco.is_valid(number))
    print("stdnum.fr.tva.to_siren", back(number))
    assert (siren.is_valid(company), tva.is_valid(number)) == (True, True)
    assert (monaco.is_valid(number), back(number)) == (of_monaco, expected)
PYTHON
