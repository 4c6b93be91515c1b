"""Rules of the lines of contracts as pure functions (R4, R13, R22): what is wanted, and the row of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.contrats import contrats_pb2 as pb
from grpc_utils import changes, entry, money, opaque_id, required
from grpc_utils.errors import InvalidArgument

from service_contrats.models import LigneContrat

MOST_LIGNES: Final = 50  # as the contract of Create says
_LARGEST_QUANTITE = 100_000


class QuantiteInvalide(InvalidArgument):
    """Une quantité est comprise entre 1 et 100 000."""


@dataclass(frozen=True, slots=True)
class LigneVoulue:
    """A checked request for a line; without *prix_unitaire* the catalogue's price is wanted."""

    produit_id: str
    quantite: int = 1
    prix_unitaire: Decimal | None = None
    libelle: str | None = None
    periode_facturation: str | None = None


@dataclass(frozen=True, slots=True)
class Offre:
    """What products tells of a line: a price with taxes, a rate; None for what it did not tell."""

    prix: Decimal | None = None
    taux_tva: Decimal | None = None
    motif_exoneration: str | None = None


def wanted(request: pb.CreateContratRequest, montant: Decimal | None) -> tuple[LigneVoulue, ...]:
    """The lines of *request*; without any, one of its product, at *montant* if it gives one (R2).

    Raises InvalidArgument.
    """
    if request.lignes:
        return tuple(_wanted_with_contrat(at, ligne) for at, ligne in enumerate(request.lignes))
    if not request.produit_id:
        return ()
    return (LigneVoulue(_produit_id(request.produit_id), prix_unitaire=montant),)


def _wanted_with_contrat(at: int, ligne: pb.LigneContratInput) -> LigneVoulue:
    with entry("lignes", at):
        return LigneVoulue(
            produit_id=_produit_id(ligne.produit_id),
            quantite=quantite(ligne.quantite if ligne.HasField("quantite") else 1),
            prix_unitaire=_price(ligne),
            libelle=ligne.libelle or None,
        )


def wanted_alone(request: pb.CreateLigneContratRequest) -> LigneVoulue:
    """The line of *request* (R13). Raises InvalidArgument."""
    return LigneVoulue(
        produit_id=_produit_id(request.produit_id),
        quantite=quantite(request.quantite or 1),
        prix_unitaire=_price(request),
        libelle=request.libelle or None,
        periode_facturation=request.periode_facturation or None,
    )


def new_ligne(organisation_id: str, contrat_id: UUID, voulue: LigneVoulue, offre: Offre) -> LigneContrat:
    """The row of *voulue* with what products has told of it (R4, R22)."""
    prix = voulue.prix_unitaire if voulue.prix_unitaire is not None else offre.prix
    return LigneContrat(
        organisation_id=organisation_id,
        contrat_id=contrat_id,
        produit_id=voulue.produit_id,
        libelle=voulue.libelle,
        periode_facturation=voulue.periode_facturation,
        quantite=voulue.quantite,
        prix_unitaire=prix if prix is not None else Decimal(0),
        prix_a_confirmer=prix is None,
        taux_tva=offre.taux_tva,
        motif_exoneration=offre.motif_exoneration,
    )


def ligne_changes(request: pb.UpdateLigneContratRequest) -> dict[str, Any]:
    """Columns that *request* names; a price that is told needs no confirmation. Raises InvalidArgument."""
    named = ("produit_id", "libelle", "quantite", "prix_unitaire")
    changed = changes(request, named, mandatory=("produit_id",))
    if "produit_id" in changed:
        changed["produit_id"] = _produit_id(request.produit_id)
    if "quantite" in changed:
        quantite(request.quantite)
    if "prix_unitaire" in changed:
        changed |= {"prix_unitaire": _price(request), "prix_a_confirmer": False}
    return changed


def rate_changes(offre: Offre) -> Mapping[str, Any]:
    """Columns that another product changes: the rate, and why there is none (R22)."""
    return {"taux_tva": offre.taux_tva, "motif_exoneration": offre.motif_exoneration}


def quantite(asked: int) -> int:
    """A quantity from 1 to 100 000. Raises QuantiteInvalide."""
    if not 1 <= asked <= _LARGEST_QUANTITE:
        raise QuantiteInvalide(champ="quantite")
    return asked


def _produit_id(text: str) -> str:
    return opaque_id(required(text, "produit_id"), "produit_id") or ""


def _price(request: Any) -> Decimal | None:
    return money(request.prix_unitaire, "prix_unitaire") if request.HasField("prix_unitaire") else None
