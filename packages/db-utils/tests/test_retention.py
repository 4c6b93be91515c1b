"""Retentions: rows that have reached their age are deleted, in batches, and no others."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from db_utils import Database, Retention, clock, purge, purge_job, retention
from sqlalchemy import func, select
from tests.essais import Courriel, Echeance

_NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
_COURRIELS = Retention(Courriel, Courriel.created_at, kept=30 * _DAY)


def courriel(org: str, age: timedelta) -> Courriel:
    """A row that is *age* old."""
    return Courriel(organisation_id=org, adresse=f"{org}-{age}@exemple.fr", created_at=_NOW - age)


async def insert(database: Database, *rows: Courriel | Echeance) -> None:
    """Insert *rows*."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)


async def ages(database: Database, org: str) -> list[timedelta]:
    """The ages of the rows of *org*, the oldest first."""
    mine = select(Courriel.created_at).where(Courriel.organisation_id == org).order_by(Courriel.created_at)
    return [_NOW - instant for instant in await database.read().all(mine)]


async def test_rows_older_than_their_retention_are_deleted(database: Database, org: str) -> None:
    """The result is their number; a row of exactly that age is kept."""
    instant = timedelta(microseconds=1)
    kept = [30 * _DAY, _DAY]
    await insert(database, *(courriel(org, age) for age in (60 * _DAY, 30 * _DAY + instant, *kept)))
    with clock.frozen_at(_NOW):
        assert await purge(database, _COURRIELS) == 2
        assert await purge(database, _COURRIELS) == 0
    assert await ages(database, org) == kept


async def test_many_rows_are_deleted_in_several_transactions(
    database: Database, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when their number is a multiple of the batch."""
    monkeypatch.setattr(retention, "_BATCH", 2)
    commits: list[int] = []
    database.on_written(Courriel, lambda: commits.append(1))
    await insert(database, *(courriel(org, number * _DAY) for number in range(31, 35)))
    commits.clear()
    with clock.frozen_at(_NOW):
        assert await purge(database, _COURRIELS) == 4
    assert (len(commits), await ages(database, org)) == (2, [])


async def test_rows_without_the_instant_are_kept(database: Database, org: str) -> None:
    """The instant may be an expression, the last of two, and the primary key may have several columns."""
    last = func.greatest(Echeance.debut, Echeance.fin)
    rows = {
        "ancien": (_NOW - 3 * _DAY, _NOW - 2 * _DAY),
        "en cours": (_NOW - 3 * _DAY, None),
        "prolonge": (_NOW - 3 * _DAY, _NOW),
        "jamais": (None, None),
    }
    await insert(
        database,
        *(Echeance(domaine=org, cle=cle, debut=debut, fin=fin) for cle, (debut, fin) in rows.items()),
    )
    with clock.frozen_at(_NOW):
        assert await purge(database, Retention(Echeance, last, kept=_DAY)) == 2
    left = select(Echeance.cle).where(Echeance.domaine == org).order_by(Echeance.cle)
    assert await database.read().all(left) == ["jamais", "prolonge"]


async def test_the_job_applies_its_retentions_every_hour(database: Database, org: str) -> None:
    """Exclusively: two replicas would wait for each other's row locks."""
    job = purge_job(_COURRIELS, Retention(Echeance, Echeance.debut, kept=_DAY), name="oubli")
    assert (job.name, job.every, job.exclusive) == ("oubli", timedelta(hours=1), True)
    old = Echeance(domaine=org, cle="ancien", debut=_NOW - 2 * _DAY)
    await insert(database, courriel(org, 31 * _DAY), old)
    with clock.frozen_at(_NOW):
        await job.run(SimpleNamespace(database=database))
    assert await database.read().get(Echeance, (org, "ancien")) is None
    assert await ages(database, org) == []
