"""The tables of the calendar service. Rules about their content are in `rules.py` and its neighbours."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Row, Tenant, clock, metadata, uuid7
from sqlalchemy import CHAR, CheckConstraint, Index, String, false, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

SYSTEM, SOCIETE, CLIENT, CONTRAT = "SYSTEM", "SOCIETE", "CLIENT", "CONTRAT"
NIVEAUX = (SYSTEM, SOCIETE, CLIENT, CONTRAT)  # from the lowest priority to the highest (R1)
BATCH, FIXED_DAY = "BATCH", "FIXED_DAY"
BATCHES = ("L1", "L2", "L3", "L4")
NEXT_BUSINESS_DAY, PREVIOUS_BUSINESS_DAY = "NEXT_BUSINESS_DAY", "PREVIOUS_BUSINESS_DAY"
NEXT_WEEK_SAME_DAY = "NEXT_WEEK_SAME_DAY"
STRATEGIES = (NEXT_BUSINESS_DAY, PREVIOUS_BUSINESS_DAY, NEXT_WEEK_SAME_DAY)

PUBLIC, BANK, REGIONAL, COMPANY = "PUBLIC", "BANK", "REGIONAL", "COMPANY"
HOLIDAY_TYPES = (PUBLIC, BANK, REGIONAL, COMPANY)

PLANNED, CONFIRMED, PROCESSING = "PLANNED", "CONFIRMED", "PROCESSING"
EXECUTED, FAILED, CANCELLED = "EXECUTED", "FAILED", "CANCELLED"

DEBIT_CONFIG, HOLIDAYS = "DEBIT_CONFIG", "HOLIDAYS"
ANALYSE, CONFIRME = "ANALYSE", "CONFIRME"

CREATE, UPDATE, DELETE, CONFIRM = "CREATE", "UPDATE", "DELETE", "CONFIRM"
UI, API, CSV = "UI", "API", "CSV"

Jour = date  # where a column is named date


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class DebitConfiguration(Entity, Tenant, Base):
    """How debit dates are chosen at a level, one row for each société, client or contract (R1).

    *cutoff* is the column `cutoff_time`; what is None is inherited.
    """

    __tablename__ = "debit_configuration"
    __table_args__ = (
        Index("uq_debit_configuration_reference", "organisation_id", "niveau", "reference_id", unique=True),
        Index("ix_debit_configuration_niveau", "organisation_id", "niveau", "id"),
        Index("ix_debit_configuration_reference_id", "organisation_id", "reference_id", "id"),
        Index("ix_debit_configuration_created_at", "organisation_id", "created_at", "id"),
        CheckConstraint("(niveau = 'SYSTEM') = (reference_id = '')", name="reference"),
        CheckConstraint("(mode = 'BATCH') = (batch IS NOT NULL)", name="lot"),
        CheckConstraint("(mode = 'FIXED_DAY') = (fixed_day IS NOT NULL)", name="jour_fixe"),
        CheckConstraint("fixed_day BETWEEN 1 AND 28", name="fixed_day"),
        CheckConstraint("lead_days BETWEEN 0 AND 30", name="lead_days"),
    )

    niveau: Mapped[str] = mapped_column(Choice(*NIVEAUX))
    reference_id: Mapped[str] = mapped_column(String(64), default="")
    mode: Mapped[str] = mapped_column(Choice(BATCH, FIXED_DAY))
    batch: Mapped[str | None] = mapped_column(Choice(*BATCHES, length=2), default=None)
    fixed_day: Mapped[int | None] = mapped_column(default=None)
    shift_strategy: Mapped[str | None] = mapped_column(Choice(*STRATEGIES, length=30), default=None)
    zone_code: Mapped[str | None] = mapped_column(String(20), default=None)
    cutoff: Mapped[time | None] = mapped_column("cutoff_time", key="cutoff", default=None)
    lead_days: Mapped[int | None] = mapped_column(default=None)


class HolidayZone(Entity, Tenant, Base):
    """Zone of holidays that an organisation has made; the built-in ones have no row.

    *pays* is FR, or empty for a zone without computed holidays. *region* is the built-in zone whose
    regional days it has.
    """

    __tablename__ = "holiday_zone"
    __table_args__ = (Index("uq_holiday_zone_code", "organisation_id", "code", unique=True),)

    code: Mapped[str] = mapped_column(String(20))
    nom: Mapped[str] = mapped_column(String(100))
    pays: Mapped[str | None] = mapped_column(CHAR(2), default=None)
    region: Mapped[str | None] = mapped_column(String(20), default=None)
    inclure_target: Mapped[bool] = mapped_column(default=True, server_default=true())


class Holiday(Entity, Tenant, Base):
    """Holiday that people entered for a zone; with *ouvre*, the word that a holiday is worked (R8)."""

    __tablename__ = "holiday"
    __table_args__ = (
        Index("uq_holiday_date", "organisation_id", "zone_code", "date", unique=True),
        Index("ix_holiday_recurrent", "organisation_id", "zone_code", postgresql_where=text("recurrent")),
    )

    zone_code: Mapped[str] = mapped_column(String(20))
    date: Mapped[Jour]
    nom: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(Choice(*HOLIDAY_TYPES), default=PUBLIC)
    recurrent: Mapped[bool] = mapped_column(default=False, server_default=false())
    ouvre: Mapped[bool] = mapped_column(default=False, server_default=false())


class PlannedDebit(Entity, Tenant, Base):
    """Debit that is expected on a day: one for each *rang* of a schedule (R19)."""

    __tablename__ = "planned_debit"
    __table_args__ = (
        Index("uq_planned_debit_rang", "organisation_id", "schedule_id", "rang", unique=True),
        Index("ix_planned_debit_date", "organisation_id", "planned_debit_date", "id"),
        Index("ix_planned_debit_societe", "organisation_id", "societe_id", "planned_debit_date"),
        Index("ix_planned_debit_client", "organisation_id", "client_id", "planned_debit_date"),
        Index("ix_planned_debit_contrat", "organisation_id", "contrat_id", "planned_debit_date"),
        Index("ix_planned_debit_created_at", "organisation_id", "created_at", "id"),
        Index("ix_planned_debit_montant", "organisation_id", "montant", "id"),
    )

    schedule_id: Mapped[str] = mapped_column(String(64))
    rang: Mapped[int]
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    client_id: Mapped[str] = mapped_column(String(64))
    societe_id: Mapped[str] = mapped_column(String(64), default="")
    planned_debit_date: Mapped[date]
    original_target_date: Mapped[date]
    batch: Mapped[str | None] = mapped_column(Choice(*BATCHES, length=2), default=None)
    montant: Mapped[Decimal]
    montant_reel: Mapped[Decimal | None] = mapped_column(default=None)
    date_reelle: Mapped[date | None] = mapped_column(default=None)
    statut: Mapped[str] = mapped_column(
        Choice(PLANNED, CONFIRMED, PROCESSING, EXECUTED, FAILED, CANCELLED), default=PLANNED
    )


class VolumeThreshold(Entity, Tenant, Base):
    """Most debits that a day should have; *societe_id* is empty for the whole organisation (R21)."""

    __tablename__ = "volume_threshold"
    __table_args__ = (
        Index("uq_volume_threshold_societe", "organisation_id", "societe_id", unique=True),
        CheckConstraint("max_nombre > 0", name="max_nombre"),
        CheckConstraint("max_montant > 0", name="max_montant"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    max_nombre: Mapped[int | None] = mapped_column(default=None)
    max_montant: Mapped[Decimal | None] = mapped_column(default=None)
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class CsvImport(Entity, Tenant, Base):
    """Analysed file, which may be applied until *expire_le*; *lignes* are the cells of its lines (R24)."""

    __tablename__ = "csv_import"
    __table_args__ = (Index("ix_csv_import_expire_le", "expire_le"),)

    type: Mapped[str] = mapped_column(Choice(DEBIT_CONFIG, HOLIDAYS))
    sha256: Mapped[str] = mapped_column(CHAR(64))
    lignes: Mapped[list[Any]]
    nb_erreurs: Mapped[int] = mapped_column(default=0)
    statut: Mapped[str] = mapped_column(Choice(ANALYSE, CONFIRME), default=ANALYSE)
    expire_le: Mapped[datetime]


class CalendarAudit(Tenant, Base):
    """Line of the journal of changes; a trigger refuses to change or delete it (R25)."""

    __tablename__ = "calendar_audit"
    __table_args__ = (
        Index("ix_calendar_audit_at", "organisation_id", "at", "id"),
        Index("ix_calendar_audit_entity", "organisation_id", "entity_type", "entity_id", "at"),
        Index("ix_calendar_audit_acteur", "organisation_id", "acteur", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    entity_type: Mapped[str] = mapped_column(String(30))
    entity_id: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(Choice(CREATE, UPDATE, DELETE, CONFIRM))
    acteur: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(Choice(UI, CSV, API, SYSTEM))
    avant: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    apres: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
