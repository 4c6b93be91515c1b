#!/usr/bin/env bash
# uvicorn 0.54.0 (PyPI, https://github.com/encode/uvicorn) on asyncio of CPython 3.11.7, Linux.
#
# A server that is handed its listening socket (`server.serve(sockets=[socket.create_server(…)])`, as
# programs do that need port 0 or several servers in one process) answers each request but the first
# on a kept connection 40 ms late. The same server with host and port, or on uvloop, does not.
#
# asyncio switches TCP_NODELAY on only when the socket says proto == IPPROTO_TCP. create_server leaves
# proto at 0, and what it accepts inherits that. uvicorn sends the head and the body of an answer in
# two writes, so the second waits (Nagle) for an acknowledgement that the client delays by 40 ms.
# Connections of their own per request (curl) show nothing. One line mends it:
# `listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)`.
#
# Seen (median of 20 requests on one connection):
#   asyncio, own socket                 48.0 ms
#   asyncio, own socket, TCP_NODELAY     0.3 ms
#   asyncio, host and port               0.3 ms
#   uvloop, own socket                   0.4 ms
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0 uvloop==0.23.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import http.client
import socket
import statistics
import time

import uvicorn
import uvloop


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def milliseconds(port: int) -> float:
    """The median of requests on one connection, without the first."""
    connection, took = http.client.HTTPConnection("127.0.0.1", port), []
    for _ in range(21):
        begun = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        took.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return statistics.median(took[1:])


async def measured(listening: socket.socket | None) -> float:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, http="h11", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(None if listening is None else [listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    median = await asyncio.to_thread(milliseconds, port)
    server.should_exit = True
    await serving
    return median


def own(*, nodelay: bool = False) -> socket.socket:
    listening = socket.create_server(("127.0.0.1", 0))
    if nodelay:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


print("uvicorn", uvicorn.__version__)
seen = {
    "asyncio, own socket": asyncio.run(measured(own())),
    "asyncio, own socket, TCP_NODELAY": asyncio.run(measured(own(nodelay=True))),
    "asyncio, host and port": asyncio.run(measured(None)),
    "uvloop, own socket": uvloop.run(measured(own())),
}
for how, median in seen.items():
    print(f"{how:34} {median:6.1f} ms")
late, *others = seen.values()
assert late > 35
assert max(others) < 20
PYTHON
