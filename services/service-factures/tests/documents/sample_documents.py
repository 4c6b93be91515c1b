"""Documents for tests: the brief's worked examples, and one of each kind, complete enough for all rules."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from service_factures.documents import (
    MENTIONS,
    Adresse,
    Client,
    Document,
    Exoneration,
    Ligne,
    Origine,
    Paiement,
    Tva,
    Vendeur,
)

D = Decimal
VENDEUR: Final = Vendeur(
    nom="Société Œuvre & Fils",
    adresse=Adresse(ligne1="12 rue de l'Église", ligne2="Bâtiment B", code_postal="75011", ville="Paris"),
    siren="552100554",
    siret="55210055400013",
    tva_intracom="FR96552100554",
    forme_juridique="SARL",
    capital="10000",
    rcs="Paris 552 100 554",
    email="facturation@exemple.fr",
    telephone="+33142686000",
)
PERSONNE: Final = Client(
    nom="Élodie Lefèvre", adresse=Adresse(ligne1="3 place du Marché", code_postal="69002", ville="Lyon")
)
ENTREPRISE: Final = Client(
    nom="Bâtisseurs d'Île-de-France SAS",
    adresse=Adresse(ligne1="8 avenue Foch", code_postal="78000", ville="Versailles"),
    type_client="ENTREPRISE",
    siren="732829320",
    siret="73282932000074",
    tva_intracom="FR44732829320",
)
ALLEMANDE: Final = Client(
    nom="Müller GmbH",
    adresse=Adresse(ligne1="Hauptstraße 5", code_postal="10115", ville="Berlin", pays="DE"),
    type_client="ENTREPRISE",
    tva_intracom="DE136695976",
    email="rechnung@exemple.de",
)
VIREMENT: Final = Paiement(mode="VIREMENT", iban="FR7630006000011234567890189", bic="AGRIFRPP")


def ligne(quantite: str, prix: str, taux: str, **fields: Any) -> Ligne:
    """A line whose amount is R1's."""
    remise = D(fields.get("remise_pct", 0))
    montant = (D(quantite) * D(prix) * (1 - remise / 100)).quantize(D("0.01"), "ROUND_HALF_UP")
    values: dict[str, Any] = {"description": "Prestation de conseil", "montant_ht": montant} | fields
    return Ligne(quantite=D(quantite), prix_unitaire=D(prix), taux_tva=D(taux), **values)


def document(*lignes: Ligne, tva: dict[str, str] | None = None, **fields: Any) -> Document:
    """A document with these lines; VAT by R2 but for the rates of *tva*."""
    lignes = lignes or (ligne("10", "12.50", "20", remise_pct=D(10)),)
    rows: dict[tuple[Decimal, Any], Decimal] = {}
    for one in lignes:
        key = (one.taux_tva, one.categorie_tva)
        rows[key] = rows.get(key, D(0)) + one.montant_ht
    ventilation = tuple(
        Tva(taux=taux, categorie=categorie, base_ht=base, montant_tva=_tva(base, taux, tva or {}))
        for (taux, categorie), base in rows.items()
    )
    ht, total = sum(rows.values(), D(0)), sum((row.montant_tva for row in ventilation), D(0))
    values: dict[str, Any] = {
        "numero": "FAC2026000001",
        "date_emission": date(2026, 10, 22),
        "date_prestation": date(2026, 10, 20),
        "date_echeance": date(2026, 11, 21),
        "vendeur": VENDEUR,
        "client": ENTREPRISE,
        "paiement": VIREMENT,
        "taux_penalites": D("12.40"),
    } | fields
    values.setdefault("traitement", _traitement(values["client"]))
    amounts = {"montant_ht": ht, "montant_tva": total, "montant_ttc": ht + total}
    return Document(lignes=lignes, ventilation_tva=ventilation, **(amounts | values))


def _traitement(client: Client) -> str:
    if not client.professionnel:
        return "B2C"
    return "B2B" if client.siren else "B2BINT"


def _tva(base: Decimal, taux: Decimal, given: dict[str, str]) -> Decimal:
    stored = given.get(f"{taux:f}")
    return D(stored) if stored else (base * taux / 100).quantize(D("0.01"), "ROUND_HALF_UP")


def worked_example(**fields: Any) -> Document:
    """R3: HT 100.11, TVA 11.89, TTC 112.00."""
    return document(
        *(ligne("1", "9.97", "20") for _ in range(3)),
        ligne("2", "12.35", "5.5"),
        ligne("1", "45.50", "10"),
        **fields,
    )


def single(ht: str, tva: str, **fields: Any) -> Document:
    """R4: one line at 20 %, whose VAT is what remains of the amount with taxes."""
    return document(ligne("1", ht, "20"), tva={"20": tva}, **fields)


def avoir(*lignes: Ligne, tva: dict[str, str] | None = None, **fields: Any) -> Document:
    """An avoir on FAC2026000001."""
    values: dict[str, Any] = {
        "numero": "AV2026000001",
        "type": "AVOIR",
        "date_emission": date(2026, 10, 25),
        "origine": Origine(numero="FAC2026000001", date_emission=date(2026, 10, 22)),
        "motif_avoir": "Geste commercial",
    } | fields
    return document(*lignes, tva=tva, **values)


def first_avoir(**fields: Any) -> Document:
    """R21: 56.00 of R3's invoice."""
    lignes = (ligne("1", "14.96", "20"), ligne("1", "22.75", "10"), ligne("1", "12.34", "5.5"))
    return avoir(*lignes, tva={"20": "2.99", "10": "2.28", "5.5": "0.68"}, **fields)


def second_avoir(**fields: Any) -> Document:
    """R21: the other 56.00, which with the first are exactly R3's invoice."""
    lignes = (ligne("1", "14.95", "20"), ligne("1", "22.75", "10"), ligne("1", "12.36", "5.5"))
    values = {"numero": "AV2026000002"} | fields
    return avoir(*lignes, tva={"20": "2.99", "10": "2.27", "5.5": "0.68"}, **values)


def exempt(motif: str, **fields: Any) -> Document:
    """An invoice with one line at 0 %, and the parties that *motif* asks for."""
    mention = next(one for one in MENTIONS if one.motif == motif)
    if mention.categorie in ("AE", "K"):
        fields = {"client": ALLEMANDE} | fields
    if mention.categorie == "K":
        fields = {"nature_operation": "BIENS"} | fields
    exoneration = Exoneration(vatex=mention.vatex, texte=mention.texte)
    line = ligne("2", "150", "0", categorie_tva=mention.categorie)
    return document(line, exoneration=exoneration, **fields)


def with_seller(of: Document, **fields: Any) -> Document:
    """*of* with these fields of its seller."""
    return replace(of, vendeur=replace(of.vendeur, **fields))
