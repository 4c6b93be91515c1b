"""Parties as they were frozen at the issue become parties of a document (R10)."""

from typing import Any, Final

from service_factures.documents import Adresse, Client, Paiement, Vendeur, buyer_of, payment_of, seller_of

ADRESSE: Final = {"ligne1": "1 rue A", "ligne2": "", "code_postal": "75001", "ville": "Paris", "pays": "FR"}
SELLER: Final[dict[str, Any]] = {
    "nom": "Œuvre",
    "adresse": ADRESSE,
    "siren": "552100554",
    "siret": "",
    "tva_intracom": "FR96552100554",
    "email": "a@exemple.fr",
    "adresse_electronique": "0225:552100554",
    "capital": "10000.00",
    "iban": "FR7630006000011234567890189",
    "bic": "AGRIFRPP",
    "couleurs": "#aa0000,#00BB00",
    "mentions_libres": "",
    "option_debits": False,
}


def test_R10_a_seller_is_printed_as_it_was_frozen() -> None:
    """What a document says of something else than the seller is left out."""
    assert seller_of(SELLER, b"logo") == Vendeur(
        nom="Œuvre",
        adresse=Adresse(ligne1="1 rue A", code_postal="75001", ville="Paris"),
        siren="552100554",
        tva_intracom="FR96552100554",
        email="a@exemple.fr",
        adresse_electronique="0225:552100554",
        capital="10000.00",
        couleur="#aa0000",
        logo=b"logo",
    )
    assert seller_of(SELLER | {"couleurs": ""}).couleur == "#1F3A5F"


def test_R10_a_buyer_is_printed_as_it_was_frozen() -> None:
    """An address without a country is in France."""
    snapshot = {"nom": "Anne", "adresse": ADRESSE | {"pays": ""}, "type_client": "PARTICULIER", "siren": ""}
    adresse = Adresse(ligne1="1 rue A", code_postal="75001", ville="Paris", pays="FR")
    assert buyer_of(snapshot) == Client(nom="Anne", adresse=adresse)


def test_R33_a_payment_has_the_bank_of_the_seller_and_the_mandate() -> None:
    """Which of them is shown depends on its mode."""
    assert payment_of("VIREMENT", SELLER, "R-1", "ICS") == Paiement(
        mode="VIREMENT", iban=SELLER["iban"], bic="AGRIFRPP", rum="R-1", ics="ICS"
    )
