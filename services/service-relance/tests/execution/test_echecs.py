"""What cannot be sent: it is tried again word for word, at last given up (R17, R18)."""

import pytest
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from service_kit.outgoing import NOTIFICATION, CommandeSortante
from service_kit.outgoing.sender import Sender
from service_relance.models import Envoi
from sqlalchemy import select
from tests.recouvrement import LEVEL_1, LEVEL_2, Recouvrement, plain


async def test_R18_what_email_does_not_take_goes_out_in_the_next_hour(bureau: Recouvrement) -> None:
    """The reminder stays planned meanwhile, and the failure is counted."""
    facture = await bureau.facture(await bureau.client())
    async with bureau.without("email"):
        answer = await bureau.attempt(*LEVEL_1)
        assert [(one.resultat, one.motif) for one in answer.resultats] == [
            ("ECHEC", "UNAVAILABLE DEPENDANCE_INDISPONIBLE")
        ]
        (first, *_) = await bureau.relances(facture_id=facture.id)
        assert (first.statut, first.tentatives) == ("PLANIFIEE", 1)
    await bureau.job(*LEVEL_1, 9, 59)
    assert await bureau.mails() == []
    await bureau.job(*LEVEL_1, 10, 0)
    await bureau.run(*LEVEL_1, 11)  # in case email was too slow for the job
    assert len(await bureau.mails()) == 1
    assert (await bureau.statuts(facture))[0][1] == "EXECUTEE"
    assert [line.resultat for line in await bureau.history()] == ["SUCCES"]


async def test_R18_after_five_failures_it_is_given_up_and_finance_is_told(bureau: Recouvrement) -> None:
    """The reminder is in ECHEC, with a line in the history; the next level goes on."""
    facture = await bureau.facture(await bureau.client())
    async with bureau.without("email"):
        for hour in range(9, 14):
            assert (await bureau.attempt(*LEVEL_1, hour)).echouees == 1
    first, *_ = await bureau.relances(facture_id=facture.id)
    assert (first.statut, first.tentatives) == ("ECHEC", 5)
    (line,) = await bureau.history()
    assert (line.resultat, line.message_id) == ("ECHEC", "")
    assert line.message_erreur.startswith("UNAVAILABLE")
    await Sender(NOTIFICATION).send_due(bureau.mesh["relance"].app)
    told = await bureau.notifications("ALERTE")
    assert [(one.titre, one.destinataire_id) for one in told] == [("Relance en échec", "FINANCE")]
    await bureau.run(*LEVEL_2)
    assert [mail.sujet.split()[0] for mail in await bureau.mails()] == ["Deuxième"]


async def test_R18_only_what_failed_is_tried_again(bureau: Recouvrement) -> None:
    """The mail of level 2 is out when activites is away: in the next hour there is a task and no mail."""
    facture = await bureau.facture(await bureau.client())
    await bureau.run(*LEVEL_1)
    async with bureau.without("activites"):
        assert (await bureau.attempt(*LEVEL_2)).echouees == 1
        assert len(await bureau.mails()) == 2
    assert (await bureau.run(*LEVEL_2, 10)).executees == 1
    assert (len(await bureau.mails()), len(await bureau.taches())) == (2, 1)
    assert (await bureau.statuts(facture))[1][1] == "EXECUTEE"
    line = (await bureau.history())[-1]
    assert (bool(line.message_id), bool(line.tache_creee_id)) == (True, True)


async def test_R17_a_repetition_is_word_for_word_the_same(bureau: Recouvrement) -> None:
    """Although the rule has another text by then, and although more days have gone."""
    facture = await bureau.facture(await bureau.client())
    async with bureau.without("email"):
        await bureau.attempt(*LEVEL_1)
    await bureau.regle(1, template_titre="Autre objet")
    await bureau.run(2, 23)
    (mail,) = await bureau.mails()
    assert mail.sujet.startswith("Rappel")
    assert facture.numero in mail.sujet
    assert (await bureau.history())[0].metadata["jours_retard"] == 15


