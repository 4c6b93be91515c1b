#!/usr/bin/env bash
# phonenumbers 9.0.43 (PyPI, https://github.com/daviddrysdale/python-phonenumbers, the Python port
# of Google's libphonenumber).
#
# parse knows the extension as "ext. 12" and "x12", and in Spanish and Russian ("extensión 12",
# "доб. 12"). The French word, "poste 12", it does not: the
# letters are read as keys of a telephone (p o s t e = 7 6 7 8 3), so that the number silently grows
# by seven digits. There is no exception, no extension, and format_number writes the digits that
# nobody typed; only is_possible_number tells. The same word in brackets changes nothing.
#
# Seen:
#   01 40 00 00 00 ext. 12       +33140000000 extension 12 possible True
#   01 40 00 00 00 x12           +33140000000 extension 12 possible True
#   01 40 00 00 00 extensión 12  +33140000000 extension 12 possible True
#   01 40 00 00 00 доб. 12       +33140000000 extension 12 possible True
#   01 40 00 00 00 poste 12      +331400000007678312 extension None possible False
#   01 40 00 00 00 (poste 12)    +331400000007678312 extension None possible False
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import phonenumbers
from phonenumbers import PhoneNumberFormat, format_number, is_possible_number, parse

KNOWN, FRENCH = ("ext. 12", "x12", "extensión 12", "доб. 12"), ("poste 12", "(poste 12)")


def read(said: str) -> tuple[str, str | None, bool]:
    typed = f"01 40 00 00 00 {said}"
    number = parse(typed, "FR")
    seen = format_number(number, PhoneNumberFormat.E164), number.extension, is_possible_number(number)
    print(f"{typed:28} {seen[0]} extension {seen[1]} possible {seen[2]}")
    return seen


print("phonenumbers", phonenumbers.__version__)
assert {read(said) for said in KNOWN} == {("+33140000000", "12", True)}
assert {read(said) for said in FRENCH} == {("+331400000007678312", None, False)}
PYTHON
