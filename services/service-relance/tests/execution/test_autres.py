"""Reminders about other things than unpaid invoices, and what returns after a failure (R11, R17, R18)."""

from datetime import date
from typing import Any

from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import AdresseServiceStub
from crm.email import email_pb2
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from db_utils.clock import frozen_at
from tests.rappels import planned
from tests.recouvrement import LEVEL_1, Recouvrement, at, plain

DUE: dict[str, Any] = {"date_prevue": date(2026, 1, 15), "a_recalculer": False}


async def test_R17_a_new_client_is_called(bureau: Recouvrement) -> None:
    """The task says whom to call, and where; it is about no invoice."""
    client_id = await bureau.client(welcome=True)
    await bureau.run(1, 29)
    (tache,) = await bureau.taches()
    assert "Bienvenue" in tache.titre
    assert "Élodie Dupont" in tache.titre
    assert "0612345678" in tache.description
    assert (tache.client_id, tache.facture_id, tache.contrat_id) == (client_id, "", "")


async def test_R17_the_end_of_a_contract_names_its_reference(bureau: Recouvrement) -> None:
    """Contrats is asked for it."""
    contrat = await bureau.contrat("client-123")
    about = {"declencheur": "CONTRAT_BIENTOT_EXPIRE", "contrat_id": contrat.id}
    await planned(bureau.mesh, bureau.org, {**about, **DUE})
    await bureau.run(1, 15)
    (tache,) = await bureau.taches()
    assert contrat.reference in tache.titre
    assert tache.contrat_id == contrat.id


async def test_R18_what_was_given_up_may_be_planned_again(bureau: Recouvrement) -> None:
    """It has all its attempts again, and is worded anew; the history has both lines."""
    facture = await bureau.facture(await bureau.client())
    async with bureau.without("email"):
        for hour in range(9, 14):
            await bureau.attempt(*LEVEL_1, hour)
    (first, *_) = await bureau.relances(facture_id=facture.id)
    request = pb.RescheduleRelanceRequest(id=first.id, date_prevue="2026-02-24", motif="Panne")
    with frozen_at(at(*LEVEL_1, 15)):
        await bureau.stub(RelanceServiceStub).Reschedule(request)
    assert (await bureau.run(2, 24)).executees == 1
    assert [line.resultat for line in await bureau.history()] == ["ECHEC", "SUCCES"]
    assert len(await bureau.mails()) == 1
    assert (await bureau.history())[1].metadata["jours_retard"] == 19


async def test_R17_nothing_is_sent_again_that_has_arrived_in_other_words(bureau: Recouvrement) -> None:
    """Email has a mail under the key: the reminder is carried out, and that mail stays the only one."""
    facture = await bureau.facture(await bureau.client())
    (first, *_) = await bureau.relances(facture_id=facture.id)
    earlier = email_pb2.SendRequest(
        a=[email_pb2.Destinataire(email="elodie@exemple.fr")],
        sujet="Rappel",
        corps_texte="Ce qui était dû alors.",
        cle_idempotence=f"relance:{first.id}",
    )
    await bureau.stub(EmailServiceStub).Send(earlier)
    assert (await bureau.run(*LEVEL_1)).executees == 1
    assert [mail.corps_texte for mail in await bureau.mails()] == ["Ce qui était dû alors."]
    assert [(line.resultat, line.message_id) for line in await bureau.history()] == [("SUCCES", "")]


async def test_R03_the_letter_and_the_call_say_what_other_services_know(bureau: Recouvrement) -> None:
    """The postal address of the client, and the day of its last activity."""
    client_id = await bureau.client()
    adresse = clients_pb2.CreateAdresseRequest(
        client_base_id=client_id, ligne1="5 quai Nord", code_postal="69002", ville="Lyon", type="PRINCIPALE"
    )
    await bureau.stub(AdresseServiceStub).Create(adresse)
    letter = {"declencheur": "IMPAYE", "niveau": 3, "facture_id": "facture-7", "montant": 49.9}
    about = {"client_id": client_id, **DUE}
    inactive = {"declencheur": "INACTIVITE_CLIENT", "cle": f"inactif:{client_id}:2025-10-01"}
    await planned(bureau.mesh, bureau.org, {**letter, **about}, {**inactive, **about}, actif=False)
    assert (await bureau.run(1, 15)).executees == 2
    said = {tache.titre.split()[0]: plain(tache.description) for tache in await bureau.taches()}
    assert "\nÉlodie Dupont\n5 quai Nord\n69002 Lyon\n" in said["Mise"].replace("\n\n", "\n")
    assert "Dernière activité : 01/10/2025" in said["Client"]
