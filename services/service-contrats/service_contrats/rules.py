"""Rules of contracts as pure functions: they turn requests into rows or changes, or refuse them.

The life of a contract is in `statuts.py`, its amounts and dates are in `termes.py`, the rules of its
lines in `lignes_rules.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.contrats import contrats_pb2 as pb
from db_utils import clock
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import (
    changes,
    civil_date,
    currency,
    instant,
    is_opaque_id,
    money,
    one_of,
    opaque_id,
    required,
    web_address,
    within,
)
from grpc_utils.errors import DateInvalide, InvalidArgument, OrganisationRequise

from service_contrats import lignes_rules, termes
from service_contrats.lignes_rules import LigneVoulue
from service_contrats.models import BROUILLON, SIGNE, UNIQUE, Contrat, LigneContrat
from service_contrats.statuts import FINALS, ContratEngage

MOYENS: Final[Mapping[str, str]] = {
    "SEPA": "SEPA_DEBIT",
    "CARTE": "CARTE",
    "VIREMENT": "VIREMENT",
    "PRELEVEMENT_MANUEL": "VIREMENT",
}
"""The means of payment of an activation, each with its name in payments (R17)."""

_OURS = "documents:"  # begins the document_url of a file of the documents service
_AHEAD, _YEARS_BACK = timedelta(minutes=5), 10
_OPAQUE = ("produit_id", "commercial_id", "societe_id")
_ENDED = frozenset({"notes"})
_SIGNED = _ENDED | {"titre", "description", "commercial_id", "document_url", "fournisseur"}
_MANDATORY = ("reference", "client_id", "date_debut", "devise", "frequence_facturation")
_TERMS = ("date_debut", "frequence_facturation", "duree_mois")  # what `termes.terms` takes
_UPDATABLE = (
    *_MANDATORY,
    "titre",
    "description",
    "type",
    "produit_id",
    "commercial_id",
    "societe_id",
    "duree_mois",
    "montant",
    "document_url",
    "fournisseur",
    "notes",
)


class BrouillonSansSignature(InvalidArgument):
    """Un brouillon n'a pas de date de signature : signez-le avec Signer."""


@dataclass(frozen=True, slots=True)
class Demande:
    """A checked request for a contract.

    *columns* are those that it settles by itself; *montant* is the amount that it gives, if any.
    """

    columns: Mapping[str, Any]
    lignes: tuple[LigneVoulue, ...]
    montant: Decimal | None

    @property
    def produits(self) -> set[str]:
        """The products that it names beside those of its lines."""
        named = {self.columns["produit_id"]} - {None}
        return named - {ligne.produit_id for ligne in self.lignes}


def demande(request: pb.CreateContratRequest) -> Demande:
    """Check *request* (R2, R7, R8). Raises InvalidArgument."""
    if not request.organisation_id:
        raise OrganisationRequise
    columns = {
        "organisation_id": request.organisation_id,
        "client_id": opaque_id(required(request.client_id, "client_id"), "client_id"),
        "devise": currency(request.devise, "devise"),
        "titre": request.titre or None,
        "description": request.description or None,
        "type": request.type or None,
        "signataire_nom": request.signataire_nom or None,
        "document_url": document_url(request.document_url),
        "fournisseur": request.fournisseur or None,
        "notes": request.notes or None,
        **{name: opaque_id(getattr(request, name), name) for name in _OPAQUE},
        **_signed(request),
        **termes.terms(
            civil_date(request.date_debut, "date_debut") if request.date_debut else clock.today(),
            request.frequence_facturation or UNIQUE,
            request.duree_mois if request.HasField("duree_mois") else None,
        ),
    }
    montant = money(request.montant, "montant") if request.HasField("montant") else None
    return Demande(columns, lignes_rules.wanted(request, montant), montant)


def document_url(text: str | None) -> str | None:
    """Where the signed contract lies: a file of documents, or a web address (R9).

    Raises FormatInvalide, TropLong.
    """
    if text and text.startswith(_OURS) and is_opaque_id(text.removeprefix(_OURS)):
        return text
    return web_address(text, "document_url", plain_at=lambda host: True)


def _signed(request: pb.CreateContratRequest) -> dict[str, Any]:
    """The statut of a new contract, and when it was signed (R2)."""
    statut = one_of(request.statut_initial or SIGNE, (SIGNE, BROUILLON), "statut_initial")
    if statut == BROUILLON:
        if request.HasField("date_signature"):
            raise BrouillonSansSignature(champ="date_signature")
        return {"statut": BROUILLON}
    told = request.date_signature if request.HasField("date_signature") else None
    return {"statut": SIGNE, "date_signature": signature_instant(told)}


