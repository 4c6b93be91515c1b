#!/usr/bin/env bash
# grpcio 1.85.1 (PyPI, https://github.com/grpc/grpc), grpc.aio on CPython 3.11.7, Linux.
#
# A client that is cut while it streams (it cancels, its connection ends, its process dies) looks to
# the handler of a server like one that has sent everything: `await context.read()` returns EOF, and
# `async for request in request_iterator` ends. Only the next step that waits for the network or a
# thread is cancelled. A handler that takes the end of the messages for the end of the upload does
# what it does with a complete one: it sees a part and takes it for the whole.
#
# After the end, `await context.send_initial_metadata(())` tells the two apart: in a call that is gone
# it is cancelled.
#
# Seen (100 clients that send one message of two and are cut):
#   by_read               {'ended': 100}
#   by_iteration          {'ended': 100}
#   by_read_and_metadata  {'CancelledError': 100}
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from collections import Counter

import grpc
import grpc.aio

CLIENTS = 100


async def by_read(requests, context, begun):
    await context.read()
    begun.set()
    while await context.read() is not grpc.aio.EOF:
        pass


async def by_iteration(requests, context, begun):
    async for _ in requests:
        begun.set()


async def by_read_and_metadata(requests, context, begun):
    await by_read(requests, context, begun)
    await context.send_initial_metadata(())


async def ends_of(handle):
    seen, left, begun = Counter(), asyncio.Semaphore(0), asyncio.Event()

    async def collect(requests, context):
        try:
            await handle(requests, context, begun)
            seen["ended"] += 1
        except asyncio.CancelledError:
            seen["CancelledError"] += 1
            raise
        finally:
            left.release()
        return b""

    server = grpc.aio.server()
    handlers = {"Collect": grpc.stream_unary_rpc_method_handler(collect)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.A", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    for number in range(CLIENTS):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            begun.clear()
            call = channel.stream_unary("/a.A/Collect")()
            await call.write(b"the first of two")
            await begun.wait()
            if number % 2:
                call.cancel()
    for _ in range(CLIENTS):
        await left.acquire()
    await server.stop(0)
    print(f"{handle.__name__:21}", dict(seen))
    return seen


async def main():
    assert (await ends_of(by_read))["ended"] > CLIENTS // 2
    assert (await ends_of(by_iteration))["ended"] > CLIENTS // 2
    assert await ends_of(by_read_and_metadata) == {"CancelledError": CLIENTS}


print("grpcio", grpc.__version__)
asyncio.run(main())
PYTHON
