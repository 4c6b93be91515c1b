#!/usr/bin/env bash
# holidays 0.109 (PyPI, https://github.com/vacanza/holidays).
#
# Countries are loaded lazily: the classes in `holidays` are EntityLoaders, "country and financial
# holidays entities lazy loader" (registry.py), which import the module of one country at its first
# use. That module lies in the package `holidays.countries`, whose __init__ imports all countries of
# the world, so that the first question about one of them loads every one: 0.08 s of processor time
# and 8 MB here, as much again as `import holidays` itself (0.06 s, 8 MB; Python 3.11, RSS).
#
# Seen:
#   holidays 0.109
#   modules of countries after import holidays: 0
#   modules of countries after country_holidays("FR"): 250
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check holidays==0.109
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import holidays


def loaded() -> int:
    return sum(name.startswith("holidays.countries.") for name in sys.modules)


print("holidays", holidays.__version__)
before = loaded()
print("modules of countries after import holidays:", before)
holidays.country_holidays("FR", years=2026)
after = loaded()
print('modules of countries after country_holidays("FR"):', after)
assert before == 0
assert after > 200
PYTHON
