"""Requests about schedules, checked and turned into columns (C4, C9; R1 to R3)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from crm.payments import payments_pb2 as pb
from db_utils import clock, parse_uuid
from grpc_utils import (
    at_most,
    changes,
    civil_date,
    content_hash,
    money,
    one_of,
    opaque_id,
    optional_date,
    required,
)
from grpc_utils.errors import (
    ChampRequis,
    DateInvalide,
    FailedPrecondition,
    InvalidArgument,
    OrganisationRequise,
    TransitionInterdite,
)

from service_payments import echeancier_rules as rules
from service_payments.contrats_lus import ContratLu
from service_payments.models import (
    ACTIVE,
    COMPLETED,
    FREQUENCES,
    INCOMPLETE,
    MOYENS,
    SCHEDULE_CANCELLED,
    SEPA_DEBIT,
    Echeancier,
)

LONGEST_MOTIF: Final = 255
_FAR: Final = timedelta(days=3653)  # ten years, which contrats allows a signature to be old
_OVER: Final = frozenset({SCHEDULE_CANCELLED, COMPLETED})
_CHANGEABLE: Final = ("montant_echeance", "montant_total", "mandat_id", "date_fin", "moyen", "frequence")


class MandatIntrouvable(InvalidArgument):
    """Le client n'a pas donné ce mandat à cette société."""


class UnSeulMontant(InvalidArgument):
    """Donnez soit le montant total, soit le montant d'une échéance."""


class FrequenceFixee(FailedPrecondition):
    """La fréquence d'un échéancier ne change plus une fois ses échéances établies."""


def new_schedule(request: pb.CreateScheduleRequest, contrat: ContratLu | None) -> Echeancier:
    """The schedule that *request* asks for, with what *contrat* adds; ACTIVE if it has an amount (R3).

    Raises the refusals of its fields, EcheanceNulle and TropDEcheances.
    """
    if not request.organisation_id:
        raise OrganisationRequise
    debut = _begin(civil_date(required(request.date_debut, "date_debut"), "date_debut"))
    schedule = Echeancier(
        organisation_id=request.organisation_id,
        societe_id=opaque_id(request.societe_id, "societe_id") or (contrat.societe_id if contrat else ""),
        client_id=required(opaque_id(request.client_id, "client_id") or "", "client_id"),
        contrat_id=opaque_id(request.contrat_id, "contrat_id"),
        frequence=one_of(request.frequence, FREQUENCES, "frequence"),
        nombre_echeances=_count(request),
        date_debut=debut,
        date_fin=_end(optional_date(request.date_fin, "date_fin"), debut),
        moyen=one_of(request.moyen or SEPA_DEBIT, MOYENS, "moyen"),
        mandat_id=_mandat_id(request.mandat_id),
        facturation=not request.HasField("facturation") or request.facturation,
        tva={"lignes": contrat.tva} if contrat else {},
        cle_idempotence=request.idempotency_key or None,
        contenu_hash=content_hash(request),
        **_amounts(request),
    )
    return checked(schedule)


def checked(schedule: Echeancier) -> Echeancier:
    """*schedule* with its statut and its total. Raises EcheanceNulle and TropDEcheances (R1, R3)."""
    montants = rules.montants_of(schedule)
    total = schedule.montant_total
    if total is None and montants and not rules.is_open(schedule):
        total = sum(montants, Decimal(0))
    return copy_of(schedule, statut=ACTIVE if montants else INCOMPLETE, montant_total=total)


def copy_of(schedule: Echeancier, **columns: Any) -> Echeancier:
    """A schedule like *schedule* with other *columns*; rows are values and are never changed."""
    kept = {column.key for column in Echeancier.__table__.columns} - {"updated_at", "version"}
    return Echeancier(**{**{name: getattr(schedule, name) for name in kept}, **columns})


def _count(request: pb.CreateScheduleRequest) -> int | None:
    if not 0 <= request.nombre_echeances <= rules.MOST_ECHEANCES:
        raise rules.TropDEcheances(champ="nombre_echeances")
    return request.nombre_echeances or None


def _begin(debut: date) -> date:
    """A first day around which the calendar has days, and no mistyped year. Raises DateInvalide."""
    if not clock.today() - _FAR <= debut <= clock.today() + _FAR:
        raise DateInvalide("à plus de dix ans d'aujourd'hui", champ="date_debut")
    return debut


def _end(fin: date | None, debut: date) -> date | None:
    if fin is not None and fin < debut:
        raise DateInvalide("la fin précède le début", champ="date_fin")
    return fin


def _amounts(request: pb.CreateScheduleRequest) -> dict[str, Any]:
    total, each = _amount(request, "montant_total"), _amount(request, "montant_echeance")
    if total and each:
        raise UnSeulMontant(champ="montant_total")
    return {"montant_total": total, "montant_echeance": each}


def _amount(request: Any, champ: str) -> Decimal | None:
    """The amount of a field that may be absent; nothing for zero, which is none (R3)."""
    return (money(getattr(request, champ), champ) or None) if request.HasField(champ) else None


def _mandat_id(text: str) -> Any:
    """The mandate that *text* names, None when empty. Raises MandatIntrouvable."""
    if not text:
        return None
    if (mandat_id := parse_uuid(text)) is None:
        raise MandatIntrouvable(champ="mandat_id")
    return mandat_id


def requested_changes(request: pb.UpdateScheduleRequest) -> dict[str, Any]:
    """The columns that an Update asks to change, checked (C9)."""
    asked = changes(request, _CHANGEABLE, mandatory=("moyen", "frequence"))
    for champ in ("montant_echeance", "montant_total"):
        if champ in asked:
            asked[champ] = money(asked[champ], champ, positive=True)
    if "montant_echeance" in asked and "montant_total" in asked:
        raise UnSeulMontant(champ="montant_total")
    if "mandat_id" in asked:
        asked["mandat_id"] = _mandat_id(asked["mandat_id"] or "")
    if "date_fin" in asked:
        asked["date_fin"] = optional_date(asked["date_fin"], "date_fin")
    for champ, values in (("moyen", MOYENS), ("frequence", FREQUENCES)):
        if champ in asked:
            one_of(asked[champ], values, champ)
    return asked


def with_changes(schedule: Echeancier, asked: dict[str, Any]) -> dict[str, Any]:
    """What *asked* changes of *schedule*, one amount replacing the other. Raises what the statut forbids."""
    check_alive(schedule)
    if "frequence" in asked and asked["frequence"] != schedule.frequence and schedule.statut != INCOMPLETE:
        raise FrequenceFixee(champ="frequence")
    if "date_fin" in asked:
        _end(asked["date_fin"], schedule.date_debut)
    if "montant_total" in asked:
        return {**asked, "montant_echeance": None}
    if "montant_echeance" in asked:
        return {**asked, "montant_total": None}
    return asked


def check_alive(schedule: Echeancier) -> None:
    """Refuse a change of a schedule that is over. Raises TransitionInterdite."""
    if schedule.statut in _OVER:
        raise TransitionInterdite(
            "seul un échéancier en cours peut changer",
            de=schedule.statut,
        )


def motif_of(text: str) -> str:
    """Why a schedule is paused, resumed or ended. Raises ChampRequis, TropLong."""
    if not text:
        raise ChampRequis(champ="motif")
    return at_most(text, LONGEST_MOTIF, "motif")
