"""The values of a document from what was frozen with its invoice (R13): a pure function."""

from typing import Any, Final, cast

from service_factures.documents import (
    Document,
    Exoneration,
    Ligne,
    Origine,
    Tva,
    address_of,
    buyer_of,
    payment_of,
    seller_of,
)
from service_factures.documents.values import Traitement
from service_factures.lecture import Contenu
from service_factures.models import ZERO, Facture, FactureTva, LigneFacture

_TAKEN: Final = (
    "type",
    "numero",
    "date_emission",
    "date_prestation",
    "date_echeance",
    "montant_ht",
    "montant_tva",
    "montant_ttc",
    "nature_operation",
)
_TEXTS: Final = ("reference_commande", "notes", "motif_avoir")
_LIGNE: Final = (
    "description",
    "quantite",
    "prix_unitaire",
    "montant_ht",
    "taux_tva",
    "categorie_tva",
    "remise_pct",
    "unite",
)


def document_of(facture: Facture, contenu: Contenu, origine: Facture | None, logo: bytes | None) -> Document:
    """The document of *facture*, whose parties are frozen; *origine* is what an avoir corrects."""
    seller, buyer = facture.vendeur_snapshot or {}, buyer_of(facture.client_snapshot or {})
    taken: dict[str, Any] = {name: getattr(facture, name) for name in _TAKEN}
    taken |= {name: getattr(facture, name) or "" for name in _TEXTS}
    return Document(
        **taken,
        vendeur=seller_of(seller, logo),
        client=buyer,
        lignes=tuple(map(_ligne, contenu.lignes)),
        ventilation_tva=tuple(map(_tva, contenu.tva)),
        paiement=payment_of(facture.mode_paiement, seller),
        traitement=cast("Traitement", facture.traitement),  # it was settled when they were
        exoneration=_exoneration(facture),
        livraison=address_of(facture.livraison) if facture.livraison else None,
        taux_penalites=facture.taux_penalites or ZERO,
        indemnite_recouvrement=facture.indemnite_recouvrement or ZERO,
        escompte=seller.get("escompte_texte", ""),
        option_debits=seller.get("option_debits", False),
        mentions_libres=seller.get("mentions_libres", ""),
        origine=_origine(origine),
    )


def _ligne(row: LigneFacture) -> Ligne:
    taken: dict[str, Any] = {name: getattr(row, name) for name in _LIGNE}
    return Ligne(**taken, unite_code=row.unite_code or "")


def _tva(row: FactureTva) -> Tva:
    categorie = cast("Any", row.categorie)  # the database admits no other
    return Tva(taux=row.taux, categorie=categorie, base_ht=row.base_ht, montant_tva=row.montant_tva)


def _exoneration(facture: Facture) -> Exoneration | None:
    if facture.mention_exoneration is None:
        return None
    return Exoneration(vatex=facture.vatex or "", texte=facture.mention_exoneration)


def _origine(facture: Facture | None) -> Origine | None:
    if facture is None or facture.numero is None or facture.date_emission is None:
        return None
    return Origine(numero=facture.numero, date_emission=facture.date_emission)
