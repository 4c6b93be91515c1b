"""Rules of emission as pure functions (R14 to R17): which debits go to the bank today, and how.

`candidats.py` fetches what they look at, `emission.py` acts on what they say.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final
from uuid import UUID

from db_utils.clock import PARIS

from service_payments.models import FRST, OOFF, PAUSED, RCUR, Echeancier, Payment
from service_payments.pain008 import LARGEST, SMALLEST, Adresse, Debit
from service_payments.sepa_models import ACTIF, PONCTUEL, SUSPENDU, Mandat
from service_payments.sepa_texts import LONGEST_NAME, LONGEST_TOWN, sepa_text

# Why a debit stays behind (R15); people see these words.
MANDAT_ABSENT: Final = "MANDAT_ABSENT"
MANDAT_SUSPENDU: Final = "MANDAT_SUSPENDU"
CREANCIER_ABSENT: Final = "CREANCIER_ABSENT"
SCHEDULE_PAUSED: Final = "SCHEDULE_PAUSED"
NOM_INEXPLOITABLE: Final = "NOM_INEXPLOITABLE"
ADRESSE_REQUISE: Final = "ADRESSE_REQUISE"
FACTURE_INTROUVABLE: Final = "FACTURE_INTROUVABLE"
MONTANT_INVALIDE: Final = "MONTANT_INVALIDE"

_TO_DO: Final[Mapping[str, str]] = {
    MANDAT_ABSENT: "faites signer un mandat au client",
    MANDAT_SUSPENDU: "demandez au client de nouvelles coordonnées bancaires",
    CREANCIER_ABSENT: "enregistrez le créancier de la société",
    SCHEDULE_PAUSED: "l'échéancier est en pause",
    NOM_INEXPLOITABLE: "corrigez le nom du titulaire par un nouveau mandat",
    ADRESSE_REQUISE: "ajoutez la ville et le pays du débiteur par un nouveau mandat",
    FACTURE_INTROUVABLE: "vérifiez la facture du paiement",
    MONTANT_INVALIDE: "vérifiez le montant du paiement",
}

# Hours in Paris at which runs begin, and the cut-off of the bank: a file after it counts for the
# next business day, and the banks want one more between them (R14).
RUNS: Final = (time(6), time(11))
CUT_OFF: Final = time(14)
_AFTER_CUT_OFF: Final = 2
MOST_REARMED: Final = 3  # times a debit may be handed over again after a technical refusal (R13)


@dataclass(frozen=True, slots=True)
class Blocage:
    """A debit that cannot be emitted, and why."""

    payment_id: UUID
    motif: str


@dataclass(frozen=True, slots=True)
class FactureLue:
    """What factures tells of the invoice of a debit; *inconnue* when it has no such invoice."""

    numero: str = ""
    solde: Decimal = Decimal(0)
    statut: str = ""
    inconnue: bool = False

    @property
    def reglee(self) -> bool:
        """Whether nothing is owed any more (R16)."""
        return not self.inconnue and (self.statut in ("PAYEE", "ANNULEE") or self.solde <= 0)


@dataclass(frozen=True, slots=True)
class Prelevement:
    """A debit that goes to the bank: its payment, the mandate, and what is written of it."""

    payment: Payment
    mandat: Mandat
    montant: Decimal
    date_prelevement: date
    sequence: str
    libelle: str


def slot(now: datetime) -> datetime | None:
    """Return the beginning of the run of *now*, however late; None before the first of the day."""
    local = now.astimezone(PARIS)
    begun = [hour for hour in RUNS if hour <= local.time()]
    return datetime.combine(local.date(), begun[-1], PARIS) if begun else None


def days_before(delai: int, day: date, now: datetime) -> int:
    """Return the business days from a file of *day* to its debits: *delai*, two after the cut-off (R14)."""
    local = now.astimezone(PARIS)
    late = local.date() == day and local.time() >= CUT_OFF
    return max(delai, _AFTER_CUT_OFF) if late else delai


def new_msg_id(day: date) -> str:
    """Make the name of a file: R, its day, eight hexadecimal signs (R17)."""
    return f"R{day:%Y%m%d}{secrets.token_hex(4).upper()}"


def end_to_end_id(payment_id: UUID) -> str:
    """Return the name under which a bank knows a payment: E and its id without dashes (R17)."""
    return f"E{payment_id.hex}"


def mandate_for(
    payment: Payment,
    schedule: Echeancier | None,
    by_id: Mapping[UUID, Mandat],
    by_place: Mapping[tuple[str, str], Mandat],
) -> Mandat | str:
    """Choose the mandate of a debit, or tell why there is none (R15).

    *by_id* are the mandates that payments and schedules name, *by_place* the ACTIF ones of the société
    by client and contract. A named one that is not ACTIF any more gives way to what was signed later; one
    that another client gave, or gave to another creditor, allows nothing.
    """
    named = [by_id.get(one) for one in (payment.mandat_id, schedule.mandat_id if schedule else None) if one]
    signed = [by_place.get((payment.client_id, contrat)) for contrat in (payment.contrat_id or "", "")]
    place = payment.client_id, payment.societe_id
    known = [one for one in (*named, *signed) if one is not None and (one.client_id, one.societe_id) == place]
    for mandat in known:
        if mandat.statut == ACTIF:
            return mandat
    return MANDAT_SUSPENDU if any(mandat.statut == SUSPENDU for mandat in known) else MANDAT_ABSENT


def unwritable(mandat: Mandat, *, outside_eea: bool) -> str:
    """Tell why the bank would refuse the debtor of *mandat*, "" when it would not (R15, R29, R30)."""
    if not sepa_text(mandat.titulaire or "", LONGEST_NAME):
        return NOM_INEXPLOITABLE
    located = sepa_text(mandat.adresse_ville or "", LONGEST_TOWN) and mandat.adresse_pays
    return ADRESSE_REQUISE if outside_eea and not located else ""


def held(schedule: Echeancier | None) -> str:
    """Tell whether the schedule of a debit rests (R10, R15)."""
    return SCHEDULE_PAUSED if schedule is not None and schedule.statut == PAUSED else ""


def sequence(mandat: Mandat, sequence_premier: str) -> str:
    """Return the SeqTp of the next debit of *mandat* (R17)."""
    if mandat.type == PONCTUEL:
        return OOFF
    return FRST if sequence_premier == FRST and mandat.premier_reglement_le is None else RCUR


def amount(payment: Payment, facture: FactureLue | None, in_flight: Decimal) -> Decimal:
    """Return what may be debited: no more than is owed and not already on its way to us (R16)."""
    if facture is None or facture.inconnue:
        return payment.montant
    return min(payment.montant, facture.solde - in_flight)


def debitable(montant: Decimal) -> bool:
    """Tell whether SEPA takes a debit of *montant* (R17)."""
    return SMALLEST <= montant <= LARGEST


def label(payment: Payment, facture: FactureLue | None) -> str:
    """Return what the debtor reads on his statement; empty: the writer names the mandate (R17, R29)."""
    return f"Facture {facture.numero}" if facture and facture.numero else ""


def debit_of(prelevement: Prelevement, iban: str, *, outside_eea: bool) -> Debit:
    """Return the debit as the file has it; an address is told outside the economic area alone (R30)."""
    mandat = prelevement.mandat
    assert mandat.date_signature is not None  # as every ACTIF mandate has one
    return Debit(
        end_to_end_id=prelevement.payment.end_to_end_id,
        montant=prelevement.montant,
        date_prelevement=prelevement.date_prelevement,
        sequence=prelevement.sequence,
        rum=mandat.rum,
        date_signature=mandat.date_signature,
        nom=mandat.titulaire or "",
        iban=iban,
        bic=mandat.bic,
        libelle=prelevement.libelle,
        adresse=_address(mandat) if outside_eea else None,
    )


def told(blocages: Iterable[Blocage]) -> str:
    """Return what the finance team is told of *blocages*: how many for which motif, and what to do."""
    numbers = sorted(Counter(blocage.motif for blocage in blocages).items())
    return ", ".join(
        f"{number} × {motif} ({_TO_DO[motif]})" if motif in _TO_DO else f"{number} × {motif}"
        for motif, number in numbers
    )


def _address(mandat: Mandat) -> Adresse:
    return Adresse(
        mandat.adresse_rue or "",
        mandat.adresse_code_postal or "",
        mandat.adresse_ville or "",
        mandat.adresse_pays or "",
    )
