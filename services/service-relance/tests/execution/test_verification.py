"""When reminders are carried out (R10), and what is asked before (R11)."""

from datetime import UTC, date, datetime

import pytest
from crm.factures.factures_pb2 import Facture
from db_utils import uuid7
from service_kit import AGAIN
from service_relance.rules import is_open, is_settled
from service_testing import eventually
from tests.rappels import planned
from tests.recouvrement import LEVEL_1, LEVEL_2, Recouvrement

DUE, LATER = {"date_prevue": date(2026, 1, 15)}, {"date_prevue": date(2026, 1, 16)}


async def standing(bureau: Recouvrement) -> list[tuple[str, str]]:
    """Statut and motif of all reminders, in their order of creation."""
    return [(one.statut, one.motif) for one in sorted(await bureau.relances(), key=lambda one: one.cle)]


@pytest.mark.parametrize(
    ("day", "hour", "minute", "expected"),
    [
        (15, 8, 59, False),
        (15, 9, 0, True),
        (15, 18, 0, True),
        (15, 18, 1, False),
        (17, 10, 0, False),
        (18, 10, 0, False),
        (19, 10, 0, True),
    ],
)
def test_R10_reminders_are_carried_out_in_office_hours(
    day: int, hour: int, minute: int, expected: bool
) -> None:
    """Hours are 09:00 to 18:00 in Paris, summer and winter, from Monday to Friday."""
    assert is_open(datetime(2026, 1, day, hour - 1, minute, tzinfo=UTC)) == expected
    assert is_open(datetime(2026, 7, day + 1, hour - 2, minute, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("statut", "solde", "settled"),
    [
        ("EMISE", 49.9, False),
        ("PARTIELLEMENT_PAYEE", 0.01, False),
        ("PARTIELLEMENT_PAYEE", 0, True),
        ("PAYEE", 0, True),
        ("ANNULEE", 49.9, True),
    ],
)
def test_R11_an_invoice_is_settled_when_nothing_is_owed(statut: str, solde: float, settled: bool) -> None:
    """Paid, cancelled, or with nothing left to pay; half paid is not."""
    assert is_settled(Facture(statut=statut, solde=solde)) == settled


@pytest.mark.parametrize(
    ("month", "day", "hour", "motif"),
    [
        (1, 15, 8, "HORS_HORAIRES"),
        (1, 15, 19, "HORS_HORAIRES"),
        (1, 17, 10, "HORS_HORAIRES"),
        (4, 6, 10, "JOUR_NON_OUVRE"),
        (5, 1, 10, "JOUR_NON_OUVRE"),
    ],
)
async def test_R10_at_other_times_nothing_is_done(
    bureau: Recouvrement, month: int, day: int, hour: int, motif: str
) -> None:
    """Neither in the evening, nor on a Saturday, Easter Monday or the first of May."""
    await planned(bureau.mesh, bureau.org, {**DUE, "a_recalculer": False})
    await bureau.calendar_tells(date(2026, month, day))
    answer = await bureau.run(month, day, hour)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("REPORTEE", motif)]
    await bureau.job(month, day, hour)
    assert (await standing(bureau), await bureau.taches()) == ([("PLANIFIEE", "")], [])


async def test_R10_the_job_carries_out_what_is_due(bureau: Recouvrement) -> None:
    """Of every organisation; what is planned for a later day waits for it."""
    await planned(bureau.mesh, bureau.org, DUE, LATER)
    for hour in range(9, 13):  # what a callee is too slow for waits for the next hour
        await bureau.job(1, 15, hour, 0)
    assert await standing(bureau) == [("EXECUTEE", ""), ("PLANIFIEE", "")]
    assert len(await bureau.taches()) == 1


