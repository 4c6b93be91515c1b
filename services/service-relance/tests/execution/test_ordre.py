"""Order of levels (R13), groups (R14) and one mail a day (R15), in a mesh of real services."""

from tests.rappels import confirmed
from tests.recouvrement import LEVEL_1, LEVEL_2, Recouvrement, plain


async def test_R13_a_service_that_stood_still_for_six_weeks_sends_one_level_a_week(
    bureau: Recouvrement,
) -> None:
    """On 2 April all three levels are due: one goes then, the others one and two weeks later."""
    facture = await bureau.facture(await bureau.client())
    answer = await bureau.run(4, 2)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [
        ("REPORTEE", "NIVEAU_PRECEDENT"),
        ("REPORTEE", "NIVEAU_PRECEDENT"),
        ("EXECUTEE", ""),
    ]
    assert await bureau.statuts(facture) == [
        ("2026-02-20", "EXECUTEE", ""),
        ("2026-04-09", "PLANIFIEE", "NIVEAU_PRECEDENT"),
        ("2026-04-16", "PLANIFIEE", "NIVEAU_PRECEDENT"),
    ]
    assert (len(await bureau.mails()), await bureau.taches()) == (1, [])
    await bureau.run(4, 9)
    assert (len(await bureau.mails()), len(await bureau.taches())) == (2, 1)


async def test_R13_the_day_of_the_next_level_is_an_eligible_one(bureau: Recouvrement) -> None:
    """Seven days after Monday 30 March is Easter Monday."""
    facture = await bureau.facture(await bureau.client())
    await bureau.run(3, 30)
    await confirmed(bureau.mesh, bureau.org)
    assert (await bureau.statuts(facture))[1][0] == "2026-04-07"


async def test_R14_invoices_of_one_level_make_one_mail_and_one_task(bureau: Recouvrement) -> None:
    """Each has its own line in the history, with the mail and the task that they share."""
    client_id = await bureau.client()
    factures = [await bureau.facture(client_id, montant) for montant in (100.0, 250.5)]
    other = await bureau.facture(await bureau.client(nom="Petit", email="petit@exemple.fr"))
    for day in (LEVEL_1, LEVEL_2):
        assert (await bureau.run(*day)).executees == 3
    mails = [one for one in await bureau.mails() if one.a[0].email == "elodie@exemple.fr"]
    assert len(mails) == 2
    for mail in mails:
        assert all(facture.numero in mail.corps_texte for facture in factures)
        assert "350,50 €" in plain(mail.corps_texte)
    lines = [line for line in await bureau.history() if line.client_id == client_id]
    assert sorted(line.facture_id for line in lines) == sorted(2 * [facture.id for facture in factures])
    assert {line.message_id for line in lines} == {mail.id for mail in mails}
    (shared,) = {line.tache_creee_id for line in lines[2:]}
    (tache,) = [one for one in await bureau.taches() if one.client_id == client_id]
    assert (shared, tache.facture_id) == (tache.id, "")
    assert [one.facture_id for one in await bureau.taches() if one.client_id != client_id] == [other.id]


async def test_R15_the_highest_level_goes_and_the_others_wait_for_the_next_day(bureau: Recouvrement) -> None:
    """Level 2 of the first invoice and level 1 of the second one fall on Monday 9 March."""
    client_id = await bureau.client()
    first = await bureau.facture(client_id)
    second = await bureau.facture(client_id, 100.0, date_echeance="2026-02-22")
    await bureau.run(*LEVEL_1)
    await bureau.run(*LEVEL_2)
    assert (await bureau.statuts(first))[1][1] == "EXECUTEE"
    assert (await bureau.statuts(second))[0] == ("2026-03-10", "PLANIFIEE", "MAIL_DU_JOUR")
    await bureau.run(3, 10)
    assert (await bureau.statuts(second))[0] == ("2026-03-10", "EXECUTEE", "")
    assert [mail.sujet.count(first.numero) for mail in await bureau.mails()] == [1, 1, 0]


async def test_R15_who_was_written_to_in_the_morning_is_not_written_to_again(bureau: Recouvrement) -> None:
    """What comes due later in the day waits; from Friday it waits until Monday."""
    client_id = await bureau.client()
    await bureau.facture(client_id)
    await bureau.run(*LEVEL_1)
    late = await bureau.facture(client_id, 100.0)
    await bureau.run(*LEVEL_1, 11)
    assert (await bureau.statuts(late))[0] == ("2026-02-23", "PLANIFIEE", "MAIL_DU_JOUR")
    assert len(await bureau.mails()) == 1
