#!/usr/bin/env bash
# phonenumbers 9.0.43 (PyPI, https://github.com/daviddrysdale/python-phonenumbers, the Python port
# of Google's libphonenumber).
#
# French typography separates groups of digits by the narrow no-break space, U+202F, and numbers
# copied from a well-set page or mail carry it. parse takes the ordinary space, the no-break space
# U+00A0, the ideographic space U+3000 and the zero-width U+200B and U+2060 between digits, but
# refuses U+202F as "The string supplied did not seem to be a phone number", and so the thin and
# figure spaces U+2009 and U+2007 and the tab. Whoever parses what people paste has to bring white
# space in order first, as " ".join(text.split()) does.
#
# Seen:
#   U+0020 +33612345678
#   U+00A0 +33612345678
#   U+3000 +33612345678
#   U+200B +33612345678
#   U+2060 +33612345678
#   U+202F (1) The string supplied did not seem to be a phone number.
#   U+2009 (1) The string supplied did not seem to be a phone number.
#   U+2007 (1) The string supplied did not seem to be a phone number.
#   U+0009 (1) The string supplied did not seem to be a phone number.
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

TAKEN, REFUSED = (0x20, 0xA0, 0x3000, 0x200B, 0x2060), (0x202F, 0x2009, 0x2007, 0x09)


def read(code: int) -> str:
    try:
        number = parse(chr(code).join(("06", "12", "34", "56", "78")), "FR")
    except NumberParseException as refusal:
        return str(refusal)
    return format_number(number, PhoneNumberFormat.E164)


print("phonenumbers", phonenumbers.__version__)
seen = {code: read(code) for code in TAKEN + REFUSED}
for code, what in seen.items():
    print(f"U+{code:04X} {what}")
assert all(seen[code] == "+33612345678" for code in TAKEN)
assert all("did not seem to be a phone number" in seen[code] for code in REFUSED)
PYTHON
