#!/usr/bin/env bash
# python-stdnum 2.2 (PyPI, https://arthurdejong.org/python-stdnum/).
#
# stdnum.eu.at_02 validates the SEPA creditor identifier (in France: ICS): country, two check digits, a
# business code of three characters (ZZZ when there is none), national number. It looks at the check digits
# only, and these leave the business code out:
# - whatever stands in its three places is taken, signs and accented letters too;
# - without a national number, and of countries that do not exist, the rest is valid as well;
# - a small m is taken off like a space, before the text becomes upper case; a capital M stays. So an
#   identifier written small is valid unless it holds an m, in the code or, as some Spanish ones do, in
#   the number.
# Who wants to know more than that the digits hold no slip makes the text upper case first, and compares
# it with [A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28} besides.
#
# Seen, of made up numbers:
#   FR72ZZZ123456     FR72ZZZ123456
#   fr72zzz123456     FR72ZZZ123456
#   FR72É!_123456     FR72É!_123456
#   FR76ZZZ           FR76ZZZ
#   FR76              FR76
#   QQ77ZZZ           QQ77ZZZ
#   98                98
#   FR72MMM123456     FR72MMM123456
#   fr72mmm123456     InvalidChecksum
#   ES53ZZZ00000005M  ES53ZZZ00000005M
#   es53zzz00000005m  InvalidChecksum
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-stdnum==2.2
"$folder/venv/bin/python" - <<'PYTHON'
from stdnum.eu import at_02
from stdnum.exceptions import ValidationError

SAME = object()
EXPECTED = {
    "FR72ZZZ123456": SAME,
    "fr72zzz123456": "FR72ZZZ123456",
    "FR72É!_123456": SAME,
    "FR76ZZZ": SAME,
    "FR76": SAME,
    "QQ77ZZZ": SAME,
    "98": SAME,
    "FR72MMM123456": SAME,
    "fr72mmm123456": "InvalidChecksum",
    "ES53ZZZ00000005M": SAME,
    "es53zzz00000005m": "InvalidChecksum",
}


def judged(text: str) -> str:
    try:
        return at_02.validate(text)
    except ValidationError as error:
        return type(error).__name__


for text, expected in EXPECTED.items():
    found = judged(text)
    print(f"{text:17} {found}")
    assert found == (text if expected is SAME else expected), text
PYTHON
