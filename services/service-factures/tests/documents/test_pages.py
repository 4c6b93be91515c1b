"""What is printed: every mention that the law wants, and none that it forbids (R13, R14, R21)."""

import io
from dataclasses import replace
from datetime import date

import pytest
from pdf_utils import EVERYDAY, close_fonts
from pypdf import PdfReader
from service_factures.documents import Adresse, Document, Paiement, render
from service_factures.documents.pages import pages
from service_factures.documents.sheet import INK, Colour, Sheet
from tests.documents.page_texts import text_of
from tests.documents.sample_documents import (
    ALLEMANDE,
    PERSONNE,
    document,
    exempt,
    first_avoir,
    ligne,
    with_seller,
    worked_example,
)

OF_SELLER = (
    "Société Œuvre & Fils",
    "SARL au capital de 10 000 €",
    "RCS Paris 552 100 554",
    "12 rue de l'Église",
    "75011 Paris",
    "SIREN : 552100554",
    "SIRET : 55210055400013",
    "N° TVA : FR96552100554",
)


def test_R13_an_invoice_shows_all_that_the_law_wants() -> None:
    """R3's invoice for a business, as a reader extracts it from the finished file."""
    text = text_of(render(worked_example(reference_commande="BC-117", option_debits=True)).pdf)
    for mention in (
        *OF_SELLER,
        "FACTURE",
        "N° FAC2026000001",
        "Date d'émission : 22/10/2026",
        "Date de la prestation : 20/10/2026",
        "Date d'échéance : 21/11/2026",
        "Référence commande : BC-117",
        "Bâtisseurs d'Île-de-France SAS",
        "8 avenue Foch",
        "78000 Versailles",
        "SIREN : 732829320",
        "N° TVA : FR44732829320",
        "Catégorie de l'opération : Prestation de services",
        "20 % 29,91 € 5,98 €",
        "5,5 % 24,70 € 1,36 €",
        "10 % 45,50 € 4,55 €",
        "100,11 €",
        "11,89 €",
        "112,00 €",
        "Mode de paiement : Virement",
        "IBAN : FR76 3000 6000 0112 3456 7890 189",
        "BIC : AGRIFRPP",
        "Pas d'escompte pour paiement anticipé",
        "Option pour le paiement de la taxe d'après les débits",
        "pénalités au taux annuel de 12,40 %",
        "Indemnité forfaitaire pour frais de recouvrement : 40 €",
    ):
        assert mention in text


@pytest.mark.parametrize(
    ("of", "mention"),
    [
        (document(ligne("2.5", "1234.5", "20", unite="heure")), "2,5 heure 1 234,50 20 % 3 086,25"),
        (document(), "10 %"),
        (document(nature_operation="BIENS"), "Catégorie de l'opération : Livraison de biens"),
        (document(nature_operation="MIXTE"), "(opération mixte)"),
        (document(escompte="Escompte de 1 % à 8 jours"), "Escompte de 1 % à 8 jours"),
        (document(livraison=Adresse(ligne1="Entrepôt 4", ville="Lille")), "Entrepôt 4"),
        (document(client=ALLEMANDE), "ALLEMAGNE"),
        (document(notes="Merci", mentions_libres="Membre d'une AGA"), "Membre d'une AGA"),
        (with_seller(document(), header_text="La maison"), "La maison"),
        (with_seller(document(), footer_text="x " * 400), "x x x"),
        (exempt("FRANCHISE_293B"), "TVA non applicable, art. 293 B du CGI"),
        (exempt("HORS_CHAMP"), "hors champ"),
        (first_avoir(), "Avoir sur facture FAC2026000001 du 22/10/2026"),
        (first_avoir(), "Motif : Geste commercial"),
        (first_avoir(), "Net à votre crédit"),
    ],
)
def test_R13_what_depends_on_the_document_is_shown(of: Document, mention: str) -> None:
    """Units, discounts, natures, places, texts of the seller, exemptions, avoirs (R21, R27)."""
    assert mention in text_of(pages(of)[0]).replace("\n", " ")


