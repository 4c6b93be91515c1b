"""Mailboxes over gRPC: what they may hold, who is the default, what becomes of passwords."""

import asyncio
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import BoiteMailServiceStub
from db_utils import Undecipherable
from grpc import StatusCode
from service_email.boite_rules import place
from service_testing import Mesh, refused
from service_testing.smtp import SmtpServer
from tests.secretariat import LOGIN, Bureau, at

INVALID, MISSING, CONDITION = (
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.FAILED_PRECONDITION,
)
GOOGLE = {
    "type_connexion": "oauth2",
    "fournisseur": "gmail",
    "smtp_host": "",
    "smtp_port": 0,
    "securite": "",
    "username": "",
    "mot_de_passe": "",
    "integration_account_id": "compte-1",
}


def update(boite: pb.BoiteMail, **fields: Any) -> pb.UpdateBoiteMailRequest:
    """A change of the mailbox."""
    return pb.UpdateBoiteMailRequest(id=boite.id, **fields)


async def test_R16_a_password_goes_in_and_never_comes_out(bureau: Bureau, poste: SmtpServer) -> None:
    """A reader learns that there is one; the table holds an envelope for this row alone (C15)."""
    boite = await bureau.boite(poste)
    listed = await bureau.boites.List(pb.ListBoitesMailRequest())
    assert boite.mot_de_passe_defini
    assert LOGIN[1] not in f"{boite}{await bureau.read(boite)}{listed}"
    sealed, envelope = (await bureau.row(boite)).mot_de_passe, bureau.app.settings.envelope()
    other = await bureau.boite(poste, adresse_email="autre@exemple.fr")
    assert sealed is not None
    assert sealed.startswith("v1.")
    assert envelope.open(sealed, place((await bureau.row(boite)).id)) == LOGIN[1]
    with pytest.raises(Undecipherable):
        envelope.open(sealed, place((await bureau.row(other)).id))


async def test_R16_an_empty_password_on_update_leaves_it(bureau: Bureau, poste: SmtpServer) -> None:
    """The envelope is the same one afterwards; a new password makes another."""
    boite = await bureau.boite(poste)
    before = (await bureau.row(boite)).mot_de_passe
    await bureau.boites.Update(update(boite, nom="Vente", mot_de_passe=""))
    assert (await bureau.row(boite)).mot_de_passe == before
    await bureau.boites.Update(update(boite, mot_de_passe="un autre"))
    assert (await bureau.row(boite)).mot_de_passe not in (None, before)


@pytest.mark.parametrize(
    "moved", [{"smtp_host": "localhost"}, {"smtp_port": 2525}, {"securite": "tls"}, {"username": "moi"}]
)
async def test_R16_a_stored_password_is_given_to_no_other_server(
    bureau: Bureau, poste: SmtpServer, moved: dict[str, Any]
) -> None:
    """Who changes where or how to log in gives the password again: nobody reads it by his own server."""
    boite = await bureau.boite(poste)
    assert await refused(bureau.boites.Update(update(boite, **moved))) == (INVALID, "CHAMP_REQUIS")
    changed = await bureau.boites.Update(update(boite, mot_de_passe="encore", **moved))
    assert changed.mot_de_passe_defini


async def test_R16_without_a_name_no_password_is_kept(bureau: Bureau, poste: SmtpServer) -> None:
    """Clearing username forgets the password, too."""
    boite = await bureau.boite(poste)
    changed = await bureau.boites.Update(update(boite, username=""))
    assert (changed.username, changed.mot_de_passe_defini) == ("", False)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"nom": ""}, "CHAMP_REQUIS"),
        ({"adresse_email": ""}, "CHAMP_REQUIS"),
        ({"adresse_email": "pas une adresse"}, "FORMAT_INVALIDE"),
        ({"adresse_email": "a@b.fr\r\nBcc: z@y.fr"}, "ENTETE_INTERDIT"),
        ({"fournisseur": "yahoo"}, "VALEUR_INCONNUE"),
        ({"type_connexion": "pop3"}, "VALEUR_INCONNUE"),
        ({"securite": "ssl"}, "VALEUR_INCONNUE"),
        ({"smtp_host": ""}, "CHAMP_REQUIS"),
        ({"smtp_host": "smtp exemple"}, "FORMAT_INVALIDE"),
        ({"smtp_port": 0}, "CHAMP_REQUIS"),
        ({"smtp_port": 65536}, "FORMAT_INVALIDE"),
        ({"smtp_port": -1}, "FORMAT_INVALIDE"),
        ({"username": ""}, "CHAMP_REQUIS"),
        ({"mot_de_passe": ""}, "CHAMP_REQUIS"),
        ({"mot_de_passe": "a\r\nb"}, "FORMAT_INVALIDE"),
        ({"signature_texte": "x" * 20_001}, "TROP_LONG"),
        ({"nom": "x" * 256}, "TROP_LONG"),
        ({"societe_id": "soc 1"}, "FORMAT_INVALIDE"),
        ({"securite": "aucune", "smtp_host": "smtp.exemple.fr"}, "CHIFFREMENT_REQUIS"),
        ({**GOOGLE, "fournisseur": "smtp"}, "VALEUR_INCONNUE"),
        ({**GOOGLE, "integration_account_id": ""}, "CHAMP_REQUIS"),
        ({**GOOGLE, "mot_de_passe": "secret"}, "FORMAT_INVALIDE"),
        ({**GOOGLE, "integration_user_id": "user-2"}, "COMPTE_D_AUTRUI"),
    ],
)
async def test_R13_R14_bad_input_is_refused_with_its_reason(
    bureau: Bureau, poste: SmtpServer, fields: dict[str, Any], reason: str
) -> None:
    """And nothing is stored."""
    request = pb.CreateBoiteMailRequest(**at(poste, **fields))
    assert await refused(bureau.boites.Create(request)) == (INVALID, reason)
    assert not (await bureau.boites.List(pb.ListBoitesMailRequest())).boites


