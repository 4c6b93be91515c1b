"""The invoice as data: the dictionary of EN 16931 tags that factur-x writes as CII.

BT and BG are the terms of the standard; each code stands in RULES.md with its source.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from service_factures.documents import adresses_electroniques, exonerations, mentions
from service_factures.documents.unites import described, unit_code
from service_factures.documents.values import AVOIR, Adresse, Client, Document, Ligne, Tva, Vendeur

LEVEL: Final = "en16931"
_TYPES: Final = {"FACTURE": "380", "AVOIR": "381"}  # UNTDID 1001
_PROCESSES: Final = {"BIENS": "B1", "SERVICES": "S1", "MIXTE": "M1"}  # XP Z12-012, BT-23
_MEANS: Final = {"VIREMENT": "58", "PRELEVEMENT_SEPA": "59", "CARTE": "48", "CHEQUE": "20", "ESPECES": "10"}
_SIREN, _SIRET = "0002", "0009"  # ISO 6523
_DISCOUNT: Final = "95"  # UNTDID 5189

Fields = dict[str, Any]  # factur-x takes texts, dates, lists and dictionaries under these tags


def cii_xml(document: Document) -> bytes:
    """The XML of *document*, which keeps to the schema.

    Raises what factur-x does: ValueError for a value that is missing, a bare Exception with the words of
    the schema for one that it refuses.
    """
    from facturx import generate_cii_xml

    # Its schematron check needs a server and is satisfied when there is none: tests run the rules.
    xml = generate_cii_xml(fields(document), level=LEVEL, check_xsd=True, check_schematron=None)
    assert isinstance(xml, bytes)
    return xml


def fields(document: Document) -> Fields:
    """*document* under the tags of the standard."""
    return _without_blanks(
        {
            "BT-1": document.numero,
            "BT-2": document.date_emission,
            "BT-3": _TYPES[document.type],
            "BT-5": "EUR",
            "BT-8": _vat_point(document),
            "BT-9": document.date_echeance or document.date_emission,  # BR-CO-25 wants one
            "BT-13": document.reference_commande,
            "BT-23": _PROCESSES[document.nature_operation],
            "BT-72": document.date_prestation,
            "BT-106": _money(document.montant_ht),
            "BT-109": _money(document.montant_ht),
            "BT-110": _money(document.montant_tva),
            "BT-112": _money(document.montant_ttc),
            "BT-115": _money(document.montant_ttc),
            "BG-1": _notes(document),
            "BG-3": _corrected(document),
            "BG-4": _seller(document.vendeur, document.hors_champ),
            "BG-7": _buyer(document.client, document.hors_champ),
            "BG-13": _delivery(document),
            "BG-23": [_tax(row, document) for row in document.ventilation_tva],
            "BG-25": [_line(rank, ligne) for rank, ligne in enumerate(document.lignes, 1)],
            **_payment(document),
        }
    )


def _vat_point(document: Document) -> str:
    if document.option_debits:
        return "invoice"
    return "delivery" if document.nature_operation == "BIENS" else "payment"


def _notes(document: Document) -> list[Fields]:
    free = [document.motif_avoir, document.notes, document.mentions_libres]
    notes = (
        ("AAB", mentions.discount(document)),
        ("PMD", mentions.late_payment(document)),
        ("PMT", mentions.recovery(document)),
        ("BAR", document.traitement),
        *((None, text) for text in free),
    )
    return [_without_blanks({"BT-21": code, "BT-22": text}) for code, text in notes if text]


def _corrected(document: Document) -> list[Fields]:
    if document.type != AVOIR or document.origine is None:
        return []
    return [{"BT-25": document.origine.numero, "BT-26": document.origine.date_emission}]


def _seller(vendeur: Vendeur, hors_champ: bool) -> Fields:
    scheme, _, address = adresses_electroniques.of_seller(vendeur).partition(":")
    contact = _without_blanks({"phone": vendeur.telephone, "email": vendeur.email})
    return _without_blanks(
        {
            "name": vendeur.nom,
            "legal_info": " – ".join(mentions.company(vendeur)),
            "contacts": [{"name": vendeur.nom, **contact}] if contact else [],
            # Without a VAT number the SIREN stands for it (BR-E-02, BR-S-02).
            "tax_identifier": "" if vendeur.tva_intracom or hors_champ else vendeur.siren,
            "einvoicing_addr": address,
            "einvoicing_addr_schemeid": scheme,
            **_company(vendeur, hors_champ),
            **_address(vendeur.adresse),
        }
    )


def _buyer(client: Client, hors_champ: bool) -> Fields:
    scheme, _, address = adresses_electroniques.of_buyer(client).partition(":")
    return _without_blanks(
        {
            "name": client.nom,
            "einvoicing_addr": address,
            "einvoicing_addr_schemeid": scheme,
            **(_company(client, hors_champ) if client.professionnel else {}),
            **_address(client.adresse),
        }
    )


def _company(party: Vendeur | Client, hors_champ: bool) -> Fields:
    siret = party.siret if party.siren and party.siret.startswith(party.siren) else ""
    return {
        "legal_identifier": party.siren,
        "legal_identifier_schemeid": _SIREN if party.siren else "",
        "identifiers": {_SIRET: siret} if siret else {},
        "vat_identifier": "" if hors_champ else party.tva_intracom,  # BR-O-02
    }


def _address(adresse: Adresse) -> Fields:
    return {
        "addr_l1": adresse.ligne1,
        "addr_l2": adresse.ligne2,
        "postcode": adresse.code_postal,
        "city": adresse.ville,
        "country_code": adresse.pays,
    }


def _delivery(document: Document) -> Fields | None:
    """Where the goods went: a sale to another state of the Union always says it (BR-IC-12)."""
    place = document.livraison
    if place is None and any(row.categorie == "K" for row in document.ventilation_tva):
        place = document.client.adresse
    return _without_blanks({"name": document.client.nom, **_address(place)}) if place else None


def _payment(document: Document) -> Fields:
    paiement = document.paiement
    if paiement is None or document.type == AVOIR:
        return {}
    found: Fields = {"BT-81": _MEANS[paiement.mode], "BT-82": mentions.MEANS[paiement.mode]}
    if paiement.mode == "VIREMENT":
        found |= {"BT-83": document.numero, "BT-84": paiement.iban, "BT-86": paiement.bic}
    if paiement.mode == "PRELEVEMENT_SEPA":
        found |= {"BT-89": paiement.rum, "BT-90": paiement.ics}
    return found


def _tax(row: Tva, document: Document) -> Fields:
    reason: Fields = {}
    if row.categorie != "S" and document.exoneration is not None:
        pays = document.client.adresse.pays
        reason = {
            "BT-120": document.exoneration.texte,
            "BT-121": exonerations.vatex(document.exoneration, pays),
        }
    return {
        "BT-116": _money(row.base_ht),
        "BT-117": _money(row.montant_tva),
        "BT-118": row.categorie,
        **({} if row.categorie == "O" else {"BT-119": _plain(row.taux)}),  # BR-O-05
        **reason,
    }


def _line(rank: int, ligne: Ligne) -> Fields:
    return {
        "BT-126": str(rank),
        "BT-129": _plain(ligne.quantite),
        "BT-130": ligne.unite_code or unit_code(ligne.unite),
        "BT-131": _money(ligne.montant_ht),
        "BT-146": _plain(ligne.prix_unitaire),
        "BT-151": ligne.categorie_tva,
        "BT-153": described(ligne.description, ligne.unite),
        **({} if ligne.categorie_tva == "O" else {"BT-152": _plain(ligne.taux_tva)}),
        **({"BG-27": [_remise(ligne)]} if ligne.remise_pct else {}),
    }


def _remise(ligne: Ligne) -> Fields:
    """What was taken off, so that the line explains itself."""
    base = (ligne.quantite * ligne.prix_unitaire).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "amount": _money(base - ligne.montant_ht),
        "base_amount": _money(base),
        "rate": _plain(ligne.remise_pct),
        "reason_code": _DISCOUNT,
    }


def _money(value: Decimal) -> str:
    return f"{value:.2f}"


def _plain(value: Decimal) -> str:
    """*value* without an exponent or zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _without_blanks(fields: Fields) -> Fields:
    return {tag: value for tag, value in fields.items() if value not in (None, "", [], {})}
