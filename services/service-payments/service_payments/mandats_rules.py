"""Rules of mandates as pure functions (R11, R12, R30): what a signature brings, and where a mandate may go.

The numbers themselves are checked in `bank_ids.py`; the calls are in `mandats.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from crm.payments import payments_pb2 as pb
from db_utils import clock
from grpc_utils import at_most, civil_date, one_of, opaque_id, required
from grpc_utils.errors import DateInvalide, FormatInvalide, InvalidArgument, TransitionInterdite

from service_payments import bank_ids
from service_payments.sepa_models import (
    ACTIF,
    B2B,
    CONSOMME,
    CORE,
    EN_ATTENTE,
    EXPIRE,
    PONCTUEL,
    RECURRENT,
    REVOQUE,
    SUSPENDU,
    Mandat,
)
from service_payments.sepa_texts import LONGEST_NAME, LONGEST_POSTCODE, LONGEST_TOWN, sepa_text

# Motif of a mandate in whose place another one of the same client and contract was signed (R11).
REMPLACE: Final = "REMPLACE"
MONTHS_UNUSED: Final = 36  # SDD rulebook section 4.8.2: a mandate that long without a debit is dead

_WAYS: Final[Mapping[str, frozenset[str]]] = {
    EN_ATTENTE: frozenset({ACTIF, REVOQUE}),
    ACTIF: frozenset({SUSPENDU, REVOQUE, EXPIRE, CONSOMME}),
    SUSPENDU: frozenset({REVOQUE}),
}
_SCHEMAS: Final = {"": CORE, "sepa_core": CORE}
# What the code of a return says of the mandate (R12); other codes say nothing of it.
_AFTER_RETURN: Final[Mapping[str, str]] = {
    "MD01": REVOQUE,
    "MD07": REVOQUE,
    **dict.fromkeys(("AC01", "AC04", "AC06", "AG01"), SUSPENDU),
}
DECES: Final = "MD07"  # the debtor has died: his schedules rest too


class AdresseRequise(InvalidArgument):
    """Le compte est hors de l'Espace économique européen : la ville et le pays du débiteur sont requis."""


class NomInexploitable(InvalidArgument):
    """Ce nom ne contient aucun caractère que les banques acceptent (lettres latines et chiffres)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the debtor has signed: his account in clear, and the columns that stand beside it."""

    iban: str
    columns: Mapping[str, Any]


def new_mandat(request: pb.CreateMandateRequest, societe_id: str) -> Mandat:
    """Make the mandate of *request* in a société, EN_ATTENTE (R11). Raises InvalidArgument."""
    organisation_id = request.organisation_id
    return Mandat(
        organisation_id=organisation_id,
        societe_id=societe_id,
        client_id=opaque_id(required(request.client_id, "client_id"), "client_id") or "",
        contrat_id=opaque_id(request.contrat_id, "contrat_id"),
        rum=bank_ids.rum_of(request.rum)
        if request.rum
        else bank_ids.new_rum(societe_id, organisation_id, clock.today()),
        type=one_of(request.type or RECURRENT, (RECURRENT, PONCTUEL), "type"),
        schema=one_of(_SCHEMAS.get(request.schema, request.schema), (CORE, B2B), "schema"),
    )


def signature_of(request: pb.CreateMandateRequest | pb.ActivateMandateRequest) -> Signature:
    """Check what makes a mandate ACTIF (R11, R30). Raises InvalidArgument."""
    iban = bank_ids.iban_of(request.iban)
    columns = {
        "iban_masque": bank_ids.masked(iban),
        "bic": bank_ids.bic_of(request.bic),
        "titulaire": holder(request.titulaire, "titulaire"),
        "date_signature": _signed_on(request.date_signature),
        **_address(request.adresse, needed=bank_ids.needs_address(iban)),
    }
    return Signature(iban, columns)


def holder(text: str, champ: str) -> str:
    """Return a name that a bank can write (R29). Raises ChampRequis, TropLong, NomInexploitable."""
    if not sepa_text(at_most(required(text, champ), LONGEST_NAME, champ), LONGEST_NAME):
        raise NomInexploitable(champ=champ)
    return text


def moved(mandat: Mandat, statut: str, motif: str = "") -> dict[str, Any]:
    """Return the columns that bring *mandat* to *statut* (R12). Raises TransitionInterdite."""
    allowed = _WAYS.get(mandat.statut, frozenset())
    if statut not in allowed:
        possible = ", ".join(sorted(allowed)) or "aucun"
        raise TransitionInterdite(f"possibles : {possible}", de=mandat.statut, vers=statut)
    return {"statut": statut} | ({"motif": motif} if motif else {})


def after_return(mandat: Mandat, code: str) -> dict[str, Any]:
    """Return what a return with *code* changes of *mandat*, nothing for most codes (R12)."""
    statut = _AFTER_RETURN.get(code)
    if statut is None or statut not in _WAYS.get(mandat.statut, frozenset()):
        return {}
    return moved(mandat, statut, code)


def after_settlement(mandat: Mandat, day: date) -> dict[str, Any]:
    """Return what the settlement of a debit on *day* changes of *mandat* (R12, R18)."""
    changed: dict[str, Any] = {}
    if mandat.premier_reglement_le is None:
        changed["premier_reglement_le"] = day
    if mandat.type == PONCTUEL and mandat.statut == ACTIF:
        changed |= moved(mandat, CONSOMME)
    return changed


def _signed_on(text: str) -> date:
    day = civil_date(required(text, "date_signature"), "date_signature")
    if day > clock.today():
        raise DateInvalide("la signature ne peut pas être future", champ="date_signature")
    return day


def _address(adresse: pb.AdresseDebiteur, *, needed: bool) -> dict[str, Any]:
    if needed and not (sepa_text(adresse.ville, LONGEST_TOWN) and adresse.pays):
        raise AdresseRequise(champ="adresse")
    pays = adresse.pays.upper()
    if pays and not (len(pays) == 2 and pays.isascii() and pays.isalpha()):
        raise FormatInvalide("code de pays à deux lettres", champ="adresse.pays")
    return {
        "adresse_rue": at_most(adresse.rue, LONGEST_NAME, "adresse.rue") or None,
        "adresse_code_postal": at_most(adresse.code_postal, LONGEST_POSTCODE, "adresse.code_postal") or None,
        "adresse_ville": at_most(adresse.ville, LONGEST_TOWN, "adresse.ville") or None,
        "adresse_pays": pays or None,
    }