@pytest.mark.parametrize(
    ("fournisseur", "host"),
    [("gmail", "smtp.gmail.com"), ("outlook", "smtp.office365.com"), ("exchange", "smtp.office365.com")],
)
async def test_R13_oauth2_knows_the_servers_of_the_providers(
    bureau: Bureau, poste: SmtpServer, fournisseur: str, host: str
) -> None:
    """Server, port, name and the user who has connected the account need not be said."""
    boite = await bureau.boite(poste, **(GOOGLE | {"fournisseur": fournisseur}))
    assert (boite.smtp_host, boite.smtp_port, boite.securite) == (host, 587, "starttls")
    assert (boite.username, boite.integration_user_id) == (LOGIN[0], bureau.user)


async def test_R13_the_account_of_somebody_is_his_to_point_elsewhere(
    bureau: Bureau, poste: SmtpServer
) -> None:
    """A colleague may rename the mailbox; its server he may not change, which would be given the token."""
    boite = await bureau.boite(poste, **GOOGLE)
    colleague = bureau.colleague("user-2")
    assert (await colleague.boites.Update(update(boite, nom="Équipe"))).nom == "Équipe"
    moved = update(boite, smtp_host="localhost")
    assert await refused(colleague.boites.Update(moved)) == (INVALID, "COMPTE_D_AUTRUI")
    assert (await bureau.boites.Update(moved)).smtp_host == "localhost"


async def test_R13_another_way_to_log_in_begins_afresh(bureau: Bureau, poste: SmtpServer) -> None:
    """From a password to an account: the password is forgotten, the server is the provider's."""
    boite = await bureau.boite(poste)
    changed = await bureau.boites.Update(
        update(
            boite,
            type_connexion="oauth2",
            fournisseur="gmail",
            integration_account_id="compte-1",
            securite="tls",
        )
    )
    assert (changed.smtp_host, changed.mot_de_passe_defini) == ("smtp.gmail.com", False)
    back = update(boite, type_connexion="smtp", smtp_host="localhost", smtp_port=25)
    changed = await bureau.boites.Update(back)
    assert (changed.username, changed.integration_account_id) == ("", "")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "169.254.1.1", "::1", "::ffff:10.0.0.1"]
)
async def test_R15_a_private_server_is_refused(mesh: Mesh, poste: SmtpServer, org: str, host: str) -> None:
    """Without SMTP_ALLOW_PRIVATE no mailbox points into our own network."""
    request = pb.CreateBoiteMailRequest(**at(poste, smtp_host=host, securite="tls"))
    boites = mesh.stub(BoiteMailServiceStub, organisation=org)
    assert await refused(boites.Create(request)) == (INVALID, "ADRESSE_PRIVEE")


async def test_R12_a_new_default_replaces_the_former_one(bureau: Bureau, poste: SmtpServer) -> None:
    """By Create, SetDefault and Update; that of another société or user stays."""
    first = await bureau.boite(poste, est_par_defaut=True)
    own = await bureau.boite(poste, utilisateur_id="user-1", est_par_defaut=True)
    other = await bureau.boite(poste, adresse_email="b@exemple.fr", societe_id="soc-1", est_par_defaut=True)
    second = await bureau.boite(poste, adresse_email="c@exemple.fr", est_par_defaut=True)
    await bureau.boites.SetDefault(pb.SetDefaultBoiteMailRequest(id=first.id))
    third = await bureau.boite(poste, adresse_email="d@exemple.fr")
    await bureau.boites.Update(update(third, est_par_defaut=True))
    flags = [(await bureau.read(one)).est_par_defaut for one in (first, own, other, second, third)]
    assert flags == [False, True, True, False, True]


