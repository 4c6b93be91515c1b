"""A process that is killed while it presents a debit: there is one debit in the end (R10, R11)."""

import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import pytest
from db_utils.clock import frozen_at
from service_retry.service import SERVICE
from service_testing import eventually
from tests.bureau import Bureau, at, days_of

PROGRAM = Path(__file__).parent / "run_once.py"
_CALLEES = ("calendar", "contrats", "factures", "payments", "relance")


async def killed_run(bureau: Bureau, when: datetime, failpoint: str) -> int:
    """Let a process of its own present what is due until *failpoint*; its exit code."""
    mesh = bureau.mesh
    environment = {
        **os.environ,
        **mesh.secrets.environment("retry", SERVICE.settings),
        "CRM_ENV": "test",
        "DATABASE_URL": bureau.app.settings.database_url.get_secret_value(),
        "NATS_URL": mesh.broker.url_of("retry"),
        **{f"{name.upper()}_GRPC_ADDR": mesh.address(name) for name in _CALLEES},
    }
    with frozen_at(when):  # callees judge the tokens of the process by its clock
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), bureau.org, when.isoformat(), failpoint, env=environment
        )
        return await process.wait()


@pytest.mark.parametrize(("failpoint", "debits"), [("retry.after_stored", 0), ("retry.after_call", 1)])
async def test_R11_after_a_kill_there_is_one_debit(bureau: Bureau, failpoint: str, debits: int) -> None:
    """Between the stored call and payments, and between payments and the commit.

    The next run repeats the call word for word, days later too, and gets the same payment.
    """
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")

    async def killed() -> bool:  # a process to which a callee was too slow ends without passing there
        return await killed_run(bureau, at("2026-03-12", 10), failpoint) == -signal.SIGKILL

    await eventually(killed, timeout=120)
    assert len(bureau.banque.debits_of(payment.id)) == debits
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-03-16", "2026-03-12", "SCHEDULED")]
    with frozen_at(at("2026-03-12", 10)):
        await eventually(lambda: _submitted(bureau, payment.id), timeout=60)
    (debit,) = bureau.banque.debits_of(payment.id)
    calls = bureau.banque.calls_of(payment.id)
    assert all(call == calls[0] for call in calls)
    schedule = await bureau.schedule(payment)
    assert (schedule.attempts[0].payment_id, schedule.attempts[0].statut) == (debit.id, "SUBMITTED")


async def _submitted(bureau: Bureau, payment_id: str) -> bool:
    """Run again; the server frees the locks of the process when it notices its end."""
    await bureau.process(at("2026-03-12", 10))
    return bool(bureau.banque.debits_of(payment_id))