def test_R13_a_debit_says_its_day_and_its_mandate() -> None:
    """And nothing of any bank."""
    paiement = Paiement(mode="PRELEVEMENT_SEPA", rum="RUM-1", ics="FR72ZZZ123456")
    of = document(paiement=paiement, date_echeance=date(2026, 11, 5), client=PERSONNE)
    text = text_of(pages(of)[0])
    assert "Prélèvement le 05/11/2026\nRUM : RUM-1\nICS : FR72ZZZ123456" in text
    assert "IBAN" not in text


@pytest.mark.parametrize("of", [worked_example(client=PERSONNE), first_avoir(client=PERSONNE)])
def test_R14_a_person_is_told_neither_penalties_nor_costs(of: Document) -> None:
    """Neither on the page nor in the XML."""
    rendered = render(of)
    for said in (text_of(rendered.pdf), rendered.xml.decode()):
        assert "pénalités" not in said
        assert "Indemnité" not in said
        assert "escompte" in said


def test_R21_nobody_is_asked_to_pay_an_avoir() -> None:
    """No bank, no due date."""
    text = text_of(pages(first_avoir())[0])
    assert "AVOIR" in text
    for absent in ("IBAN", "échéance", "Net à payer"):
        assert absent not in text


def test_R14_an_avoir_is_never_late() -> None:
    """Its page tells a business no penalties; its XML keeps the notes, which the rules want on each."""
    rendered = render(first_avoir())
    for told in ("pénalités", "Indemnité"):
        assert told not in text_of(rendered.pdf)
        assert told in rendered.xml.decode()


def test_a_delivery_to_the_buyer_is_told_once() -> None:
    """A place that is the buyer's own is no other place."""
    of = document()
    assert "livraison" not in text_of(pages(replace(of, livraison=of.client.adresse))[0])


def test_hundred_lines_come_with_their_headings_on_each_page() -> None:
    """In their order, and each page says which document it is of."""
    lines = [ligne("1", f"{n}.5", "20", description=f"Ligne {n}") for n in range(1, 101)]
    told = [page.extract_text() for page in PdfReader(io.BytesIO(pages(document(*lines))[0])).pages]
    assert len(told) > 2
    with_lines = [page for page in told if "Ligne " in page]
    assert all(page.count("Description") == 1 for page in with_lines)
    for number, page in enumerate(told, 1):
        assert f"Facture FAC2026000001 – page {number}/{len(told)}" in page
    found = [word for page in told for word in page.splitlines() if word.startswith("Ligne ")]
    assert [int(line.split()[1]) for line in found] == list(range(1, 101))


@pytest.mark.parametrize(
    ("couleur", "on_it", "titles"),
    [("#FFE082", INK, INK), ("#1F3A5F", (255, 255, 255), (0x1F, 0x3A, 0x5F))],
)
def test_any_colour_of_a_seller_leaves_the_text_readable(couleur: str, on_it: Colour, titles: Colour) -> None:
    """Dark ink where the colour is light."""
    sheet = Sheet(couleur, EVERYDAY, None)
    close_fonts(sheet)
    assert (sheet.on_couleur, sheet.accent) == (on_it, titles)


def test_figures_of_any_length_stay_in_one_piece() -> None:
    """The largest amounts of C4, in the table of lines, of VAT and in the totals."""
    huge = ligne("999999999.999", "1000", "20", description="Tout")
    text = text_of(pages(document(huge, ligne("1", "0.0075", "20")))[0])
    for shown in (
        "999 999 999,999 unité 1 000,00 20 % 999 999 999 999,00",
        "0,0075",
        "20 % 999 999 999 999,01 € 199 999 999 999,80 €",
        "1 199 999 999 998,81 €",
    ):
        assert shown in text


def test_R29_accents_and_ligatures_extract_exactly() -> None:
    """As they were written; fpdf2 2.8.9 sets a no-break space of a paragraph as a space without a break."""
    written = "Œuvre à l’été, « ça » : 5\u00a0€ – n°\u00a01"
    text = text_of(pages(document(ligne("1", "10", "20", description=written)))[0])
    assert "Œuvre à l’été, « ça » : 5 € – n° 1" in text
