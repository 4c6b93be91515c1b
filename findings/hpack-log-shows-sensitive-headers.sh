#!/usr/bin/env bash
# hpack 4.2.0 (PyPI, https://github.com/python-hyper/hpack).
#
# A header that must never be indexed (NeverIndexedHeaderTuple) is shown in the debug log of the encoder
# as SENSITIVE_REDACTED, as its documentation says; the next line of the same call shows the whole block
# as it is sent, where the value can be read unless it is Huffman coded.
#
# Seen, of Encoder().encode([NeverIndexedHeaderTuple("authorization", "my-secret")], huffman=False):
#   Adding b'authorization'=b'SENSITIVE_REDACTED' to the header table, sensitive:True, huffman:False
#   Encoded header block to b'\x1f\x08\tmy-secret'
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hpack==4.2.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import logging

from hpack import Encoder, NeverIndexedHeaderTuple

log = io.StringIO()
logging.basicConfig(stream=log, level=logging.DEBUG, format="%(message)s")
Encoder().encode([NeverIndexedHeaderTuple("authorization", "my-secret")], huffman=False)
print(log.getvalue(), end="")
assert "SENSITIVE_REDACTED" in log.getvalue()
assert "my-secret" in log.getvalue()
PYTHON