def signature_instant(told: Timestamp | None) -> datetime:
    """When a contract was signed, now unless *told* (R8). Raises DateInvalide."""
    now = clock.now()
    if told is None:
        return now
    signed_at = instant(told)
    earliest = termes.add_months(now.date(), -12 * _YEARS_BACK)
    if signed_at > now + _AHEAD or signed_at < datetime.combine(earliest, now.timetz()):
        raise DateInvalide(within(earliest, "maintenant"), champ="date_signature")
    return signed_at


def new_contrat(
    demande: Demande,
    identity: UUID,
    reference: str,
    lignes: Sequence[LigneContrat],
    *,
    societe_id: str | None,
    event_id: UUID,
) -> Contrat:
    """The row of *demande* with its *lignes*; *event_id* is the event of a signed one (R10).

    Raises MontantInvalide.
    """
    columns = dict(demande.columns)
    columns["societe_id"] = columns["societe_id"] or societe_id
    amounts = termes.amounts(lignes, columns["nombre_echeances"], demande.montant)
    event = event_id if columns["statut"] == SIGNE else None
    return Contrat(id=identity, reference=reference, signature_event_id=event, **columns, **amounts)


def requested_changes(request: pb.UpdateContratRequest) -> dict[str, Any]:
    """Columns that *request* names, checked as on a new contract. Raises InvalidArgument."""
    changed = changes(request, _UPDATABLE, mandatory=_MANDATORY)
    if "date_debut" in changed:
        changed["date_debut"] = civil_date(request.date_debut, "date_debut")
    if "devise" in changed:
        changed["devise"] = currency(request.devise, "devise")
    if "montant" in changed:
        changed["montant"] = money(request.montant, "montant")
    if "document_url" in changed:
        changed["document_url"] = document_url(request.document_url)
    ids = ("client_id", *_OPAQUE)
    return changed | {name: opaque_id(changed[name] or "", name) for name in ids if name in changed}


def contrat_changes(contrat: Contrat, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of *contrat* that change with those *asked* for, if its statut allows it (R11).

    Raises ContratEngage, InvalidArgument.
    """
    if contrat.statut != BROUILLON:
        allowed = _ENDED if contrat.statut in FINALS else _SIGNED
        refused = sorted(name for name in _different(contrat, asked) if name not in allowed)
        if refused:
            raise ContratEngage(champs=",".join(refused), statut=contrat.statut)
        return {name: value for name, value in asked.items() if name in allowed}
    columns = {name: asked.get(name, getattr(contrat, name)) for name in _TERMS}
    changed = {**asked, **termes.terms(**columns)}
    return changed | _amount_changes(contrat, changed)


def _different(contrat: Contrat, asked: Mapping[str, Any]) -> Iterable[str]:
    return (name for name, value in asked.items() if getattr(contrat, name) != value)


def _amount_changes(contrat: Contrat, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The total, and that somebody gave the amount if it is another one or was unknown (R4)."""
    montant = changed.get("montant", contrat.montant)
    total = {"montant_total": termes.total(montant, changed["nombre_echeances"])}
    if "montant" in changed and (montant != contrat.montant or contrat.prix_a_confirmer):
        return total | {"montant_impose": True, "prix_a_confirmer": False}
    return total


def signature_columns(request: pb.SignerContratRequest) -> dict[str, Any]:
    """Columns that a signature writes (R8); whether documents has the file is not checked.

    Raises DateInvalide, FormatInvalide.
    """
    told = request.date_signature if request.HasField("date_signature") else None
    columns: dict[str, Any] = {"date_signature": signature_instant(told)}
    if request.signataire_nom:
        columns["signataire_nom"] = request.signataire_nom
    if document_id := opaque_id(request.document_id, "document_id"):
        columns |= {"document_id": document_id, "document_url": _OURS + document_id}
    return columns


def moyen_paiement(text: str) -> str:
    """A means of payment, "" for none (R17). Raises ValeurInconnue."""
    return one_of(text, MOYENS, "moyen_paiement") if text else ""


def date_effet(contrat: Contrat, text: str) -> date:
    """The day of an activation, from that of the signature to today (R14). Raises DateInvalide."""
    day = civil_date(text, "date_effet") if text else clock.today()
    assert contrat.date_signature is not None  # the table says so
    return _until_today(day, contrat.date_signature.astimezone(clock.PARIS).date(), "date_effet")


def date_resiliation(contrat: Contrat, text: str) -> date:
    """The day of a termination, from the beginning of *contrat* to today (R15). Raises DateInvalide."""
    day = civil_date(text, "date_resiliation") if text else clock.today()
    return _until_today(day, contrat.date_debut, "date_resiliation")


def _until_today(day: date, first: date, champ: str) -> date:
    if not first <= day <= clock.today():
        raise DateInvalide(within(first, "aujourd'hui"), champ=champ)
    return day
