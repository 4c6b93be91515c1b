"""Invoices of which no debit is presented again (R20): the next level is brought forward."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceEngineServiceStub
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_kit.outgoing import CommandeSortante
from service_kit.outgoing.sender import Sender
from service_relance.contentieux import TACHE_CONTENTIEUX
from service_testing import Mesh, eventually, refusal
from sqlalchemy import select
from tests.rappels import confirmed, planned
from tests.recouvrement import Recouvrement, at, plain

_FACTURE = "facture-7"


def told(**fields: Any) -> pb.ProcessEventRequest:
    """What retry says of the invoice."""
    usual = {
        "declencheur": "IMPAYE",
        "motif": "RETRY_EPUISE",
        "client_id": "client-123",
        "facture_id": _FACTURE,
        "cle": "retry:schedule-1",
    }
    return pb.ProcessEventRequest(**(usual | fields))


async def tell(mesh: Mesh, org: str, when: datetime, **fields: Any) -> list[pb.Relance]:
    """Have retry say it at that instant; the reminders that are answered."""
    stub: Any = mesh.service_stub(RelanceEngineServiceStub, caller="contrats", organisation=org)
    with frozen_at(when):
        return list((await stub.ProcessEvent(told(**fields))).relances)


async def levels(mesh: Mesh, org: str, *statuts: str) -> list[str]:
    """Ids of levels 1, 2… of the invoice, with these statuts, planned for late days."""
    rows = [
        {
            "declencheur": "IMPAYE",
            "niveau": niveau,
            "facture_id": _FACTURE,
            "numero": "FAC2026000001",
            "montant": 1200,
            "date_prevue": datetime(2026, 5, niveau).date(),
            "a_recalculer": False,
            "statut": statut,
            "executee_le": datetime(2026, 3, niveau, 9, tzinfo=UTC) if statut == "EXECUTEE" else None,
        }
        for niveau, statut in enumerate(statuts, start=1)
    ]
    return await planned(mesh, org, *rows)


@pytest.mark.parametrize(
    ("when", "day"),
    [
        (at(3, 31, 11), "2026-03-31"),
        (at(3, 31, 7), "2026-03-31"),
        (at(3, 31, 19), "2026-04-01"),
        (at(4, 3, 19), "2026-04-07"),
    ],
)
async def test_R20_the_lowest_level_goes_in_the_next_hour_of_work(
    mesh: Mesh, org: str, when: datetime, day: str
) -> None:
    """Level 2 goes instead of its day in May, level 3 keeps its own; Easter Monday is no day of work."""
    _, second, _ = await levels(mesh, org, "EXECUTEE", "PLANIFIEE", "PLANIFIEE")
    answered = await tell(mesh, org, when)
    assert [(one.id, one.motif) for one in answered] == [(second, "RETRY_EPUISE")]
    await confirmed(mesh, org)
    planned_days = [one.date_prevue for one in await Recouvrement(mesh, org).relances(statut="PLANIFIEE")]
    assert planned_days == [day, "2026-05-03"]


async def test_R20_seven_days_lie_between_two_levels_all_the_same(mesh: Mesh, org: str) -> None:
    """Level 1 went on 25 March: level 2, brought forward to the 31st, goes on 1 April (R13)."""
    bureau = Recouvrement(mesh, org)
    usual = {"declencheur": "IMPAYE", "facture_id": _FACTURE, "montant": 1200, "a_recalculer": False}
    done = {"statut": "EXECUTEE", "executee_le": at(3, 25), "date_prevue": date(2026, 3, 25)}
    await planned(
        mesh,
        org,
        {**usual, **done, "niveau": 1},
        {**usual, "niveau": 2, "date_prevue": date(2026, 4, 7)},
    )
    await tell(mesh, org, at(3, 31, 11))
    answer = await bureau.run(3, 31, 12)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("REPORTEE", "NIVEAU_PRECEDENT")]
    assert [one.date_prevue for one in await bureau.relances(statut="PLANIFIEE")] == ["2026-04-01"]
    assert (await bureau.run(4, 1)).executees == 1


async def test_R20_a_level_that_is_due_before_keeps_its_day(mesh: Mesh, org: str) -> None:
    """Nothing is put off."""
    (first,) = await levels(mesh, org, "PLANIFIEE")
    answered = await tell(mesh, org, at(5, 4, 10))
    assert [(one.id, one.date_prevue, one.motif) for one in answered] == [(first, "2026-05-01", "")]


async def test_R20_a_key_works_once(mesh: Mesh, org: str) -> None:
    """Five calls at once bring one level forward; the same key with another invoice is refused."""
    first, _ = await levels(mesh, org, "PLANIFIEE", "PLANIFIEE")
    answers = await asyncio.gather(*(tell(mesh, org, at(3, 31, 11)) for _ in range(5)))
    assert [[one.id for one in answer] for answer in answers] == [[first]] * 5
    refused = await refusal(tell(mesh, org, at(3, 31, 11), facture_id="facture-8"))
    assert (refused.code, refused.reason) == (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


async def test_R20_after_the_last_level_the_invoice_goes_to_court(mesh: Mesh, org: str) -> None:
    """One task HAUTE, within the hours of work, however often it is told."""
    await levels(mesh, org, "EXECUTEE", "EXECUTEE")
    for cle in ("retry:schedule-1", "retry:schedule-1", "retry:schedule-2"):
        assert await tell(mesh, org, at(3, 27, 19), cle=cle) == []
    owed = select(CommandeSortante).where(CommandeSortante.organisation_id == org)
    (command,) = await mesh.database("relance").read().all(owed)
    assert command.prochain_essai == at(3, 30, 9, 0)

    async def made() -> bool:
        await Sender(TACHE_CONTENTIEUX).send_due(mesh["relance"].app)
        return bool(await Recouvrement(mesh, org).taches())

    await eventually(made, timeout=60)
    (tache,) = await Recouvrement(mesh, org).taches()
    assert (plain(tache.titre), tache.priorite, tache.facture_id) == (
        "Dossier à transmettre au contentieux : facture FAC2026000001",
        "haute",
        _FACTURE,
    )
    assert "Relances : 01/03/2026, 02/03/2026" in plain(tache.description)


@pytest.mark.parametrize("statuts", [(), ("ANNULEE", "ANNULEE"), ("IGNOREE",)])
async def test_R20_an_invoice_that_was_never_asked_for_goes_nowhere(
    mesh: Mesh, org: str, statuts: tuple[str, ...]
) -> None:
    """Neither a reminder nor a task."""
    await levels(mesh, org, *statuts)
    assert await tell(mesh, org, at(3, 31, 11)) == []
    owed = select(CommandeSortante).where(CommandeSortante.organisation_id == org)
    assert await mesh.database("relance").read().all(owed) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"declencheur": ""}, "CHAMP_REQUIS"),
        ({"declencheur": "INCONNU"}, "VALEUR_INCONNUE"),
        ({"declencheur": "NOUVEAU_CLIENT"}, "VALEUR_INCONNUE"),
        ({"motif": ""}, "CHAMP_REQUIS"),
        ({"motif": "AUTRE"}, "VALEUR_INCONNUE"),
        ({"client_id": ""}, "CHAMP_REQUIS"),
        ({"facture_id": ""}, "CHAMP_REQUIS"),
        ({"cle": ""}, "CHAMP_REQUIS"),
        ({"cle": "c" * 129}, "TROP_LONG"),
    ],
)
async def test_R20_what_says_too_little_is_refused(
    mesh: Mesh, org: str, fields: dict[str, str], reason: str
) -> None:
    """Nothing is stored."""
    refused = await refusal(tell(mesh, org, at(3, 31, 11), **fields))
    assert (refused.code, refused.reason) == (StatusCode.INVALID_ARGUMENT, reason)
