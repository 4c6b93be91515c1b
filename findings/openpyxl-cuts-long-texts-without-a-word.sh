#!/usr/bin/env bash
# openpyxl 3.1.5 (PyPI, https://foss.heptapod.net/openpyxl/openpyxl).
#
# A cell of a sheet holds at most 32767 characters. A longer text is cut to that when it is given to the
# cell, in a workbook of either kind, write-only too: neither an exception nor a warning tells, with
# warnings made errors as well, and the end is gone from cell.value before anything is saved. A control
# character, which a sheet cannot hold either, raises IllegalCharacterError. Who exports free texts, such
# as notes or mails, looks at their length first.
#
# Seen, of a text of 40000 characters, with warnings as errors:
#   cell.value before save  32767
#   read back               32767
#   read back, write-only   32767
#   control character       IllegalCharacterError
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import warnings

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import IllegalCharacterError

TEXT = "x" * 39_997 + "END"
LONGEST = 32_767
warnings.simplefilter("error")


def read_back(write_only: bool) -> str:
    file, book = io.BytesIO(), Workbook(write_only=write_only)
    book.create_sheet("notes").append([TEXT])
    book.save(file)
    return load_workbook(file)["notes"]["A1"].value


cell = Workbook().active["A1"]
cell.value = TEXT
found = {
    "cell.value before save": cell.value,
    "read back": read_back(write_only=False),
    "read back, write-only": read_back(write_only=True),
}
for way, text in found.items():
    print(f"{way:22}  {len(text)}")
    assert text == TEXT[:LONGEST]
try:
    cell.value = "bell \a"
except IllegalCharacterError as error:
    print(f"{'control character':22}  {type(error).__name__}")
else:
    raise AssertionError("taken")
PYTHON
