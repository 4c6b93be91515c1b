"""What stands out among the tasks: late ones, periods, counts, alerts (R12, R13, R14, R15)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TacheServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, refusal
from tests.requetes import new_tache

FRIDAY = datetime(2026, 3, 27, 10, tzinfo=clock.PARIS)
MICRO, MINUTE = timedelta(microseconds=1), timedelta(minutes=1)


@contextmanager
def at(instant: datetime, mesh: Mesh, org: str) -> Iterator[TacheServiceStub]:
    """The clock stands at *instant*; a stub of a member of *org*."""
    with clock.frozen_at(instant.astimezone(UTC)):
        yield mesh.stub(TacheServiceStub, organisation=org, user="marie")


async def titles(taches: TacheServiceStub, **asked: Any) -> list[str]:
    """The titles of the tasks that a list of the organisation has."""
    return [tache.titre for tache in (await taches.List(pb.ListTachesRequest(**asked))).taches]


async def alerts(taches: TacheServiceStub, **asked: Any) -> tuple[list[str], list[str]]:
    """The titles of the late tasks, and of those that fall due tomorrow."""
    answer = await taches.GetAlertes(pb.GetAlertesTachesRequest(**asked))
    assert all(tache.en_retard for tache in answer.en_retard)
    return [one.titre for one in answer.en_retard], [one.titre for one in answer.echeance_demain]


async def make(taches: TacheServiceStub, titre: str, due: datetime, statut: str = "a_faire") -> pb.Tache:
    """A task with this *statut*, due then."""
    made = await taches.Create(new_tache(titre, due.astimezone(UTC)))
    if statut == "en_cours":
        return await taches.MarquerEnCours(pb.MarquerEnCoursRequest(id=made.id))
    if statut == "terminee":
        return await taches.MarquerTerminee(pb.MarquerTermineeRequest(id=made.id))
    return made


async def test_R14_R15_the_worked_example(mesh: Mesh, org: str) -> None:
    """Four tasks on a Friday, and a fifth late one when the completed one is opened again."""
    with at(FRIDAY, mesh, org) as taches:
        await make(taches, "A", datetime(2026, 3, 26, 18, tzinfo=clock.PARIS))
        await make(taches, "B", datetime(2026, 3, 28, tzinfo=clock.PARIS), "en_cours")
        await make(taches, "C", datetime(2026, 3, 28, 23, 59, tzinfo=clock.PARIS))
        closed = await make(taches, "D", datetime(2026, 3, 25, tzinfo=clock.PARIS), "terminee")
        assert await alerts(taches) == (["A"], ["B", "C"])
        counts = {"a_faire": 2, "en_cours": 1, "terminee": 1, "total": 4}
        expected = pb.StatsTaches(en_retard=1, **counts)
        assert expected == await taches.GetStats(pb.GetStatsTachesRequest())
        assert sorted(await titles(taches, periode="semaine")) == ["A", "B", "C", "D"]
        assert await titles(taches, en_retard=True) == ["A"]
        again = await taches.MarquerEnCours(pb.MarquerEnCoursRequest(id=closed.id))
        assert (again.en_retard, again.HasField("date_completion")) == (True, False)
        expected = pb.StatsTaches(a_faire=2, en_cours=2, en_retard=2, total=4)
        assert expected == await taches.GetStats(pb.GetStatsTachesRequest())
        assert await alerts(taches) == (["D", "A"], ["B", "C"])


async def test_R12_a_task_that_is_due_now_is_not_late(mesh: Mesh, org: str) -> None:
    """A microsecond later it is, in every answer; a task without a due date never is."""
    with at(FRIDAY, mesh, org) as taches:
        made = await make(taches, "A", FRIDAY)
        await taches.Create(new_tache("jamais"))
        assert (made.en_retard, await titles(taches, en_retard=True)) == (False, [])
    with at(FRIDAY + MICRO, mesh, org) as taches:
        assert (await taches.Get(pb.GetTacheRequest(id=made.id))).en_retard
        assert await titles(taches, en_retard=True) == ["A"]
        assert (await taches.GetStats(pb.GetStatsTachesRequest())).en_retard == 1
        assert (await alerts(taches))[0] == ["A"]


async def test_R12_what_is_closed_is_not_late(mesh: Mesh, org: str) -> None:
    """Neither completed nor given up."""
    with at(FRIDAY, mesh, org) as taches:
        await make(taches, "faite", FRIDAY - MINUTE, "terminee")
        made = await make(taches, "abandonnée", FRIDAY - MINUTE)
        given_up = await taches.MarquerAnnulee(pb.MarquerAnnuleeRequest(id=made.id))
        assert (made.en_retard, given_up.en_retard) == (True, False)
        assert await titles(taches, en_retard=True) == []
        expected = pb.StatsTaches(terminee=1, annulee=1, total=2)
        assert expected == await taches.GetStats(pb.GetStatsTachesRequest())


@pytest.mark.parametrize(
    ("now", "periode", "first", "last"),
    [
        # 22:30 UTC in summer is tomorrow in Paris.
        ("2026-06-30T22:30+00:00", "aujourd_hui", "2026-07-01T00:00+02:00", "2026-07-01T23:59+02:00"),
        ("2026-06-30T22:30+00:00", "mois", "2026-07-01T00:00+02:00", "2026-07-31T23:59+02:00"),
        ("2026-06-30T21:59+00:00", "mois", "2026-06-01T00:00+02:00", "2026-06-30T23:59+02:00"),
        # Days of 23 and 25 hours.
        ("2026-03-29T12:00+02:00", "aujourd_hui", "2026-03-29T00:00+01:00", "2026-03-29T23:59+02:00"),
        ("2026-10-25T12:00+01:00", "aujourd_hui", "2026-10-25T00:00+02:00", "2026-10-25T23:59+01:00"),
        ("2026-03-27T10:00+01:00", "semaine", "2026-03-23T00:00+01:00", "2026-03-29T23:59+02:00"),
        ("2026-10-25T23:30+01:00", "semaine", "2026-10-19T00:00+02:00", "2026-10-25T23:59+01:00"),
        ("2026-12-31T23:00+00:00", "semaine", "2026-12-28T00:00+01:00", "2027-01-03T23:59+01:00"),
        ("2028-02-29T12:00+01:00", "mois", "2028-02-01T00:00+01:00", "2028-02-29T23:59+01:00"),
    ],
)
async def test_R13_periods_are_those_of_paris(
    mesh: Mesh, org: str, now: str, periode: str, first: str, last: str
) -> None:
    """The first and the last minute belong to them, the minutes before and after do not."""
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    with at(datetime.fromisoformat(now), mesh, org) as taches:
        for titre, due in {
            "avant": start - MICRO,
            "premier": start,
            "dernier": end + MINUTE - MICRO,
            "apres": end + MINUTE,
        }.items():
            await make(taches, titre, due)
        assert await titles(taches, periode=periode) == ["premier", "dernier"]


async def test_R13_a_period_combines_with_other_filters(mesh: Mesh, org: str) -> None:
    """All of them must hold; an unknown period is refused."""
    with at(FRIDAY, mesh, org) as taches:
        await make(taches, "A", FRIDAY - MINUTE)
        await make(taches, "B", FRIDAY + MINUTE)
        await make(taches, "C", FRIDAY - timedelta(days=30))
        assert await titles(taches, periode="aujourd_hui", en_retard=True) == ["A"]
        assert await titles(taches, periode="mois", search="b") == ["B"]
        answer = await refusal(taches.List(pb.ListTachesRequest(periode="Semaine")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "VALEUR_INCONNUE",
        {"champ": "periode"},
    )


async def test_R13_a_walk_goes_on_after_midnight(mesh: Mesh, org: str) -> None:
    """A page token of today's late tasks fits a moment later, when today is another day."""
    midnight = clock.midnight((FRIDAY + timedelta(days=1)).date())
    asked = pb.ListTachesRequest(periode="aujourd_hui", en_retard=True, pagination=Pagination(page_size=1))
    with at(midnight - MINUTE, mesh, org) as taches:
        for titre in ("A", "B"):
            await make(taches, titre, FRIDAY)
        first = await taches.List(asked)
    asked.pagination.page_token = first.pagination.next_page_token
    with at(midnight, mesh, org) as taches:
        second = await taches.List(asked)
    assert ([one.titre for one in first.taches], list(second.taches)) == (["A"], [])


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2026-03-28T12:00+01:00", "2026-03-29T00:00+01:00", "2026-03-29T23:59+02:00"),
        ("2026-10-24T12:00+02:00", "2026-10-25T00:00+02:00", "2026-10-25T23:59+01:00"),
        ("2026-06-30T22:30+00:00", "2026-07-02T00:00+02:00", "2026-07-02T23:59+02:00"),
    ],
)
async def test_R15_tomorrow_is_a_day_of_paris(mesh: Mesh, org: str, now: str, first: str, last: str) -> None:
    """Of 23, 25 or 24 hours; what is closed is not told."""
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    with at(datetime.fromisoformat(now), mesh, org) as taches:
        await make(taches, "apres", end + MINUTE)
        await make(taches, "dernier", end + MINUTE - MICRO, "en_cours")
        await make(taches, "premier", start)
        await make(taches, "avant", start - MICRO)
        await make(taches, "faite", start, "terminee")
        assert await alerts(taches) == ([], ["premier", "dernier"])


