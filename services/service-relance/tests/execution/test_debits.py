"""Reminders that wait while a debit is on its way (R12), and the common story to its end (§9)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from tests.caisse import Encaissements
from tests.rappels import confirmed, planned
from tests.recouvrement import Recouvrement, plain

_DUE_IN_MARCH = "2026-03-05"  # levels on 20 March, 7 and 20 April


async def level_1(bureau: Recouvrement, **fields: Any) -> str:
    """Id of an invoice of another system of which level 1 is due on 20 March."""
    facture_id = f"facture-{uuid7()}"
    usual = {
        "declencheur": "IMPAYE",
        "niveau": 1,
        "facture_id": facture_id,
        "numero": "F-7",
        "montant": 49.9,
        "date_prevue": date(2026, 3, 20),
        "a_recalculer": False,
    }
    await planned(bureau.mesh, bureau.org, {**usual, **fields})
    return facture_id


async def standing(bureau: Recouvrement) -> list[tuple[str, str, str, int]]:
    """Planned day, statut, motif and delays of each reminder."""
    return [(one.date_prevue, one.statut, one.motif, one.nb_reports) for one in await bureau.relances()]


async def test_R12_a_debit_on_its_way_postpones_a_reminder_three_times(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """20, 25 and 30 March; on 2 April it goes, although the debit is on its way still."""
    encaissements.debit(await level_1(bureau))
    for day, following in (((3, 20), "2026-03-25"), ((3, 25), "2026-03-30"), ((3, 30), "2026-04-02")):
        await bureau.calendar_tells(date(2026, *day))
        answer = await bureau.run(*day)
        assert [(one.resultat, one.motif) for one in answer.resultats] == [
            ("REPORTEE", "PRELEVEMENT_EN_COURS")
        ]
        await confirmed(bureau.mesh, bureau.org)
        assert (await bureau.relances())[0].date_prevue == following
    assert (await bureau.run(4, 2)).executees == 1
    assert await standing(bureau) == [("2026-04-02", "EXECUTEE", "", 3)]


@pytest.mark.parametrize(
    ("statut", "moyen", "waits"),
    [
        ("PENDING", "SEPA_DEBIT", 1),
        ("SUBMITTED", "SEPA_DEBIT", 1),
        ("PENDING", "VIREMENT", 0),
        ("PAID", "SEPA_DEBIT", 0),
        ("REJECTED", "SEPA_DEBIT", 0),
        ("FAILED", "SEPA_DEBIT", 0),
    ],
)
async def test_R12_only_a_debit_that_may_settle_it_holds_a_reminder_up(
    bureau: Recouvrement, encaissements: Encaissements, statut: str, moyen: str, waits: int
) -> None:
    """An awaited transfer holds nothing up."""
    encaissements.debit(await level_1(bureau), statut, moyen)
    answer = await bureau.run(3, 20)
    assert (answer.reportees, answer.executees) == (waits, 1 - waits)


async def test_R12_a_call_about_a_rejection_does_not_wait(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """It is about the debit itself."""
    encaissements.debit(await level_1(bureau, declencheur="REJET_PRELEVEMENT", niveau=0, motif_rejet="AM04"))
    assert (await bureau.run(3, 20)).executees == 1


async def test_R12_a_dry_run_tells_of_the_debit_and_leaves_the_day(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """Nothing changes."""
    encaissements.debit(await level_1(bureau))
    answer = await bureau.run(3, 20, dry_run=True)
    assert [one.motif for one in answer.resultats] == ["PRELEVEMENT_EN_COURS"]
    assert await standing(bureau) == [("2026-03-20", "PLANIFIEE", "", 0)]


async def test_R12_after_three_hours_without_payments_the_reminder_goes(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """Until then it waits for the next hour, which is no failure."""
    facture_id = await level_1(bureau)
    encaissements.silent_about.add(facture_id)
    for hour in (9, 10, 11):
        answer = await bureau.once(3, 20, hour)
        assert [(one.resultat, one.motif) for one in answer.resultats] == [
            ("REPORTEE", "PAYMENTS_INDISPONIBLE")
        ]
    assert await standing(bureau) == [("2026-03-20", "PLANIFIEE", "", 0)]
    assert (await bureau.run(3, 20, 12)).executees == 1


async def test_R12_payments_that_answers_again_is_waited_for_anew(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """The three hours begin at the first silence after an answer."""
    facture_id = await level_1(bureau)
    encaissements.silent_about.add(facture_id)
    assert (await bureau.once(3, 20, 9)).reportees == 1
    encaissements.silent_about.discard(facture_id)
    encaissements.debit(facture_id)
    await bureau.run(3, 20, 10)
    encaissements.silent_about.add(facture_id)
    assert (await bureau.once(3, 25, 9)).reportees == 1


def returned(bureau: Recouvrement, payment_id: str, facture: Any, month: int, day: int) -> Any:
    """Event of the return of a debit for want of funds."""
    instant = timestamp(datetime(2026, month, day, 12, tzinfo=UTC))
    return PaymentRejectedEvent(
        event_id=str(uuid7()),
        timestamp=instant,
        payment_id=payment_id,
        client_id=facture.client_id,
        motif_rejet="AM04",
        date_rejet=instant,
        organisation_id=bureau.org,
        facture_id=facture.id,
        montant=49.9,
    )


async def march_invoice(bureau: Recouvrement) -> Any:
    """The invoice of 49.90 of the common story, whose first debit came back on 9 March."""
    client_id = await bureau.client(type_client="PARTICULIER")
    facture = await bureau.facture(client_id, 49.9, date_echeance=_DUE_IN_MARCH)
    await confirmed(bureau.mesh, bureau.org)
    await bureau.mesh.deliver(returned(bureau, "pay-1", facture, 3, 9))
    await confirmed(bureau.mesh, bureau.org)
    return facture


async def test_R08_the_common_story_ends_with_the_second_presentation(bureau: Recouvrement) -> None:
    """A call on 11 March at nine; the payment of 16 March ends the three levels."""
    facture = await march_invoice(bureau)
    assert (await bureau.run(3, 11)).executees == 1
    (tache,) = await bureau.taches()
    assert (plain(tache.titre), tache.priorite) == ("Prélèvement rejeté : Élodie Dupont", "haute")
    said = f"Prélèvement de 49,90 € rejeté le 09/03/2026 (facture {facture.numero})"
    assert said in plain(tache.description)
    assert "Téléphone : 0612345678" in plain(tache.description)
    assert await bureau.mails() == []
    instant = timestamp(datetime(2026, 3, 16, 12, tzinfo=UTC))
    await bureau.mesh.deliver(
        PaymentReceivedEvent(
            event_id=str(uuid7()),
            timestamp=instant,
            payment_id="pay-2",
            client_id=facture.client_id,
            montant=49.9,
            date_reception=instant,
            organisation_id=bureau.org,
            facture_id=facture.id,
        )
    )
    levels = await bureau.relances(facture_id=facture.id, declencheur="IMPAYE")
    assert [(one.date_prevue, one.statut) for one in levels] == [
        ("2026-03-20", "ANNULEE"),
        ("2026-04-07", "ANNULEE"),
        ("2026-04-20", "ANNULEE"),
    ]


async def test_R12_the_variant_asks_on_25_march_when_the_second_debit_has_come_back(
    bureau: Recouvrement, encaissements: Encaissements
) -> None:
    """The debit of 20 March is on its way: 25 March. Returned on the 24th: a mail, 20 days late, no fees."""
    facture = await march_invoice(bureau)
    await bureau.run(3, 11)
    payment_id = encaissements.debit(facture.id)
    await bureau.calendar_tells(date(2026, 3, 20))
    assert (await bureau.run(3, 20)).reportees == 1
    await confirmed(bureau.mesh, bureau.org)
    (first,) = [one for one in await bureau.relances(facture_id=facture.id) if one.niveau == 1]
    assert (first.date_prevue, first.nb_reports) == ("2026-03-25", 1)
    encaissements.payments[payment_id].statut = "REJECTED"
    await bureau.mesh.deliver(returned(bureau, payment_id, facture, 3, 24))
    assert (await bureau.run(3, 25)).executees == 1
    (mail,) = await bureau.mails()
    assert f"facture {facture.numero}, échue le 05/03/2026 : 49,90 €" in plain(mail.corps_texte)
    line = (await bureau.history(facture_id=facture.id))[-1]
    said = {name: line.metadata[name] for name in ("jours_retard", "penalites", "indemnite", "total_du")}
    assert said == {"jours_retard": 20, "penalites": 0, "indemnite": 0, "total_du": 49.9}
