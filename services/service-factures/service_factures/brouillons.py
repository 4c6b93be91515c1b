"""Changes of drafts (R24) as pure functions: the columns and the amounts that an Update asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from crm.factures import factures_pb2 as pb
from grpc_utils import changes, civil_date, one_of, opaque_id

from service_factures import exonerations, rules, saisies
from service_factures.lecture import Contenu
from service_factures.models import Facture
from service_factures.saisies import Saisie
from service_factures.societes import FactureSettings
from service_factures.totaux import Ligne, Totaux

_MANDATORY: Final = ("client_id", "conditions_paiement", "mode_paiement", "nature_operation")
_DAYS: Final = ("date_prestation", "date_echeance")
_PLAIN: Final = ("reference_commande", "notes", "recapitulative")
_IDS: Final = ("client_id", "contrat_id")
_UPDATABLE: Final = (*_MANDATORY, *_DAYS, *_PLAIN, "contrat_id", "motif_exoneration", "traitement")


def requested_changes(request: pb.UpdateFactureRequest) -> dict[str, Any]:
    """Columns that *request* names, checked as in a Create. Raises InvalidArgument."""
    saisies.check_alone(request)
    rules.check_notes(request.notes)
    changed = changes(request, _UPDATABLE, mandatory=_MANDATORY)
    for names, convert in ((_DAYS, civil_date), (_IDS, opaque_id)):
        changed |= {name: convert(changed[name], name) for name in names if changed.get(name)}
    for name, values in rules.CHOICES.items():
        if changed.get(name) is not None:
            one_of(changed[name], values, name)
    if "motif_exoneration" in changed:
        changed["motif_exoneration"] = exonerations.motif(request.motif_exoneration)
    if request.HasField("societe_id"):
        changed["societe_id"] = opaque_id(request.societe_id, "societe_id") or ""
    if request.HasField("adresse_livraison"):
        changed["livraison"] = rules.adresse(request.adresse_livraison)
    return changed


@dataclass(frozen=True, slots=True)
class Revision:
    """What becomes of a draft: its *columns*, and its amounts when they are replaced."""

    columns: Mapping[str, Any]
    saisie: Saisie | None


def revision(
    facture: Facture,
    contenu: Contenu,
    request: pb.UpdateFactureRequest,
    asked: Mapping[str, Any],
    settings: FactureSettings,
) -> Revision:
    """What *request*, which names the columns *asked*, makes of *facture* (R24). Raises InvalidArgument.

    Lines that stay are checked again, because their reason, the nature or the société may be another.
    """
    motif = asked.get("motif_exoneration", facture.motif_exoneration)
    nature = asked.get("nature_operation", facture.nature_operation)
    if saisies.is_given(request):
        saisie = saisies.saisie(request, motif, nature, settings)
        amounts = rules.amounts(saisie.totaux)
        return Revision({**asked, **amounts, "motif_exoneration": saisie.motif}, saisie)
    kept = _kept(contenu)
    saisies.check_rates(kept.rates, motif, nature, settings)
    moved = motif != facture.motif_exoneration and Decimal(0) in kept.rates
    return Revision(asked, Saisie(kept, motif) if moved else None)


def _kept(contenu: Contenu) -> Totaux:
    """The amounts that a draft has, such as the VAT of a single amount, which R2 would not give (R4)."""
    return Totaux(tuple(map(ligne_of, contenu.lignes)), tuple(contenu.parts))


def ligne_of(row: Any) -> Ligne:
    """The line that *row* holds."""
    return Ligne(**{name: getattr(row, name) for name in rules.LIGNE})