async def test_R15_ten_of_each_are_told(mesh: Mesh, org: str) -> None:
    """Those overdue the longest, and those that are due first."""
    with at(FRIDAY, mesh, org) as taches:
        for number in range(12):
            await make(taches, f"retard {number}", FRIDAY - (12 - number) * MINUTE)
            await make(taches, f"demain {number}", FRIDAY + timedelta(days=1) + number * MINUTE)
        late, due = await alerts(taches)
    assert late == [f"retard {number}" for number in range(10)]
    assert due == [f"demain {number}" for number in range(10)]


async def test_R14_R15_the_tasks_of_one_person(mesh: Mesh, org: str) -> None:
    """Counted and told alone; another organisation has none of them."""
    tomorrow = FRIDAY + timedelta(days=1)
    with at(FRIDAY, mesh, org) as taches:
        for assigne_a in ("marie", "paul", ""):
            for due in (FRIDAY - MINUTE, tomorrow):
                titre = assigne_a or "personne"
                await taches.Create(new_tache(titre, due.astimezone(UTC), assigne_a=assigne_a))
        stats = await taches.GetStats(pb.GetStatsTachesRequest(assigne_a="paul"))
        assert stats == pb.StatsTaches(a_faire=2, en_retard=1, total=2)
        assert await alerts(taches, assigne_a="paul") == (["paul"], ["paul"])
        assert (await taches.GetStats(pb.GetStatsTachesRequest())).total == 6
        others = mesh.stub(TacheServiceStub, organisation=f"{org}-autre")
        assert await others.GetStats(pb.GetStatsTachesRequest()) == pb.StatsTaches()
        assert await alerts(others) == ([], [])
        nobody = mesh.stub(TacheServiceStub, organisation="")
        assert await nobody.GetStats(pb.GetStatsTachesRequest()) == pb.StatsTaches()
        assert await alerts(nobody) == ([], [])
