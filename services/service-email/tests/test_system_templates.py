"""Templates that the migrations supply (R22): their greetings, and how older rows get them."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from service_email.modeles import Rendu, render
from service_email.models import Modele
from service_email.service import SERVICE
from service_testing import Mesh, Upgrade
from sqlalchemy import select

SUPPLIED = {
    "BIENVENUE_CLIENT",
    "BIENVENUE_UTILISATEUR",
    "CONTRAT_SIGNE",
    "FACTURE_EMISE",
    "FACTURE_JOINTE",
    "PAIEMENT_REJETE",
    "REPRESENTATION_PRELEVEMENT",
    "CONFIRMATION_ADRESSE",
    "CHANGEMENT_ADRESSE",
    "COMPTE_REPRIS",
}


async def rendered(mesh: Mesh, **names: str) -> Mapping[str, Rendu]:
    """Every system template, rendered with *names* and some text for all other variables."""
    system = select(Modele).where(Modele.organisation_id.is_(None))
    modeles = await mesh.database("email").read().all(system)
    return {one.code: render(one, dict.fromkeys(one.variables, "…") | names) for one in modeles}


@pytest.mark.parametrize(
    ("prenom", "nom", "greeting"),
    [
        ("Victoire", "Legrand", "Bonjour Victoire Legrand,"),
        ("Victoire", "", "Bonjour Victoire,"),
        ("", "Legrand", "Bonjour Legrand,"),
        ("", "", "Bonjour,"),
    ],
)
async def test_R22_every_template_greets_with_the_names_that_are_there(
    mesh: Mesh, prenom: str, nom: str, greeting: str
) -> None:
    """Each name follows one space, then comes the comma; in the text and in the HTML."""
    mails = await rendered(mesh, prenom=prenom, nom=nom)
    assert set(mails) == SUPPLIED
    for mail in mails.values():
        assert (mail.texte or "").splitlines()[0] == greeting
        assert f"<p>{greeting}</p>" in mail.html


@pytest.mark.parametrize(("prenom", "subject"), [("Victoire", "Bienvenue Victoire"), ("", "Bienvenue")])
async def test_R22_the_subject_names_whom_it_can(mesh: Mesh, prenom: str, subject: str) -> None:
    """The subject without a name ends with its own word."""
    assert (await rendered(mesh, prenom=prenom, nom=""))["BIENVENUE_CLIENT"].sujet == subject


async def test_R22_where_no_application_is_known_mails_have_no_link(mesh: Mesh) -> None:
    """Nobody is sent to a page that is not there; the token of an address is told as a code."""
    nowhere = {"lien": "", "lien_application": "", "lien_coordonnees": ""}
    for code, mail in (await rendered(mesh, **(nowhere | {"prenom": "Léa", "nom": ""}))).items():
        assert "href" not in mail.html, code
        assert "adresse\u00a0:\n" not in (mail.texte or ""), code
    confirmation = (await rendered(mesh, lien="k3Zb-_9x7v"))["CONFIRMATION_ADRESSE"]
    assert "donnez ce code là où il vous est demandé\u00a0:\nk3Zb-_9x7v\n" in (confirmation.texte or "")
    assert ("k3Zb-_9x7v</p>" in confirmation.html, "href" in confirmation.html) == (True, False)


def test_C21_R22_a_database_with_rows_in_it_is_brought_up_to_date(tmp_path: Path) -> None:
    """Messages keep their keys, without a content; copies of a template greet as the system's."""
    with Upgrade(SERVICE, "0020", tmp_path) as upgrade:
        tables = upgrade.connection
        tables.execute(
            "INSERT INTO messages (id, organisation_id, de, a, cc, cci, sujet, entetes, statut, tentatives,"
            " message_id, origine, cle_idempotence, updated_at) VALUES (gen_random_uuid(), 'org-1', 'a@b.fr',"
            " '[]', '[]', '[]', 'Bonjour', '{}', 'envoye', 1, '<1@b.fr>', 'rpc', 'k', now())"
        )
        tables.execute(
            "INSERT INTO modeles SELECT code, langue, 'Chez nous', corps_html, corps_texte, variables,"
            " gen_random_uuid(), now(), now(), 1, 'org-1' FROM modeles WHERE code = 'BIENVENUE_CLIENT'"
        )
        upgrade.run()
        kept = tables.execute("SELECT cle_idempotence, contenu_hash FROM messages").fetchall()
        texts = tables.execute("SELECT corps_texte, corps_html FROM modeles WHERE sujet = 'Chez nous'")
        assert kept == [("k", None)]
        for text in texts.fetchone() or ():
            assert "Bonjour{% if prenom %} {{ prenom }}{% endif %}" in text
