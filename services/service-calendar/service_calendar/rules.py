"""Rules of configurations, zones, holidays and thresholds: rows and changes from requests, or refusals.

Those of planned debits are in `debits.py`, those of days in `planning.py`.
"""

import re
from typing import Any, Final

from crm.calendar import calendar_pb2 as pb
from grpc_utils import changes, money, one_of, opaque_id, required
from grpc_utils.errors import (
    ExisteDeja,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    ValeurInconnue,
    permitted,
)

from service_calendar import fields
from service_calendar.business_days import BUILT_IN
from service_calendar.legal import FRANCE
from service_calendar.models import (
    BATCH,
    BATCHES,
    FIXED_DAY,
    HOLIDAY_TYPES,
    NIVEAUX,
    PUBLIC,
    STRATEGIES,
    SYSTEM,
    DebitConfiguration,
    Holiday,
    HolidayZone,
    VolumeThreshold,
)

CONFIGURED: Final = (
    "mode",
    "batch",
    "fixed_day",
    "shift_strategy",
    "zone_code",
    "cutoff",
    "lead_days",
)
"""The columns of a configuration that a Save replaces."""

ZONE_TAKEN: Final = "uq_holiday_zone_code"
_LONGEST_NAME = 100
_MOST_LEAD_DAYS = 30
_ZONE_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,19}")
_HOLIDAY = ("zone_code", "date", "nom", "type")


class BatchRequired(InvalidArgument):
    """Le mode BATCH demande un lot : L1, L2, L3 ou L4."""


class FixedDayOutOfRange(InvalidArgument):
    """Le jour fixe doit être compris entre 1 et 28."""


class InvalidMode(InvalidArgument):
    """Le mode doit être BATCH ou FIXED_DAY."""


class InvalidShiftStrategy(InvalidArgument):
    """La stratégie de report est inconnue."""


class HolidayZoneNotFound(InvalidArgument):
    """Cette zone de jours fériés n'existe pas."""


class ChampIncompatible(InvalidArgument):
    """Ce champ ne s'emploie pas avec ce mode de prélèvement."""


class ConfigurationSysteme(FailedPrecondition):
    """La configuration du niveau SYSTEM ne peut pas être supprimée ; modifiez-la."""


def new_configuration(request: pb.SaveDebitConfigurationRequest) -> DebitConfiguration:
    """The row for *request*; whether its zone exists is not asked here (R3). Raises InvalidArgument."""
    niveau, reference = configured(request.niveau, request.reference_id)
    batch, fixed_day = _mode(request)
    if request.shift_strategy and request.shift_strategy not in STRATEGIES:
        raise InvalidShiftStrategy(*permitted(STRATEGIES), champ="shift_strategy")
    lead_days = request.lead_days if request.HasField("lead_days") else None
    if lead_days is not None:
        fields.bounded(lead_days, 0, _MOST_LEAD_DAYS, "lead_days")
    return DebitConfiguration(
        organisation_id=request.organisation_id,
        niveau=niveau,
        reference_id=reference,
        mode=request.mode,
        batch=batch,
        fixed_day=fixed_day,
        shift_strategy=request.shift_strategy or None,
        zone_code=request.zone_code or None,
        cutoff=fields.hour(request.cutoff_time, "cutoff_time"),
        lead_days=lead_days,
    )


def configured(niveau: str, reference_id: str) -> tuple[str, str]:
    """A level and the id of what it is about, empty for SYSTEM (R1). Raises InvalidArgument."""
    one_of(niveau, NIVEAUX, "niveau")
    if niveau != SYSTEM:
        return niveau, fields.required_id(reference_id, "reference_id")
    if reference_id:
        raise FormatInvalide("vide pour SYSTEM", champ="reference_id")
    return niveau, ""


def _mode(request: pb.SaveDebitConfigurationRequest) -> tuple[str | None, int | None]:
    """The lot or the fixed day, whichever the mode wants, and not the other one (R3)."""
    if request.mode == BATCH:
        if request.fixed_day:
            raise ChampIncompatible(champ="fixed_day")
        if not request.batch:
            raise BatchRequired(champ="batch")
        return one_of(request.batch, BATCHES, "batch"), None
    if request.mode != FIXED_DAY:
        raise InvalidMode(champ="mode")
    if request.batch:
        raise ChampIncompatible(champ="batch")
    if not 1 <= request.fixed_day <= 28:
        raise FixedDayOutOfRange(champ="fixed_day")
    return None, request.fixed_day


def new_zone(request: pb.CreateHolidayZoneRequest) -> HolidayZone:
    """The row for *request* (R6). Raises InvalidArgument, ExisteDeja."""
    code = required(request.code, "code")
    if code in BUILT_IN:
        raise ExisteDeja(contrainte=ZONE_TAKEN)
    if not _ZONE_CODE.fullmatch(code):
        raise FormatInvalide("1 à 20 majuscules, chiffres, _ et -", champ="code")
    pays = request.pays if request.HasField("pays") else FRANCE
    if pays not in ("", FRANCE):
        raise ValeurInconnue(*permitted((FRANCE,)), champ="pays")
    if request.region and (request.region not in BUILT_IN or not pays):
        raise ValeurInconnue(*permitted(tuple(BUILT_IN) if pays else ()), champ="region")
    return HolidayZone(
        organisation_id=request.organisation_id,
        code=code,
        nom=fields.short(request.nom, _LONGEST_NAME, "nom"),
        pays=pays or None,
        region=request.region or None,
        inclure_target=request.inclure_target if request.HasField("inclure_target") else True,
    )


def new_holiday(request: pb.CreateHolidayRequest) -> Holiday:
    """The row for *request*; whether its zone exists is not asked here (R8). Raises InvalidArgument."""
    return Holiday(
        organisation_id=request.organisation_id,
        zone_code=required(request.zone_code, "zone_code"),
        date=fields.day(request.date, "date"),
        nom=fields.short(request.nom, _LONGEST_NAME, "nom"),
        type=one_of(request.type or PUBLIC, HOLIDAY_TYPES, "type"),
        recurrent=request.recurrent,
        ouvre=request.ouvre,
    )


def holiday_changes(request: pb.UpdateHolidayRequest) -> dict[str, Any]:
    """The columns that *request* changes (R8). Raises InvalidArgument."""
    changed = changes(request, (*_HOLIDAY, "recurrent", "ouvre"), mandatory=_HOLIDAY)
    if "date" in changed:
        changed["date"] = fields.day(request.date, "date")
    return changed


def new_threshold(request: pb.SaveVolumeThresholdRequest) -> VolumeThreshold:
    """The row for *request* (R21). Raises InvalidArgument."""
    max_nombre = request.max_nombre if request.HasField("max_nombre") else None
    max_montant = request.max_montant if request.HasField("max_montant") else None
    if max_nombre is not None:
        fields.bounded(max_nombre, 1, fields.MOST, "max_nombre")
    limit = None if max_montant is None else money(max_montant, "max_montant", positive=True)
    return VolumeThreshold(
        organisation_id=request.organisation_id,
        societe_id=opaque_id(request.societe_id, "societe_id") or "",
        max_nombre=max_nombre,
        max_montant=limit,
        actif=request.actif if request.HasField("actif") else True,
    )
