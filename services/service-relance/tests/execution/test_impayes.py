"""Unpaid invoices in a mesh of real services: what is sent at each level, what no longer is (R11, R17)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tests.recouvrement import LEVEL_1, LEVEL_2, LEVEL_3, Recouvrement, plain

DAYS = ("2026-02-20", "2026-03-09", "2026-03-23")


def counts(answer: Any) -> tuple[int, int, int, int]:
    """What a run did: carried out, failed, ignored, left for later."""
    return answer.executees, answer.echouees, answer.ignorees, answer.reportees


async def test_R17_level_1_is_a_mail_with_what_is_owed(bureau: Recouvrement) -> None:
    """An invoice due on 5 February is asked for on the 20th, by one mail that email answers for."""
    facture = await bureau.facture(await bureau.client())
    answer = await bureau.run(*LEVEL_1)
    assert counts(answer) == (1, 0, 0, 0)
    (mail,) = await bureau.mails()
    assert [(one.email, one.nom) for one in mail.a] == [("elodie@exemple.fr", "Élodie Dupont")]
    assert "Rappel" in mail.sujet
    assert facture.numero in mail.sujet
    assert "1 200,00 €" in plain(mail.corps_texte)
    (line,) = await bureau.history()
    assert (line.resultat, line.message_id, line.facture_id) == ("SUCCES", mail.id, facture.id)
    assert mail.cle_idempotence == f"relance:{line.relance_id}"
    assert line.metadata["corps"] == mail.corps_texte
    assert [statut for _, statut, _ in await bureau.statuts(facture)] == ["EXECUTEE", *["PLANIFIEE"] * 2]
    assert counts(await bureau.run(*LEVEL_1, 10)) == (0, 0, 0, 0)


async def test_R17_level_2_is_a_mail_and_a_task_for_the_sales_agent(bureau: Recouvrement) -> None:
    """The task is due at 18:00 in Paris two business days later."""
    agent = await bureau.apporteur("user-morel")
    client_id = await bureau.client(commercial_id=agent)
    facture = await bureau.facture(client_id)
    for day in (LEVEL_1, LEVEL_2):
        await bureau.run(*day)
    _, mail = await bureau.mails()
    (tache,) = await bureau.taches()
    assert "Deuxième relance" in mail.sujet
    assert (tache.type, tache.priorite, tache.assigne_a) == ("relance", "haute", "user-morel")
    assert (tache.client_id, tache.facture_id) == (client_id, facture.id)
    assert tache.date_echeance.ToDatetime(UTC) == datetime(2026, 3, 11, 17, tzinfo=UTC)
    _, line = await bureau.history()
    assert (line.message_id, line.tache_creee_id) == (mail.id, tache.id)
    assert (tache.regle_relance_id, tache.cle_idempotence) == (line.regle_relance_id, mail.cle_idempotence)


async def test_R17_level_3_is_a_task_with_the_letter_and_the_earlier_reminders(bureau: Recouvrement) -> None:
    """The client is not written to: the letter goes by registered mail."""
    await bureau.facture(await bureau.client())
    for day in (LEVEL_1, LEVEL_2, LEVEL_3):
        assert counts(await bureau.run(*day)) == (1, 0, 0, 0)
    _, letter = await bureau.taches()
    assert "Mise en demeure" in letter.titre
    assert "mise en demeure" in letter.description
    assert "20/02/2026" in letter.description
    assert "09/03/2026" in letter.description
    assert len(await bureau.mails()) == 2


async def test_R17_a_task_may_be_given_to_somebody_by_its_rule(bureau: Recouvrement) -> None:
    """The rule goes before the client's sales agent."""
    await bureau.facture(await bureau.client(commercial_id=await bureau.apporteur("user-morel")))
    await bureau.regle(1, action_type="CREER_TACHE", assigne_par_defaut="user-petit")
    await bureau.run(*LEVEL_1)
    assert [(one.assigne_a, one.priorite) for one in await bureau.taches()] == [("user-petit", "normale")]
    assert await bureau.mails() == []


