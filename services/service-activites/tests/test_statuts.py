"""Changes of statut of tasks, one after the other and at once (R8, R9, R10)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TacheServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_utils import timestamp
from service_testing import Mesh, refusal
from tests.requetes import new_tache

NINE = datetime(2026, 3, 27, 9, tzinfo=UTC)
UNKNOWN = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
REACHED = {"a_faire": (), "en_cours": ("en_cours",), "terminee": ("terminee",), "annulee": ("annulee",)}
ALLOWED = {
    ("a_faire", "en_cours"),
    ("a_faire", "terminee"),
    ("a_faire", "annulee"),
    ("en_cours", "terminee"),
    ("en_cours", "annulee"),
    ("terminee", "en_cours"),
}
FORBIDDEN = (("annulee", "en_cours"), ("annulee", "terminee"), ("terminee", "annulee"))


def marker(taches: TacheServiceStub, statut: str) -> Callable[[str], Awaitable[pb.Tache]]:
    """The call that gives a task this statut."""
    calls: dict[str, Callable[[str], Awaitable[pb.Tache]]] = {
        "en_cours": lambda identity: taches.MarquerEnCours(pb.MarquerEnCoursRequest(id=identity)),
        "terminee": lambda identity: taches.MarquerTerminee(pb.MarquerTermineeRequest(id=identity)),
        "annulee": lambda identity: taches.MarquerAnnulee(pb.MarquerAnnuleeRequest(id=identity)),
    }
    return calls[statut]


async def task(taches: TacheServiceStub, statut: str) -> pb.Tache:
    """A task that has this statut."""
    made = await taches.Create(new_tache())
    for step in REACHED[statut]:
        made = await marker(taches, step)(made.id)
    assert made.statut == statut
    return made


@pytest.mark.parametrize(("former", "wanted"), sorted(ALLOWED))
async def test_R08_a_task_goes_its_way(taches: TacheServiceStub, former: str, wanted: str) -> None:
    """It has an instant of completion exactly while it is terminee."""
    made = await task(taches, former)
    marked = await marker(taches, wanted)(made.id)
    assert (marked.statut, marked.version) == (wanted, made.version + 1)
    assert marked.HasField("date_completion") == (wanted == "terminee")
    assert marked == await taches.Get(pb.GetTacheRequest(id=made.id))


@pytest.mark.parametrize(("former", "wanted"), FORBIDDEN)
async def test_R08_other_ways_are_refused(taches: TacheServiceStub, former: str, wanted: str) -> None:
    """With both ends, and nothing changes."""
    made = await task(taches, former)
    answer = await refusal(marker(taches, wanted)(made.id))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
        {"de": former, "vers": wanted},
    )
    assert made == await taches.Get(pb.GetTacheRequest(id=made.id))


@pytest.mark.parametrize("statut", ["en_cours", "terminee", "annulee"])
async def test_R09_marking_twice_changes_nothing(taches: TacheServiceStub, statut: str) -> None:
    """Another motif is not taken either."""
    made = await task(taches, statut)
    assert made == await marker(taches, statut)(made.id)
    if statut == "annulee":
        again = pb.MarquerAnnuleeRequest(id=made.id, motif="Autre")
        assert made == await taches.MarquerAnnulee(again)


async def test_R10_completion_is_noted_and_forgotten(mesh: Mesh, org: str) -> None:
    """Opened again, a task has no instant of completion."""
    with clock.frozen_at(NINE):
        taches = mesh.stub(TacheServiceStub, organisation=org)
        made = await task(taches, "terminee")
        again = await marker(taches, "en_cours")(made.id)
    assert (made.date_completion, again.HasField("date_completion")) == (timestamp(NINE), False)


async def test_R10_the_reason_of_a_cancellation_is_told(taches: TacheServiceStub) -> None:
    """It has 500 characters at most."""
    made = await taches.Create(new_tache())
    answer = await refusal(taches.MarquerAnnulee(pb.MarquerAnnuleeRequest(id=made.id, motif="x" * 501)))
    assert (answer.reason, answer.metadata) == ("TROP_LONG", {"champ": "motif"})
    given_up = await taches.MarquerAnnulee(pb.MarquerAnnuleeRequest(id=made.id, motif="é" * 500))
    assert (given_up.statut, given_up.motif_annulation) == ("annulee", "é" * 500)


async def test_R08_the_tasks_of_others_are_not_found(mesh: Mesh, org: str, taches: TacheServiceStub) -> None:
    """Like ids that no task has, by all three calls."""
    made = await taches.Create(new_tache())
    other = mesh.stub(TacheServiceStub, organisation=f"{org}-autre")
    for statut in ("en_cours", "terminee", "annulee"):
        for identity in (made.id, UNKNOWN, "x", ""):
            assert (await refusal(marker(other, statut)(identity))).reason == "INTROUVABLE"
    assert made == await taches.Get(pb.GetTacheRequest(id=made.id))


async def test_R09_two_completions_at_once_are_one(taches: TacheServiceStub) -> None:
    """Both are OK, with the same instant."""
    made = await taches.Create(new_tache())
    answers = await asyncio.gather(*(marker(taches, "terminee")(made.id) for _ in range(5)))
    assert answers == [answers[0]] * 5
    assert answers[0].version == 2


@pytest.mark.parametrize("attempt", range(5))
async def test_R08_a_task_is_completed_or_given_up(taches: TacheServiceStub, attempt: int) -> None:
    """Of calls at once one is OK and the other is refused; no task is annulee with a completion."""
    made = await taches.Create(new_tache())
    wanted = ("terminee", "annulee") if attempt % 2 else ("annulee", "terminee")
    calls = [marker(taches, statut)(made.id) for statut in wanted]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    ended = await taches.Get(pb.GetTacheRequest(id=made.id))
    refusals = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert refusals == [StatusCode.FAILED_PRECONDITION]
    assert [answer for answer in answers if not isinstance(answer, BaseException)] == [ended]
    assert ended.HasField("date_completion") == (ended.statut == "terminee")
