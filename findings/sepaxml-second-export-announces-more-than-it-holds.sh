#!/usr/bin/env bash
# sepaxml 2.7.0 (PyPI, https://github.com/raphaelm/python-sepaxml).
#
# SepaDD.export() changes what it exports, so that a second call, say one to be kept and one to be sent,
# gives another file. With batch=True it holds each debit once more, in a PmtInf of its own with a new
# PmtInfId but the same EndToEndId; with batch=False the debits stay as they are. In both the group header
# counts itself: NbOfTxs and CtrlSum are the sum over the PmtInf and over what the last export wrote there.
# The check against the schema, which export() makes, passes: the schema compares no sums. The MsgId stays.
#
# add_payment() writes into the caller's dict: both dates become texts, so that the same dict given again
# is refused, and an EndToEndId made up by the library is kept there and used again once the dates are new.
# Who exports once, and gives add_payment a copy, has none of this.
#
# Seen, of one debit of 10.00:
#   batch=True   export 1  header 1 of 10.00  PmtInf 1  debits 1
#   batch=True   export 2  header 3 of 30.00  PmtInf 2  debits 2
#   batch=True   export 3  header 6 of 60.00  PmtInf 3  debits 3
#   batch=False  export 1  header 1 of 10.00  PmtInf 1  debits 1
#   batch=False  export 2  header 2 of 20.00  PmtInf 1  debits 1
#   batch=False  export 3  header 3 of 30.00  PmtInf 1  debits 1
#   dict after add_payment: collection_date '2026-12-15', endtoend_id set
#   same dict again: refused; with dates anew: EndToEndId of before
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sepaxml==2.7.0
"$folder/venv/bin/python" - <<'PYTHON'
import re
from datetime import date

from sepaxml import SepaDD

IBAN, BIC = "FR7630006000011234567890189", "AGRIFRPP"
DATES = {"collection_date": date(2026, 12, 15), "mandate_date": date(2026, 1, 2)}


def debits(batch: bool) -> SepaDD:
    creditor = {"name": "Creancier", "IBAN": IBAN, "BIC": BIC, "creditor_id": "FR72ZZZ123456"}
    return SepaDD({**creditor, "batch": batch, "currency": "EUR"})


def debit() -> dict:
    debtor = {"name": "Debiteur", "IBAN": IBAN, "BIC": BIC, "mandate_id": "RUM1"}
    return {**debtor, **DATES, "amount": 1000, "type": "RCUR", "description": "Prime"}


def texts(file: bytes, name: str) -> list[str]:
    return re.findall(rf"<{name}>(.*?)</{name}>", file.decode())


def seen(batch: bool) -> list[tuple[str, str, int, int]]:
    collected, found = debits(batch), []
    collected.add_payment(debit())
    for number in (1, 2, 3):
        file = collected.export(validate=True)
        count, total = texts(file, "NbOfTxs")[0], texts(file, "CtrlSum")[0]
        blocks, held = len(set(texts(file, "PmtInfId"))), texts(file, "EndToEndId")
        assert len(set(held)) == 1
        print(f"batch={batch!s:5}  export {number}  header {count} of {total}", end="  ")
        print(f"PmtInf {blocks}  debits {len(held)}")
        found.append((count, total, blocks, len(held)))
    return found


once = ("1", "10.00", 1, 1)
assert seen(batch=True) == [once, ("3", "30.00", 2, 2), ("6", "60.00", 3, 3)]
assert seen(batch=False) == [once, ("2", "20.00", 1, 1), ("3", "30.00", 1, 1)]

given = debit()
first, second = debits(batch=True), debits(batch=True)
first.add_payment(given)
kept = given["endtoend_id"]
print(f"dict after add_payment: collection_date {given['collection_date']!r}, endtoend_id set")
assert given["collection_date"] == "2026-12-15" and texts(first.export(), "EndToEndId") == [kept]
try:
    second.add_payment(given)
except Exception as error:
    assert "MANDATE_DATE_INVALID" in str(error)
else:
    raise AssertionError("taken")
second.add_payment(given | DATES)
assert texts(second.export(), "EndToEndId") == [kept]
print("same dict again: refused; with dates anew: EndToEndId of before")
PYTHON
