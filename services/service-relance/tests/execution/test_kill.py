"""A process that is killed while it carries a reminder out: there is one mail in the end (R17)."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from db_utils.clock import frozen_at
from service_relance.service import SERVICE
from service_testing import eventually
from tests.recouvrement import LEVEL_1, Recouvrement, at

PROGRAM = Path(__file__).parents[1] / "run_relances.py"


async def killed_run(bureau: Recouvrement, failpoint: str) -> int:
    """Let a process of its own carry level 1 out until *failpoint*; its exit code."""
    mesh = bureau.mesh
    settings = mesh["relance"].app.settings
    environment = {
        **os.environ,
        **mesh.secrets.environment("relance", SERVICE.settings),
        "CRM_ENV": "test",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "NATS_URL": mesh.broker.url_of("relance"),
        **{
            f"{name.upper()}_GRPC_ADDR": mesh.address(name)
            for name in ("calendar", "clients", "email", "factures", "organisations", "payments")
        },
    }
    instant = at(*LEVEL_1)
    with frozen_at(instant):  # callees judge the tokens of the process by its clock
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), bureau.org, instant.isoformat(), failpoint, env=environment
        )
        return await process.wait()


@pytest.mark.parametrize(("failpoint", "sent"), [("relance.after_fixed", 0), ("relance.before_done", 1)])
async def test_R17_after_a_kill_the_same_mail_is_sent_once(
    bureau: Recouvrement, failpoint: str, sent: int
) -> None:
    """Between the fixed content and the call, and between the call and the commit.

    The reminder is planned still; the next run repeats the call under the same key.
    """
    facture = await bureau.facture(await bureau.client())

    async def killed() -> bool:  # a process to which a callee was too slow ends without passing there
        return await killed_run(bureau, failpoint) == -signal.SIGKILL

    await eventually(killed, timeout=60)
    before = await bureau.mails()
    assert len(before) == sent
    assert (await bureau.statuts(facture))[0][1] == "PLANIFIEE"

    async def carried_out() -> bool:  # the server frees the locks of the process when it notices its end
        await bureau.run(*LEVEL_1, 10)
        return (await bureau.statuts(facture))[0][1] == "EXECUTEE"

    await eventually(carried_out, timeout=30)
    (mail,) = await bureau.mails()
    assert before in ([], [mail])
    (line,) = await bureau.history()
    assert (line.message_id, line.resultat) == (mail.id, "SUCCES")
