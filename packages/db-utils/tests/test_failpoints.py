"""Processes killed around a commit: a row and its row at commit are both in the database, or neither."""

import asyncio
import os
import signal
import subprocess
import sys

import psycopg
import pytest
from db_utils import Database
from tests.essais import SCHEMA, Fiche, Journal, fiche

_TRANSACTIONS = 5


async def write(url: str, org: str, read_first: bool) -> None:
    """Write rows in so many transactions; what the killed process runs."""
    database = Database(url, SCHEMA, pool_size=1)
    await database.open()
    for number in range(1, _TRANSACTIONS + 1):
        async with database.transaction() as tx:
            if read_first:
                await tx.get(Fiche, org)
            await tx.insert(fiche(org, code=f"{number}"))
            tx.insert_at_commit(Journal(message=f"{org} {number}"))
    await database.close()


@pytest.mark.parametrize("read_first", [False, True], ids=["one statement", "pipeline"])
@pytest.mark.parametrize(
    ("failpoint", "survivors"),
    [("transaction.before_commit:3", 2), ("transaction.after_commit:3", 3), ("elsewhere", _TRANSACTIONS)],
)
def test_a_killed_process_leaves_whole_transactions(
    url: str, org: str, owner: psycopg.Connection, failpoint: str, survivors: int, read_first: bool
) -> None:
    """SIGKILL at the third passage of a failpoint, before and after the commit."""
    done = subprocess.run(
        [sys.executable, __file__, url, org, "1" if read_first else ""],
        env={**os.environ, "FAILPOINT": failpoint},
        check=False,
    )
    killed = failpoint != "elsewhere"
    assert done.returncode == (-signal.SIGKILL if killed else 0)
    rows = owner.execute("SELECT code FROM fiches WHERE organisation_id = %s ORDER BY 1", (org,)).fetchall()
    events = owner.execute(
        "SELECT message FROM journal WHERE message LIKE %s ORDER BY 1", (f"{org} %",)
    ).fetchall()
    assert rows == [(f"{number}",) for number in range(1, survivors + 1)]
    assert events == [(f"{org} {number}",) for number in range(1, survivors + 1)]


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], bool(sys.argv[3])))
