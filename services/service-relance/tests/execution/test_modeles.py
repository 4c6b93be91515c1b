"""Mails that a template of email writes (R3, R17)."""

import pytest
from google.protobuf.json_format import MessageToDict
from service_email.models import Modele
from tests.recouvrement import LEVEL_1, Recouvrement, plain


@pytest.fixture
async def modele(bureau: Recouvrement) -> str:
    """Code of a template of the organisation that takes two of the variables."""
    own = Modele(
        organisation_id=bureau.org,
        code="DERNIER_AVIS",
        langue="fr",
        sujet="Dernier avis {{ numero_facture }}",
        corps_html="<p>Il reste {{ montant_du }}.</p>",
        corps_texte="Il reste {{ montant_du }}.",
        variables=["montant_du", "numero_facture"],
    )
    async with bureau.mesh.database("email").transaction() as tx:
        await tx.insert(own)
    return own.code


async def test_R17_a_template_of_email_writes_the_mail(bureau: Recouvrement, modele: str) -> None:
    """It is given what it takes; the history has its name and all variables, and R15 counts the mail."""
    client_id = await bureau.client()
    facture = await bureau.facture(client_id)
    second = await bureau.facture(client_id, 30.0, date_echeance="2026-02-06")
    await bureau.regle(1, modele_code=modele)
    assert (await bureau.run(*LEVEL_1)).executees == 1
    (mail,) = await bureau.mails()
    assert mail.sujet == f"Dernier avis {facture.numero}"
    assert plain(mail.corps_texte) == "Il reste 1 200,00 €."
    (line,) = await bureau.history()
    assert (line.resultat, line.message_id) == ("SUCCES", mail.id)
    metadata = MessageToDict(line.metadata)
    assert (metadata["modele_code"], metadata["variables"]["client_nom"]) == (modele, "Élodie Dupont")
    assert [statut for _, statut, _ in await bureau.statuts(second)] == ["PLANIFIEE"] * 3


async def test_R17_a_mail_that_was_sent_before_the_rule_named_a_template_stays_the_only_one(
    bureau: Recouvrement, modele: str
) -> None:
    """Level 2 has its mail and lacks its task: the rule is changed, the task is made, no second mail."""
    facture = await bureau.facture(await bureau.client())
    await bureau.run(*LEVEL_1)
    async with bureau.without("activites"):
        assert (await bureau.attempt(3, 9)).echouees == 1
    await bureau.regle(2, modele_code=modele)
    assert (await bureau.run(3, 9, 10)).executees == 1
    assert [mail.sujet.split()[0] for mail in await bureau.mails()] == ["Rappel", "Deuxième"]
    assert len(await bureau.taches()) == 1
    line = (await bureau.history(facture_id=facture.id))[-1]
    assert (line.resultat, line.message_id) == ("SUCCES", (await bureau.mails())[-1].id)


async def test_R18_a_template_that_email_does_not_know_is_a_failure(bureau: Recouvrement) -> None:
    """Nothing is sent; it says why."""
    await bureau.facture(await bureau.client())
    await bureau.regle(1, modele_code="INCONNU")
    answer = await bureau.attempt(*LEVEL_1)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("ECHEC", "NOT_FOUND INTROUVABLE")]
    assert await bureau.mails() == []