async def test_R17_what_is_not_owed_any_more_is_not_repeated(bureau: Recouvrement) -> None:
    """Of two invoices one is half paid and the other one paid before the next try."""
    client_id = await bureau.client()
    half, whole = await bureau.facture(client_id), await bureau.facture(client_id, 99.0)
    async with bureau.without("email"):
        await bureau.attempt(*LEVEL_1)
    await bureau.paid(half, 200.0)
    await bureau.credited(whole)
    answer = await bureau.run(*LEVEL_1, 10)
    assert (answer.executees, answer.ignorees) == (1, 1)
    (mail,) = await bureau.mails()
    assert "1 000,00 €" in plain(mail.corps_texte)
    assert whole.numero not in mail.corps_texte


async def test_R15_a_mail_that_may_be_on_its_way_goes_before_a_higher_level(bureau: Recouvrement) -> None:
    """Level 1 of the second invoice was tried on Friday: on Monday it goes, and level 2 on Tuesday."""
    client_id = await bureau.client()
    first = await bureau.facture(client_id)
    second = await bureau.facture(client_id, 100.0, date_echeance="2026-02-19")
    await bureau.run(*LEVEL_1)
    async with bureau.without("email"):
        await bureau.attempt(3, 6)
    await bureau.run(*LEVEL_2)
    assert (await bureau.statuts(second))[0][1] == "EXECUTEE"
    assert (await bureau.statuts(first))[1] == ("2026-03-10", "PLANIFIEE", "MAIL_DU_JOUR")


@pytest.mark.parametrize("declined", ["élodie@exemple.fr", ""])
async def test_R17_a_new_address_of_the_client_is_used(bureau: Recouvrement, declined: str) -> None:
    """What failed goes to the address that the client has at the next try; without one he is called."""
    client_id = await bureau.client()
    await bureau.facture(client_id)
    async with bureau.without("email"):
        await bureau.attempt(*LEVEL_1)
    await bureau.moved(client_id, declined)
    assert (await bureau.run(*LEVEL_1, 10)).executees == 1
    assert [one.a[0].email for one in await bureau.mails()] == ([declined] if declined else [])
    assert len(await bureau.taches()) == (0 if declined else 1)


async def test_R17_what_was_fixed_for_a_cancelled_reminder_is_forgotten(bureau: Recouvrement) -> None:
    """No text about the client is kept for what nobody will send, nor for what is out."""
    client_id = await bureau.client()
    facture, other = await bureau.facture(client_id), await bureau.facture(await bureau.client(nom="Petit"))
    await bureau.regle(1, action_type="TACHE_ET_EMAIL")
    async with bureau.without("email"):
        await bureau.attempt(*LEVEL_1)
    assert await kept(bureau) == [("EN_ATTENTE", True)] * 4
    request = pb.CancelRelanceRequest(facture_id=facture.id, motif="Accord")
    await bureau.stub(RelanceServiceStub).Cancel(request)
    await bureau.job(2, 23)
    await bureau.run(2, 23, 11)  # in case email was too slow for the job
    assert sorted(await kept(bureau)) == [("ABANDONNEE", False)] * 2 + [("ENVOYEE", False)] * 2
    of_office = select(Envoi).where(Envoi.organisation_id == bureau.org)
    envois = await bureau.mesh.database("relance").read().all(of_office)
    assert [envoi.contenu for envoi in envois] == [{}, {}]
    assert (await bureau.statuts(other))[0][1] == "EXECUTEE"


async def kept(bureau: Recouvrement) -> list[tuple[str, bool]]:
    """Etat of what was fixed for the office, and whether its content is kept."""
    of_office = select(CommandeSortante).where(CommandeSortante.organisation_id == bureau.org)
    commands = await bureau.mesh.database("relance").read().all(of_office)
    return [(command.etat, bool(command.charge)) for command in commands]