@pytest.mark.parametrize("declencheur", ["NOUVEAU_CLIENT", "REJET_PRELEVEMENT", "CONTRAT_EXPIRE"])
async def test_R11_whoever_clients_does_not_know_is_not_reminded(
    bureau: Recouvrement, declencheur: str
) -> None:
    """Whatever the reminder is about; a client of another organisation is as unknown as a deleted one."""
    foreign = await Recouvrement(bureau.mesh, f"{bureau.org}-autre").client()
    fields = {"declencheur": declencheur, **DUE}
    await planned(
        bureau.mesh, bureau.org, {"client_id": str(uuid7()), **fields}, {"client_id": foreign, **fields}
    )
    answer = await bureau.run(1, 15)
    assert (answer.ignorees, await standing(bureau)) == (2, [("IGNOREE", "CLIENT_SUPPRIME")] * 2)
    assert [line.resultat for line in await bureau.history()] == ["IGNORE", "IGNORE"]
    assert (await bureau.taches(), await bureau.notifications("RAPPEL")) == ([], [])


async def test_R11_only_what_is_planned_changes(bureau: Recouvrement) -> None:
    """A reminder that was cancelled stays cancelled when its client is gone."""
    await planned(
        bureau.mesh,
        bureau.org,
        {"client_id": str(uuid7()), "statut": "ANNULEE", "motif": "REGLEE", **DUE},
    )
    await bureau.run(1, 15)
    assert await standing(bureau) == [("ANNULEE", "REGLEE")]


async def test_R11_an_invoice_that_factures_does_not_know_waits(
    bureau: Recouvrement, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged; an invoice of another system is asked for as it was planned."""
    unknown = str(uuid7())
    invoice = {"declencheur": "IMPAYE", "niveau": 1, **DUE}
    await planned(
        bureau.mesh,
        bureau.org,
        {"facture_id": unknown, **invoice},
        {"facture_id": "facture-7", "numero": "F-7", "montant": 49.9, **invoice},
    )
    await bureau.run(1, 15)
    assert await standing(bureau) == [("PLANIFIEE", ""), ("EXECUTEE", "")]
    assert f"reminders about invoice {unknown} wait: factures does not know it" in caplog.text
    assert [one.facture_id for one in await bureau.taches()] == ["facture-7"]


@pytest.mark.parametrize("name", ["clients", "factures", "organisations"])
async def test_R11_what_nobody_can_tell_now_waits_for_the_next_hour(bureau: Recouvrement, name: str) -> None:
    """That is no failure; the next run does it."""
    societe_id = await bureau.societe("Atelier Élan")
    facture = await bureau.facture(await bureau.client(societe_id=societe_id))
    async with bureau.without(name):
        answer = await bureau.once(*LEVEL_1)
        assert [one.resultat for one in answer.resultats] == ["REPORTEE"]
        assert "INDISPONIBLE" in answer.resultats[0].motif
        assert (await bureau.relances(facture_id=facture.id))[0].tentatives == 0
    assert (await bureau.run(*LEVEL_1, 10)).executees == 1
    (mail,) = await bureau.mails()
    assert "Atelier Élan" in mail.corps_texte


@pytest.mark.parametrize("name", ["clients", "factures", "organisations"])
async def test_C18_the_job_comes_again_soon_for_what_nobody_could_tell(
    bureau: Recouvrement, name: str
) -> None:
    """Not an hour later; and once it is done, at its interval."""
    await bureau.facture(await bureau.client(societe_id=await bureau.societe("Atelier Élan")))
    async with bureau.without(name):
        assert await bureau.job(*LEVEL_1) is AGAIN

    async def done() -> bool:  # the connection is made again within seconds
        return await bureau.job(*LEVEL_1) is None

    await eventually(done)
    assert len(await bureau.mails()) == 1


async def test_R10_a_day_is_one_of_the_week_while_the_calendar_is_away(bureau: Recouvrement) -> None:
    """Level 1 goes; the day of a task is counted without holidays."""
    await bureau.facture(await bureau.client())
    await bureau.run(*LEVEL_1)
    async with bureau.without("calendar"):
        assert (await bureau.run(*LEVEL_2)).executees == 1
    assert [one.date_echeance.ToDatetime().day for one in await bureau.taches()] == [11]
