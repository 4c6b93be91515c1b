"""Documents of every kind, by name: what the official rules, veraPDF and Mustang judge."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from service_factures.documents import MENTIONS, Adresse, Client, Document, Paiement, Vendeur, converted_logo
from tests.documents.sample_documents import (
    ALLEMANDE,
    ENTREPRISE,
    PERSONNE,
    VENDEUR,
    D,
    document,
    exempt,
    first_avoir,
    ligne,
    second_avoir,
    single,
    with_seller,
    worked_example,
)
from tests.documents.sample_logos import LOGOS

_LONG: Final = "Étude, conception et réalisation d’œuvres « sur mesure » – lot n° 3 ; " * 7
_BRUSSELS: Final = replace(
    ALLEMANDE,
    nom="Œuvres SPRL",
    tva_intracom="BE0403019261",
    adresse=Adresse(ligne1="1 Grand-Place", code_postal="1000", ville="Bruxelles", pays="BE"),
)
_REUNION: Final = replace(
    ENTREPRISE, adresse=Adresse(ligne1="2 rue Pasteur", code_postal="97400", ville="Saint-Denis", pays="RE")
)
_SWISS: Final = Client(
    nom="Zürich AG",
    adresse=Adresse(ligne1="Bahnhofstrasse 1", code_postal="8001", ville="Zürich", pays="CH"),
    type_client="PARTENAIRE",
    email="facture@exemple.ch",
)
_ABROAD: Final = replace(PERSONNE, adresse=Adresse(ligne1="Calle Mayor 1", ville="Madrid", pays="ES"))
CLIENTS: Final = {
    "person": PERSONNE,
    "person abroad": _ABROAD,
    "business": ENTREPRISE,
    "partner": replace(ENTREPRISE, type_client="PARTENAIRE"),
    "directory address": replace(ENTREPRISE, adresse_electronique="0225:732829320_ACHATS"),
    "without siret": replace(ENTREPRISE, siret=""),
    "Germany": ALLEMANDE,
    "Belgium": _BRUSSELS,
    "Switzerland": _SWISS,
    "Réunion": _REUNION,
}
SELLERS: Final[dict[str, Vendeur]] = {
    "bare": replace(
        VENDEUR,
        siret="",
        forme_juridique="",
        capital="",
        rcs="",
        email="",
        telephone="",
        adresse_electronique="",
    ),
    "address": replace(VENDEUR, adresse_electronique="0225:552100554_VENTES"),
    "light colour": replace(VENDEUR, couleur="#FFE082", header_text="La maison\nde l’œuvre"),
    "foot": replace(VENDEUR, footer_text="Garantie décennale : MAAF, contrat n° 12345, France entière"),
    "long foot": replace(VENDEUR, footer_text="Conditions générales. " * 60),
}
MEANS: Final = (
    Paiement(mode="PRELEVEMENT_SEPA", rum="RUM-2026-0001", ics="FR72ZZZ123456"),
    Paiement(mode="PRELEVEMENT_SEPA"),
    Paiement(mode="CARTE"),
    Paiement(mode="CHEQUE"),
    Paiement(mode="ESPECES"),
)
UNITS: Final = ("pièces", "heures", "jour", "mois", "m²", "m³", "tonne", "palette", "")
RATES: Final = ("20", "10", "5.5", "2.1", "8.5", "0.9", "13", "1.05", "1.75", "19.6")


def varied() -> dict[str, Document]:
    """All of them."""
    return dict((*_worked(), *_of_parties(), *_of_payment(), *_of_lines(), *_exempt(), *_of_logos()))


def _worked() -> Iterator[tuple[str, Document]]:
    for name in ("person", "business", "Germany"):
        client = CLIENTS[name]
        yield f"R3 {name}", worked_example(client=client)
        yield f"first avoir {name}", first_avoir(client=client)
        yield f"second avoir {name}", second_avoir(client=client)
        for ht, tva in (("833.33", "166.67"), ("41.58", "8.32"), ("24.98", "4.99")):
            yield f"R4 {ht} {name}", single(ht, tva, client=client)


def _of_parties() -> Iterator[tuple[str, Document]]:
    for name, client in CLIENTS.items():
        yield f"client {name}", document(client=client)
    for name, vendeur in SELLERS.items():
        yield f"seller {name}", document(vendeur=vendeur)
    yield (
        "delivered",
        document(
            livraison=Adresse(ligne1="Entrepôt 4", code_postal="59000", ville="Lille"),
            nature_operation="BIENS",
        ),
    )


def _of_payment() -> Iterator[tuple[str, Document]]:
    for number, paiement in enumerate(MEANS):
        yield f"{paiement.mode} {number}", document(paiement=paiement)
        yield f"{paiement.mode} {number} person", document(paiement=paiement, client=PERSONNE)
    yield "debits", document(option_debits=True, nature_operation="MIXTE")
    yield "due at once", document(date_echeance=date(2026, 10, 22), escompte="Escompte de 1 % à 8 jours")
    yield "avoir without a due date", first_avoir(date_echeance=None, paiement=None)
    yield "out of scope", document(client=ALLEMANDE, traitement="OUTOFSCOPE")


def _of_lines() -> Iterator[tuple[str, Document]]:
    for taux in RATES:
        yield f"rate {taux}", document(ligne("3", "33.3333", taux))
    for unite in UNITS:
        yield f"unit {unite}", document(ligne("0.125", "80", "20", unite=unite))
    yield (
        "hundred lines",
        document(
            *(ligne(f"{n + 1}", "12.3456", RATES[n % 3], description=f"Ligne {n + 1}") for n in range(100))
        ),
    )
    yield (
        "long texts",
        document(
            ligne("1", "0.0075", "20", description=_LONG[:500]),
            ligne("1000000", "999999.9999", "20", description="Deux\nlignes\u00a0: œ, « € »"),
            reference_commande="BC-2026/117",
            notes=_LONG * 2,
            mentions_libres="Membre d’une association agréée.\n" * 9,
        ),
    )
    yield (
        "discounts",
        document(ligne("10", "12.50", "20", remise_pct=D(10)), ligne("1", "5", "10", remise_pct=D("33.33"))),
    )
    yield "gift", document(ligne("1", "5", "20", remise_pct=D(100)), ligne("1", "1", "20"))
    yield "signs", document(ligne("1", "10", "20", description="北京 <b> & ± ½ ﬁ λ Ж"))


def _exempt() -> Iterator[tuple[str, Document]]:
    for mention in MENTIONS:
        yield mention.motif, exempt(mention.motif)
    yield "AUTOLIQUIDATION in France", exempt("AUTOLIQUIDATION", client=ENTREPRISE)
    yield "FRANCHISE_293B person", exempt("FRANCHISE_293B", client=PERSONNE)
    yield "FRANCHISE_293B no number", with_seller(exempt("FRANCHISE_293B"), tva_intracom="")
    yield "HORS_CHAMP no number", with_seller(exempt("HORS_CHAMP"), tva_intracom="")
    yield "EXPORT Switzerland", exempt("EXPORT", client=_SWISS)


def _of_logos() -> Iterator[tuple[str, Document]]:
    for name, (content, mime_type) in LOGOS.items():
        yield f"logo {name}", with_seller(document(), logo=converted_logo(content, mime_type))
