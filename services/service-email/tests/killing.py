"""A delivery worker in a process of its own, which is killed at a chosen place."""

import asyncio
import json
import os
import signal
import sys

from service_email.settings import EmailSettings
from service_testing import Mesh
from service_testing.smtp import SmtpServer

_WORKER = """
import asyncio, json, os
from db_utils import Database
from grpc_utils import Peers, ServiceSigner
from service_email.delivery import deliver
from service_email.settings import EmailSettings
from service_kit import App

async def main():
    settings = EmailSettings()
    database = Database(settings.database_url.get_secret_value(), "email")
    await database.open()
    signer = ServiceSigner("email", os.environ["PRIVATE_KEY"])
    await deliver(App(settings, database, Peers(json.loads(os.environ["PEERS"]), signer)))

asyncio.run(main())
"""


async def worker_killed_at(place: str, mesh: Mesh, smtp: SmtpServer, *peers: str) -> None:
    """Run a worker, with *smtp* as the platform's server, until SIGKILL at the failpoint *place*."""
    environment = {
        **os.environ,
        "DATABASE_URL": mesh.database("email").url,
        "SMTP_HOST": smtp.host,
        "SMTP_PORT": str(smtp.port),
        "SMTP_SECURITE": "aucune",
        "SMTP_FROM": "CRM <crm@exemple.fr>",
        "SMTP_ALLOW_PRIVATE": "true",
        "ENCRYPTION_KEYS": mesh.secrets.environment("email", EmailSettings)["ENCRYPTION_KEYS"],
        "PRIVATE_KEY": mesh.secrets.keys["email"].private,
        "PEERS": json.dumps({peer: mesh.address(peer) for peer in peers}),
        "FAILPOINT": f"delivery.{place}:1",
    }
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, env=environment)
    assert await worker.wait() == -signal.SIGKILL
