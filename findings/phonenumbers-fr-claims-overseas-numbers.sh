#!/usr/bin/env bash
# phonenumbers 9.0.43 (PyPI, https://github.com/daviddrysdale/python-phonenumbers, the Python port
# of Google's libphonenumber with its metadata).
#
# In the French overseas territories people write their numbers nationally, as in France: 0 and nine
# digits, with prefixes of their own. Parsed with the default region FR, four of these prefixes are
# "valid" numbers of France under +33: 0263 (La Réunion), 0269 (Mayotte), 0508 (Saint-Pierre-et-
# Miquelon) and 0596 (Martinique). Those beside them, 0262, 0692, 0590, 0594 and 0696, are not. So
# "try FR first, and the territory when FR calls it invalid" gives some subscribers of a territory
# the right country code and others, on the same island, one that reaches nobody. Once the code is
# written (+262, +596), is_valid_number finds the territory's numbers valid as well.
#
# Seen:
#   0263 10 12 34 in FR: +33263101234 valid True; written +262263101234: RE valid True
#   0269 61 12 34 in FR: +33269611234 valid True; written +262269611234: YT valid True
#   0596 60 12 34 in FR: +33596601234 valid True; written +596596601234: MQ valid True
#   0508 41 12 34 in FR: +33508411234 valid True; written +508411234: PM valid True
#   0262 20 12 34 in FR: +33262201234 valid False; written +262262201234: RE valid True
#   0692 12 34 56 in FR: +33692123456 valid False; written +262692123456: RE valid True
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import phonenumbers
from phonenumbers import PhoneNumberFormat, format_number, is_valid_number, parse, region_code_for_number

CASES = [
    ("0263 10 12 34", "+262263101234", "RE", True),
    ("0269 61 12 34", "+262269611234", "YT", True),
    ("0596 60 12 34", "+596596601234", "MQ", True),
    ("0508 41 12 34", "+508411234", "PM", True),
    ("0262 20 12 34", "+262262201234", "RE", False),
    ("0692 12 34 56", "+262692123456", "RE", False),
]
print("phonenumbers", phonenumbers.__version__)
for typed, written, region, claimed in CASES:
    french, own = parse(typed, "FR"), parse(written)
    e164 = format_number(french, PhoneNumberFormat.E164)
    print(
        f"{typed} in FR: {e164} valid {is_valid_number(french)}; "
        f"written {written}: {region_code_for_number(own)} valid {is_valid_number(own)}"
    )
    assert (is_valid_number(french), e164.startswith("+33")) == (claimed, True), typed
    assert (is_valid_number(own), region_code_for_number(own)) == (True, region), written
PYTHON