async def test_R17_a_client_without_an_email_is_called(bureau: Recouvrement) -> None:
    """The mail becomes a task, and the history says why."""
    facture = await bureau.facture(await bureau.client(email=""))
    await bureau.run(*LEVEL_1)
    (tache,), (line,) = await bureau.taches(), await bureau.history()
    assert (tache.facture_id, tache.assigne_a, line.tache_creee_id) == (facture.id, "", tache.id)
    assert line.metadata["sans_email"]


async def test_R17_a_client_of_another_system_is_called(bureau: Recouvrement) -> None:
    """Nobody knows its address; the reminder goes on all the same."""
    await bureau.facture("client-123")
    assert counts(await bureau.run(*LEVEL_1)) == (1, 0, 0, 0)
    assert [one.client_id for one in await bureau.taches()] == ["client-123"]


async def test_R17_a_notification_goes_to_the_organisation(bureau: Recouvrement) -> None:
    """Its type is the trigger, where notifications has such a type."""
    facture = await bureau.facture(await bureau.client())
    await bureau.regle(1, action_type="NOTIFICATION")
    await bureau.run(*LEVEL_1)
    told = [one for one in await bureau.notifications("IMPAYE") if facture.numero in one.titre]
    assert [one.destinataire_type for one in told] == ["ORGANISATION"]
    assert await bureau.mails() == []


@pytest.mark.parametrize(("type_client", "fees"), [("ENTREPRISE", True), ("PARTICULIER", False)])
async def test_R16_only_a_company_owes_penalties_and_the_indemnity(
    bureau: Recouvrement, type_client: str, fees: bool
) -> None:
    """From level 2 on: 32 days at the rate of the invoice, and 40 euros."""
    facture = await bureau.facture(await bureau.client(type_client=type_client))
    for day in (LEVEL_1, LEVEL_2):
        await bureau.run(*day)
    first, second = [MessageToDict(line.metadata) for line in await bureau.history()]
    rate = facture.taux_penalites if fees else 0
    assert first["total_du"] == 1200
    assert second["penalites"] == pytest.approx(1200 * rate / 100 * 32 / 365, abs=0.005)
    assert second["total_du"] == pytest.approx(1200 + second["penalites"] + (40 if fees else 0))
    assert (rate > 0) is fees


async def test_R11_an_invoice_half_paid_is_asked_for_by_what_is_left(bureau: Recouvrement) -> None:
    """The mail names the solde, whatever was planned."""
    facture = await bureau.facture(await bureau.client())
    await bureau.paid(facture, 450.5)
    await bureau.run(*LEVEL_1)
    (mail,) = await bureau.mails()
    assert "749,50 €" in plain(mail.corps_texte)
    assert (await bureau.history())[0].metadata["montant_du"] == 749.5


async def test_R11_what_was_credited_is_not_asked_for(bureau: Recouvrement) -> None:
    """An avoir for the whole invoice ends its reminders, each on its day; nothing is sent."""
    facture = await bureau.facture(await bureau.client())
    await bureau.credited(facture)
    assert counts(await bureau.run(*LEVEL_1)) == (0, 0, 1, 0)
    assert (await bureau.statuts(facture))[0] == (DAYS[0], "IGNOREE", "REGLEE")
    assert [(line.resultat, line.message_erreur) for line in await bureau.history()] == [("IGNORE", "REGLEE")]
    assert (await bureau.mails(), await bureau.taches()) == ([], [])


async def test_R11_a_deleted_client_is_not_reminded(bureau: Recouvrement) -> None:
    """Its reminders end on their day, and not before; other clients keep theirs."""
    client_id = await bureau.client()
    facture, other = await bureau.facture(client_id), await bureau.facture(await bureau.client(nom="Petit"))
    await bureau.deleted(client_id)
    assert counts(await bureau.run(*LEVEL_1)) == (1, 0, 1, 0)
    assert await bureau.statuts(facture) == [
        (DAYS[0], "IGNOREE", "CLIENT_SUPPRIME"),
        (DAYS[1], "PLANIFIEE", ""),
        (DAYS[2], "PLANIFIEE", ""),
    ]
    assert (await bureau.statuts(other))[0][1] == "EXECUTEE"
    assert len(await bureau.mails()) == 1
