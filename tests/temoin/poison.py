"""Poison: ways in which handling an event fails. An event names its poison in `email`."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from db_utils import Transaction
from nats_utils import InvalidEvent
from sqlalchemy import func, select

Poison = Callable[[Transaction], Awaitable[None]]


async def _exception(tx: Transaction) -> None:
    raise ValueError("poison")


async def _hang(tx: Transaction) -> None:
    await asyncio.Event().wait()


async def _slow_statement(tx: Transaction) -> None:
    await tx.all(select(func.pg_sleep(60)))


async def _cancel(tx: Transaction) -> None:
    raise asyncio.CancelledError


async def _invalid(tx: Transaction) -> None:
    raise InvalidEvent("poison")


async def _unprintable(tx: Transaction) -> None:
    raise ValueError("\x00 \udcff " + "x" * 1000)


async def _exit(tx: Transaction) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


POISONS: Final[Mapping[str, Poison]] = {
    "exception": _exception,
    "hang": _hang,
    "slow-statement": _slow_statement,
    "cancel": _cancel,
    "invalid": _invalid,
    "unprintable": _unprintable,
    "exit": _exit,
}
