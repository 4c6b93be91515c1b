"""Texts of reminders: templates of the organisation (R3) and the built-in ones."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from service_relance.dossiers import Dossier, variables
from service_relance.modeles import VARIABLES, ModeleInvalide, check_template
from service_relance.textes import Texte, texte
from tests.dossiers import facture, impaye, regle
from tests.recouvrement import plain

NB, NARROW = "\u00a0", "\u202f"
AMOUNT = f"1{NARROW}200,00{NB}€"
FIRST, SECOND = date(2026, 2, 20), date(2026, 3, 9)


def built_in(dossier: Dossier, *, au_client: bool = True) -> Texte:
    """Text of a rule that has none of its own."""
    return texte(regle(), dossier, au_client=au_client)


def check(text: Texte, titre: str, *parts: str) -> None:
    """Assert the title and that the body holds *parts*."""
    assert text.titre == titre
    assert [part for part in parts if part not in text.corps] == []


def test_R03_variables_print_as_french_does() -> None:
    """Amounts as 1 200,00 €, days as 05/02/2026; what is not known leaves nothing."""
    values = variables(impaye(3, facture(3, 45)))
    assert values == {
        "client_nom": "Anne Dupont",
        "numero_facture": "FAC2026000001",
        "montant_du": AMOUNT,
        "montant_facture": AMOUNT,
        "date_echeance": "05/02/2026",
        "jours_retard": "45",
        "penalites": f"17,98{NB}€",
        "indemnite": f"40,00{NB}€",
        "total_du": f"1{NARROW}257,98{NB}€",
        "societe_nom": "Atelier Élan",
        "motif_rejet": "",
        "date_rejet": "",
        "reference_contrat": "",
        "date_fin": "",
    }
    assert values.keys() == VARIABLES


def test_R03_an_organisation_s_own_texts_replace_the_built_in_ones() -> None:
    """Title and body separately; nothing in a value is read as a template again."""
    dossier = impaye(1, facture(1, 15), client_nom="{{total_du}} <b>")
    own = regle(template_titre="Facture {{ numero_facture }}\n de {{societe_nom}}")
    text = texte(own, dossier, au_client=True)
    check(text, "Facture FAC2026000001 de Atelier Élan", "Sauf erreur", "{{total_du}} <b>")
    text = texte(regle(template_corps="Dû : {{montant_du}}, {{date_fin}}."), dossier, au_client=True)
    check(text, f"Rappel{NB}: facture FAC2026000001", f"Dû : {AMOUNT}, .")


def test_R03_a_text_becomes_html_in_which_nothing_is_markup() -> None:
    """Paragraphs and line ends stay, signs of HTML are escaped."""
    assert Texte("", "A <b> & c\nd\n\nE").corps_html == "<p>A &lt;b&gt; &amp; c<br>d</p><p>E</p>"


@pytest.mark.parametrize(
    "template",
    [
        "{{client.__class__}}",
        "{{ client_nom | upper }}",
        "{{ inconnue }}",
        "{{client_nom",
        "client_nom}}",
        "{{ }}",
        "{{{{client_nom}}}}",
        "{% if client_nom %}a{% endif %}",
        "{# client_nom #}",
        "{{ 7 * 7 }}",
        "{{CLIENT_NOM}}",
        "{{client_nom\n}}",
    ],
)
def test_R03_only_known_variables_stand_between_braces(template: str) -> None:
    """Anything else is refused when the rule is stored."""
    with pytest.raises(ModeleInvalide):
        check_template(template, "template_corps")


def test_R03_braces_alone_are_text() -> None:
    """A single brace is no variable."""
    check_template("{a} } { {{client_nom}} {{ total_du }}", "template_corps")


def test_R03_the_first_reminder_is_courteous() -> None:
    """Client, invoice, due date, what is owed, how and whom to pay, and thanks to who has paid."""
    text = built_in(impaye(1, facture(1, 15)))
    check(
        text,
        f"Rappel{NB}: facture FAC2026000001",
        "Anne Dupont",
        "FAC2026000001",
        "échue le 05/02/2026",
        AMOUNT,
        "Si votre règlement a été effectué entre-temps, ne tenez pas compte de ce message",
        f"Moyens de paiement{NB}: virement sur le compte FR76",
        f"Contact{NB}: factures@exemple.fr",
        "Atelier Élan",
    )
    assert "40,00" not in text.corps
    assert "retard" not in text.corps


def test_R03_the_second_reminder_tells_delay_former_reminder_costs_and_deadline() -> None:
    """A business reads of penalties and the 40 euros; eight days from 9 March end on the 17th."""
    text = built_in(impaye(2, facture(2, 32, rappels=(FIRST,)), jour=SECOND))
    check(
        text,
        f"Deuxième relance{NB}: facture FAC2026000001",
        "Malgré notre rappel du 20/02/2026, la facture suivante reste à régler",
        "32 jours de retard",
        f"pénalités de retard de 12,78{NB}€",
        f"recouvrement de 40,00{NB}€",
        f"total dû de 1{NARROW}252,78{NB}€",
        f"régler 1{NARROW}252,78{NB}€ sous huit jours, au plus tard le 17/03/2026",
        "ne tenez pas compte de ce message",
        "Moyens de paiement",
    )


@pytest.mark.parametrize("niveau", [2, 3])
def test_R16_a_private_person_reads_of_no_costs(niveau: int) -> None:
    """Neither penalties nor indemnity nor their articles."""
    text = built_in(impaye(niveau, facture(niveau, 45, professionnel=False), professionnel=False))
    assert [word for word in ("pénalités", "40,00", "Code de commerce") if word in text.corps] == []
    assert f"{AMOUNT} " in text.corps


def test_R03_the_formal_notice_is_a_letter_ready_to_print() -> None:
    """Its words, amounts in figures, the earlier reminders, eight days, and what follows."""
    addresses: dict[str, Any] = {
        "societe_adresse": "1 rue du Lac\n75002 Paris",
        "client_adresse": "5 quai Nord\n69002 Lyon",
    }
    late = facture(3, 45, rappels=(FIRST, SECOND))
    text = built_in(impaye(3, late, **addresses), au_client=False)
    head = (
        "Atelier Élan\n1 rue du Lac\n75002 Paris\n\nLettre recommandée avec avis de réception\n\n"
        "Anne Dupont\n5 quai Nord\n69002 Lyon\n\nLe 23/03/2026\n\n"
    )
    assert text.corps.startswith(head)
    check(
        text,
        f"Mise en demeure{NB}: facture FAC2026000001",
        "Lettre recommandée avec avis de réception",
        "Le 23/03/2026",
        "mise en demeure",
        "Malgré nos relances du 20/02/2026 et du 09/03/2026, la facture suivante reste impayée",
        f"total dû de 1{NARROW}257,98{NB}€",
        f"payer la somme de 1{NARROW}257,98{NB}€ dans un délai de huit jours à compter de sa réception",
        "tribunal compétent",
    )
    assert "intérêt au taux légal" not in text.corps


def test_R03_a_private_person_owes_the_legal_rate_from_the_notice_on() -> None:
    """The notice says so; sent as a mail it is no letter."""
    late = facture(3, 45, professionnel=False, rappels=(FIRST,))
    text = built_in(impaye(3, late, professionnel=False))
    check(
        text,
        f"Mise en demeure{NB}: facture FAC2026000001",
        "Malgré notre relance du 20/02/2026",
        "intérêt au taux légal à compter de la réception",
        "1231-6",
    )
    assert "Lettre recommandée" not in text.corps


def test_R03_a_message_about_several_invoices_has_a_line_for_each_and_one_total() -> None:
    """The second one is paid in half; titles name three invoices at most."""
    two = facture(1, 15), facture(1, 15, numero="FAC2026000002", solde=Decimal("600.00"))
    text = built_in(impaye(1, *two))
    check(
        text,
        f"Rappel{NB}: factures FAC2026000001, FAC2026000002",
        "les factures suivantes restent à régler",
        f"- facture FAC2026000001, échue le 05/02/2026{NB}: {AMOUNT}\n",
        f"- facture FAC2026000002, échue le 05/02/2026{NB}: 600,00{NB}€ sur {AMOUNT}\n",
        f"Total{NB}: 1{NARROW}800,00{NB}€",
    )
    assert built_in(impaye(1, *two, *two)).titre == f"Rappel{NB}: 4 factures"
    assert variables(impaye(1, *two))["numero_facture"] == "FAC2026000001, FAC2026000002"


@pytest.mark.parametrize(
    ("declencheur", "titre", "parts"),
    [
        (
            "NOUVEAU_CLIENT",
            f"Bienvenue{NB}: appeler Anne Dupont",
            ["08/01/2026", "Atelier Élan", "0612345678"],
        ),
        ("CONTRAT_BIENTOT_EXPIRE", f"Contrat à renouveler{NB}: CTR-1", ["22/04/2026", "dans 30 jours"]),
        ("CONTRAT_EXPIRE", f"Contrat expiré{NB}: CTR-1", ["22/04/2026", "Anne Dupont"]),
        ("INACTIVITE_CLIENT", f"Client sans activité{NB}: Anne Dupont", ["01/02/2026", "0612345678"]),
    ],
)
@pytest.mark.parametrize("au_client", [False, True])
def test_R03_every_other_cause_has_a_text_for_the_colleague_and_one_for_the_client(
    declencheur: str, titre: str, parts: list[str], au_client: bool
) -> None:
    """The client is greeted and told nothing that is for the colleague."""
    dossier: dict[str, Any] = {
        "declencheur": declencheur,
        "client_telephone": "0612345678",
        "date_creation": date(2026, 1, 8),
        "derniere_activite": date(2026, 2, 1),
        "reference_contrat": "CTR-1",
        "date_fin": date(2026, 4, 22),
    }
    text = built_in(impaye(0, **dossier), au_client=au_client)
    if au_client:
        assert text.corps.startswith("Bonjour Anne Dupont,")
        assert "0612345678" not in text.corps
    else:
        check(text, titre, *parts)


@pytest.mark.parametrize("declencheur", ["CONTRAT_BIENTOT_EXPIRE", "CONTRAT_EXPIRE", "NOUVEAU_CLIENT"])
@pytest.mark.parametrize("au_client", [False, True])
def test_R03_what_nobody_knows_leaves_no_hole_in_a_sentence(declencheur: str, au_client: bool) -> None:
    """No double space, no sign without its word, neither contract nor day nor société."""
    known = Dossier(declencheur=declencheur, jour=date(2026, 3, 23), client_nom="Anne Dupont")
    text = built_in(known, au_client=au_client)
    said = plain(f"{text.titre}\n{text.corps}")
    assert [hole for hole in ("  ", " ,", " .", "le .", ": .", ",.") if hole in said] == []
    assert not text.titre.endswith(":")
    assert not text.corps.endswith(",")


@pytest.mark.parametrize(
    ("fin", "left"),
    [
        (date(2026, 3, 24), "dans 1 jour"),
        (date(2026, 3, 23), "aujourd'hui"),
        (date(2026, 3, 22), "depuis 1 jour"),
    ],
)
def test_R03_days_left_are_told_in_words(fin: date, left: str) -> None:
    """Tomorrow, today, yesterday."""
    dossier = impaye(0, declencheur="CONTRAT_BIENTOT_EXPIRE", reference_contrat="CTR-1", date_fin=fin)
    assert f"prend fin {left}." in built_in(dossier, au_client=False).corps