async def test_R12_of_calls_at_once_each_is_answered_and_one_is_left(
    bureau: Bureau, poste: SmtpServer
) -> None:
    """Nobody is refused because another one was faster."""
    boites = [await bureau.boite(poste, adresse_email=f"b{n}@exemple.fr") for n in range(5)]
    requests = [pb.SetDefaultBoiteMailRequest(id=boite.id) for boite in boites]
    await asyncio.gather(*map(bureau.boites.SetDefault, requests))
    assert sum([(await bureau.read(boite)).est_par_defaut for boite in boites]) == 1


async def test_R12_an_inactive_mailbox_is_no_default(bureau: Bureau, poste: SmtpServer) -> None:
    """Deactivating it removes the flag; it cannot get the flag while it is inactive."""
    boite = await bureau.boite(poste, est_par_defaut=True)
    changed = await bureau.boites.Update(update(boite, actif=False))
    assert (changed.actif, changed.est_par_defaut) == (False, False)
    again = pb.SetDefaultBoiteMailRequest(id=boite.id)
    assert await refused(bureau.boites.SetDefault(again)) == (CONDITION, "BOITE_INACTIVE")
    asked = update(boite, est_par_defaut=True)
    assert await refused(bureau.boites.Update(asked)) == (CONDITION, "BOITE_INACTIVE")


async def test_R13_an_address_is_one_mailbox_per_user(bureau: Bureau, poste: SmtpServer) -> None:
    """In whatever case it is written."""
    await bureau.boite(poste)
    again = pb.CreateBoiteMailRequest(**at(poste, adresse_email=LOGIN[0].upper()))
    assert await refused(bureau.boites.Create(again)) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert (await bureau.boite(poste, utilisateur_id="user-1")).id


async def test_C9_a_stale_version_is_refused(bureau: Bureau, poste: SmtpServer) -> None:
    """Whoever has read an older state does not overwrite a newer one."""
    boite = await bureau.boite(poste)
    await bureau.boites.Update(update(boite, nom="Autre", version=1))
    stale = update(boite, nom="Encore", version=1)
    assert await refused(bureau.boites.Update(stale)) == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_C6_a_mailbox_of_others_does_not_exist(bureau: Bureau, steps: Mesh, poste: SmtpServer) -> None:
    """For every RPC, and for Send."""
    boite, foreign = await bureau.boite(poste), Bureau(steps, f"{bureau.org}-autre")
    boites, missing = foreign.boites, (MISSING, "INTROUVABLE")
    assert await refused(boites.Get(pb.GetBoiteMailRequest(id=boite.id))) == missing
    assert await refused(boites.Update(update(boite, nom="Moi"))) == missing
    assert await refused(boites.SetDefault(pb.SetDefaultBoiteMailRequest(id=boite.id))) == missing
    assert await refused(boites.TestConnection(pb.TestConnectionBoiteMailRequest(id=boite.id))) == missing
    assert not (await boites.Delete(pb.DeleteBoiteMailRequest(id=boite.id))).success
    assert not (await boites.List(pb.ListBoitesMailRequest())).boites
    assert await refused(foreign.emails.Send(foreign.request(boite_mail_id=boite.id))) == missing


async def test_C8_mailboxes_are_listed_by_name_and_filtered(bureau: Bureau, poste: SmtpServer) -> None:
    """Names sort without accents; actif false is a filter, too."""
    names = ("Zoé", "Élan", "eva")
    for nom in names:
        await bureau.boite(poste, nom=nom, adresse_email=f"{len(nom)}{ord(nom[0])}@exemple.fr")
    off = await bureau.boite(poste, nom="Fermée", adresse_email="f@exemple.fr")
    await bureau.boites.Update(update(off, actif=False))
    every = await bureau.boites.List(pb.ListBoitesMailRequest())
    assert [one.nom for one in every.boites] == ["Élan", "eva", "Fermée", "Zoé"]
    closed = await bureau.boites.List(pb.ListBoitesMailRequest(actif=False))
    assert [one.nom for one in closed.boites] == ["Fermée"]


async def test_R10_a_mailbox_that_a_mail_waits_for_stays(
    bureau: Bureau, smtp: SmtpServer, poste: SmtpServer
) -> None:
    """It can be deleted once the mail is over; the message keeps its id."""
    boite = await bureau.boite(poste)
    sent = await bureau.send(boite_mail_id=boite.id)
    gone = pb.DeleteBoiteMailRequest(id=boite.id)
    assert await refused(bureau.boites.Delete(gone)) == (CONDITION, "ENCORE_UTILISE")
    await bureau.deliver()
    assert (await bureau.boites.Delete(gone)).success
    assert not (await bureau.boites.Delete(gone)).success
    assert (await bureau.message(sent)).boite_mail_id == boite.id
