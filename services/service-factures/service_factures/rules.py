"""Rules of invoices as pure functions: they turn requests into columns, or refuse them.

What an invoice comes to is in `saisies.py` and `totaux.py`, when it is due in `echeances.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID

from crm.factures import factures_pb2 as pb
from grpc_utils import at_most, one_of, opaque_id, optional_date, required
from grpc_utils.errors import (
    FailedPrecondition,
    FormatInvalide,
    OrganisationRequise,
    TransitionInterdite,
)

from service_factures import exonerations
from service_factures.documents import unit_code
from service_factures.documents.values import TRAITEMENTS
from service_factures.models import (
    BROUILLON,
    CONDITIONS,
    MODES,
    NATURES,
    SERVICES,
    VIREMENT,
    Facture,
    FactureTva,
    LigneFacture,
)
from service_factures.societes import FactureSettings
from service_factures.totaux import Ligne, Part, Totaux

_COUNTRY = re.compile("[A-Z]{2}")
_PLACE: Final[Mapping[str, int]] = {"ligne1": 255, "ligne2": 255, "code_postal": 20, "ville": 100}
_DAYS = ("date_prestation", "date_echeance")
_TEXTS = ("reference_commande", "notes")
_LONGEST_NOTES = 5_000
LIGNE: Final = tuple(field.name for field in fields(Ligne))
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "conditions_paiement": CONDITIONS,
    "mode_paiement": MODES,
    "nature_operation": NATURES,
    "traitement": TRAITEMENTS,
}


class FactureVerrouillee(FailedPrecondition):
    """Cette facture est émise : elle ne se modifie ni ne se supprime ; faites un avoir."""


class FactureNulle(FailedPrecondition):
    """Une facture de 0,00 € ne peut pas être émise."""


@dataclass(frozen=True, slots=True)
class Demande:
    """A checked request for an invoice: *columns* are those that it settles by itself.

    *societe_id* is None when the request leaves it to the contract or the client (R11).
    """

    columns: Mapping[str, Any]
    societe_id: str | None

    @property
    def client_id(self) -> str:
        """The client of the invoice."""
        return str(self.columns["client_id"])


def demande(request: pb.CreateFactureRequest) -> Demande:
    """Check *request* but for its amounts. Raises InvalidArgument."""
    if not request.organisation_id:
        raise OrganisationRequise
    check_notes(request.notes)
    columns = {
        "organisation_id": request.organisation_id,
        "client_id": opaque_id(required(request.client_id, "client_id"), "client_id"),
        "contrat_id": opaque_id(request.contrat_id, "contrat_id"),
        "motif_exoneration": exonerations.motif(request.motif_exoneration),
        "livraison": adresse(request.adresse_livraison) if request.HasField("adresse_livraison") else None,
        "recapitulative": request.recapitulative,
        "idempotency_key": request.idempotency_key or None,
        **{name: getattr(request, name) or None for name in _TEXTS},
        **{name: optional_date(getattr(request, name), name) for name in _DAYS},
        **{name: _choice(getattr(request, name), name) for name in CHOICES},
    }
    columns["mode_paiement"] = columns["mode_paiement"] or VIREMENT
    columns["nature_operation"] = columns["nature_operation"] or SERVICES
    return Demande(columns, _societe(request))


def _societe(request: Any) -> str | None:
    return (opaque_id(request.societe_id, "societe_id") or "") if request.HasField("societe_id") else None


def _choice(text: str, champ: str) -> str | None:
    return one_of(text, CHOICES[champ], champ) if text else None


def check_notes(text: str) -> None:
    """Refuse notes that would make documents and lists too large to be answered. Raises TropLong."""
    at_most(text, _LONGEST_NOTES, "notes")


def adresse(asked: pb.Adresse) -> dict[str, str]:
    """An address in its stored form; the country is France when none is given. Raises InvalidArgument."""
    for name, longest in _PLACE.items():
        at_most(getattr(asked, name), longest, f"adresse_livraison.{name}")
    if asked.pays and not _COUNTRY.fullmatch(asked.pays):
        raise FormatInvalide(champ="adresse_livraison.pays")
    return {name: getattr(asked, name) for name in _PLACE} | {"pays": asked.pays or "FR"}


def new_facture(demande: Demande, identity: UUID, settings: FactureSettings, **columns: Any) -> Facture:
    """The row of *demande*; *columns* are those that others have settled."""
    asked = dict(demande.columns)
    asked["conditions_paiement"] = asked["conditions_paiement"] or settings.conditions_paiement
    return Facture(id=identity, **(asked | columns))


def amounts(totaux: Totaux) -> dict[str, Any]:
    """The columns that hold the totals of an invoice on which nothing is paid."""
    return {
        "montant_ht": totaux.ht,
        "montant_tva": totaux.tva,
        "montant_ttc": totaux.ttc,
        "solde": totaux.ttc,
    }


def ligne_rows(
    facture_id: UUID,
    organisation_id: str,
    lignes: Sequence[Ligne],
    motif: str | None,
    origines: Sequence[UUID | None] = (),
) -> list[LigneFacture]:
    """The rows of *lignes*, in their order; *origines* are the lines that those of an avoir credit."""
    credited = origines or (None,) * len(lignes)
    return [
        LigneFacture(
            organisation_id=organisation_id,
            facture_id=facture_id,
            ordre=ordre,
            categorie_tva=exonerations.categorie(ligne.taux_tva, motif),
            ligne_origine_id=origine,
            unite_code=unit_code(ligne.unite),
            **{name: getattr(ligne, name) for name in LIGNE},
        )
        for ordre, (ligne, origine) in enumerate(zip(lignes, credited, strict=True), 1)
    ]


def tva_rows(
    facture_id: UUID, organisation_id: str, parts: Iterable[Part], motif: str | None
) -> list[FactureTva]:
    """The rows of *parts*."""
    return [
        FactureTva(
            organisation_id=organisation_id,
            facture_id=facture_id,
            taux=part.taux,
            categorie=exonerations.categorie(part.taux, motif),
            base_ht=part.base_ht,
            montant_tva=part.montant_tva,
        )
        for part in parts
    ]


def check_draft(facture: Facture) -> None:
    """Refuse to change what was issued (R9). Raises FactureVerrouillee."""
    if facture.statut != BROUILLON:
        raise FactureVerrouillee(statut=facture.statut)


def check_issuable(facture: Facture) -> None:
    """Refuse to issue what was issued before. Raises TransitionInterdite."""
    if facture.statut != BROUILLON:
        raise TransitionInterdite(statut=facture.statut)
