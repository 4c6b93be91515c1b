#!/usr/bin/env bash
# nats-py 2.16.0 (PyPI, https://github.com/nats-io/nats.py).
#
# flush() waits for the PONG to a PING, so that whatever was sent before has reached the server. But it
# writes that PING to the socket at once, while subscribe(), publish() and unsubscribe() only put their
# command into a list that another task writes later. With nothing awaited in between, the PING is
# always the first: after `await client.subscribe(...)` and `await client.flush()` the server may not know
# the subscription yet, and messages of other clients are lost or refused (503). drain(), which flushes
# too, ends a subscription here before the server has heard of it. A second flush() comes behind.
#
# Seen, of the commands in the order in which a server gets them:
#   subscribe, flush         PING SUB
#   flush                    PING
#   drain of a subscription  PING UNSUB
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-py==2.16.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from importlib.metadata import version

import nats

commands = []


async def serve(reader, writer):
    writer.write(b'INFO {"server_id": "S", "version": "2.15.1", "max_payload": 1048576, "headers": true}\r\n')
    while line := await reader.readline():
        command = line.split()[0].decode()
        commands.append(command)
        if command == "PING":
            writer.write(b"PONG\r\n")
    writer.close()


def got():
    taken, commands[:] = commands[:], []
    return taken


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = await nats.connect("nats://127.0.0.1:%d" % server.sockets[0].getsockname()[1])
        seen = [got()]
        subscription = await client.subscribe("shop")
        await client.flush()
        while "SUB" not in commands:
            await asyncio.sleep(0.01)
        seen.append(got())
        await client.flush()
        seen.append(got())
        await subscription.drain()
        while "UNSUB" not in commands:
            await asyncio.sleep(0.01)
        seen.append(got())
        await client.close()
    return seen


print("nats-py", version("nats-py"))
connecting, *seen = asyncio.run(asyncio.wait_for(main(), 30))
for what, order in zip(("subscribe, flush", "flush", "drain of a subscription"), seen, strict=True):
    print(f"{what:24}", *order)
assert seen == [["PING", "SUB"], ["PING"], ["PING", "UNSUB"]]
PYTHON
