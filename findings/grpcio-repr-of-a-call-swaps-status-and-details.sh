#!/usr/bin/env bash
# grpcio 1.85.1 (PyPI, https://github.com/grpc/grpc, src/python/grpcio).
#
# A call of grpc.aio that has ended shows its status and its details under each other's name: repr of
# cygrpc._AioCall, which stands in every traceback of a failed call, prints the sentence as "status"
# and the code as "details". The exception (AioRpcError) of the same call has them right.
#
# Seen, of a call to a port on which nobody listens:
#   AioRpcError   status = StatusCode.UNAVAILABLE
#   _AioCall      status = failed to connect to all addresses; …
#   _AioCall      details = "StatusCode.UNAVAILABLE"
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check grpcio==1.85.1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

import grpc


async def main() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        call = channel.unary_unary("/a.B/C")(b"", timeout=5)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            said = error.code(), error.details()
        shown = repr(call._cython_call)
    print("grpcio", grpc.__version__)
    print(f"AioRpcError   status = {said[0]}")
    print(shown)
    assert said[0] == grpc.StatusCode.UNAVAILABLE
    assert f"status = {said[1]}" in shown
    assert 'details = "StatusCode.UNAVAILABLE"' in shown


asyncio.run(main())
PYTHON
