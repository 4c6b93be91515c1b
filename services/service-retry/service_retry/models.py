"""The tables of the retry service. Rules about their content are in `rules.py` and `policy_rules.py`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, Tenant, clock, metadata, uuid7
from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

# eligibility of a schedule
ELIGIBLE = "ELIGIBLE"
NOT_ELIGIBLE_REASON_CODE = "NOT_ELIGIBLE_REASON_CODE"
NOT_ELIGIBLE_MAX_ATTEMPTS = "NOT_ELIGIBLE_MAX_ATTEMPTS"
NOT_ELIGIBLE_PAYMENT_SETTLED = "NOT_ELIGIBLE_PAYMENT_SETTLED"
NOT_ELIGIBLE_CONTRACT_CANCELLED = "NOT_ELIGIBLE_CONTRACT_CANCELLED"
NOT_ELIGIBLE_MANDATE_REVOKED = "NOT_ELIGIBLE_MANDATE_REVOKED"
NOT_ELIGIBLE_MANUAL_CANCEL = "NOT_ELIGIBLE_MANUAL_CANCEL"
# resolution_reason of a schedule, besides two of the above
RETRY_SUCCEEDED, MAX_ATTEMPTS_REACHED = "RETRY_SUCCEEDED", "MAX_ATTEMPTS_REACHED"
PAYMENT_SETTLED, CONTRACT_CANCELLED = "PAYMENT_SETTLED", "CONTRACT_CANCELLED"
MANDATE_REVOKED, PRESENTATION_REFUSEE = "MANDATE_REVOKED", "PRESENTATION_REFUSEE"
# statut of an attempt
SCHEDULED, SUBMITTED, SUCCEEDED, FAILED = "SCHEDULED", "SUBMITTED", "SUCCEEDED", "FAILED"
SKIPPED, CANCELLED = "SKIPPED", "CANCELLED"
# statut of a run
RUNNING, COMPLETED, PARTIAL = "RUNNING", "COMPLETED", "PARTIAL"

LONGEST_DESCRIPTION = 10_000
LONGEST_REASON = 255


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class RetryPolicy(Entity, Tenant, Base):
    """After how many days, how often and for which reasons a debit is presented again (R3, R4).

    *societe_id* is empty for the whole organisation.
    """

    __tablename__ = "retry_policy"
    __table_args__ = (
        CheckConstraint("max_attempts BETWEEN 1 AND 10", name="max_attempts"),
        CheckConstraint("max_total_days BETWEEN 1 AND 90", name="max_total_days"),
        Index(
            "uq_retry_policy_default",
            "organisation_id",
            "societe_id",
            unique=True,
            postgresql_where=text("is_default AND actif"),
        ),
        # Indexes begin with the organisation: without it all of them would be read.
        Index("ix_retry_policy_priority", "organisation_id", "priority", "id"),
        Index("ix_retry_policy_nom_cle", "organisation_id", "nom_cle", "id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="", server_default="")
    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(Searched(texts=("nom",)), init=False, server_default="")
    description: Mapped[str | None] = mapped_column(String(LONGEST_DESCRIPTION), default=None)
    retry_delays_days: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    max_attempts: Mapped[int]
    max_total_days: Mapped[int]
    retryable_codes: Mapped[list[str]] = mapped_column(ARRAY(String))
    stop_on_payment_settled: Mapped[bool] = mapped_column(default=True)
    stop_on_contract_cancelled: Mapped[bool] = mapped_column(default=True)
    stop_on_mandate_revoked: Mapped[bool] = mapped_column(default=True)
    notifier_client: Mapped[bool] = mapped_column(default=True)
    actif: Mapped[bool] = mapped_column(default=True)
    is_default: Mapped[bool] = mapped_column(default=False)
    priority: Mapped[int] = mapped_column(default=0)


class RetrySchedule(Entity, Tenant, Base):
    """What is done about one rejected debit; *original_payment_id* is that debit.

    *policy_snapshot* holds the figures of the policy as they were, and the delai_remise of the société.
    *a_lire* marks one that was made while payments was away: the payment is read before anything is planned.
    """

    __tablename__ = "retry_schedule"
    __table_args__ = (
        Index("uq_retry_schedule_payment", "organisation_id", "original_payment_id", unique=True),
        Index(
            "ix_retry_schedule_open",
            "organisation_id",
            "next_retry_date",
            postgresql_where=text("NOT is_resolved"),
        ),
        Index("ix_retry_schedule_created_at", "organisation_id", "created_at", "id"),
        Index(
            "ix_retry_schedule_next_retry_date",
            "organisation_id",
            text("coalesce(next_retry_date, '9999-12-31'::date)"),
            "id",
        ),
        Index("ix_retry_schedule_facture_id", "organisation_id", "facture_id"),
        Index("ix_retry_schedule_client_id", "organisation_id", "client_id"),
        Index("ix_retry_schedule_contrat_id", "organisation_id", "contrat_id"),
        Index("ix_retry_schedule_rejection_date", "organisation_id", "rejection_date"),
        Index("ix_retry_schedule_policy_id", "policy_id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="", server_default="")
    original_payment_id: Mapped[str] = mapped_column(String(64))
    schedule_id: Mapped[str | None] = mapped_column(String(64), default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    client_id: Mapped[str] = mapped_column(String(64))
    rejection_code: Mapped[str] = mapped_column(String(35))
    rejection_date: Mapped[date]
    montant: Mapped[Decimal]
    date_prelevement: Mapped[date | None] = mapped_column(default=None)
    policy_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("retry_policy.id", ondelete="SET NULL"), default=None
    )
    policy_snapshot: Mapped[dict[str, Any]]
    eligibility: Mapped[str] = mapped_column(
        Choice(
            ELIGIBLE,
            NOT_ELIGIBLE_REASON_CODE,
            NOT_ELIGIBLE_MAX_ATTEMPTS,
            NOT_ELIGIBLE_PAYMENT_SETTLED,
            NOT_ELIGIBLE_CONTRACT_CANCELLED,
            NOT_ELIGIBLE_MANDATE_REVOKED,
            NOT_ELIGIBLE_MANUAL_CANCEL,
            length=40,
        )
    )
    eligibility_reason: Mapped[str | None] = mapped_column(String(LONGEST_REASON), default=None)
    current_attempt: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    max_attempts: Mapped[int]
    next_retry_date: Mapped[date | None] = mapped_column(default=None)
    is_resolved: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    resolution_reason: Mapped[str | None] = mapped_column(
        Choice(
            RETRY_SUCCEEDED,
            MAX_ATTEMPTS_REACHED,
            PAYMENT_SETTLED,
            CONTRACT_CANCELLED,
            MANDATE_REVOKED,
            PRESENTATION_REFUSEE,
            NOT_ELIGIBLE_REASON_CODE,
            NOT_ELIGIBLE_MANUAL_CANCEL,
            length=40,
        ),
        default=None,
    )
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)
    a_lire: Mapped[bool] = mapped_column(default=False, server_default=text("false"))


class RetryAttempt(Entity, Tenant, Base):
    """One new presentation: *payment_id* is the new payment, *appel_le* the instant of the call for it.

    An attempt that is SCHEDULED and has been asked for may have its payment already (R11).
    """

    __tablename__ = "retry_attempt"
    __table_args__ = (
        CheckConstraint("attempt_number >= 1", name="attempt_number"),
        Index("uq_retry_attempt_number", "retry_schedule_id", "attempt_number", unique=True),
        Index(
            "uq_retry_attempt_payment",
            "organisation_id",
            "payment_id",
            unique=True,
            postgresql_where=text("payment_id IS NOT NULL"),
        ),
        # For the jobs, which look through all organisations: small, because attempts leave them.
        Index("ix_retry_attempt_due", "date_remise", postgresql_where=text(f"statut = '{SCHEDULED}'")),
        Index("ix_retry_attempt_unheard", "planned_date", postgresql_where=text(f"statut = '{SUBMITTED}'")),
    )

    retry_schedule_id: Mapped[UUID] = mapped_column(ForeignKey("retry_schedule.id"))
    attempt_number: Mapped[int]
    planned_date: Mapped[date]
    date_remise: Mapped[date]
    appel_le: Mapped[datetime | None] = mapped_column(default=None)
    statut: Mapped[str] = mapped_column(
        Choice(SCHEDULED, SUBMITTED, SUCCEEDED, FAILED, SKIPPED, CANCELLED), default=SCHEDULED
    )
    payment_id: Mapped[str | None] = mapped_column(String(64), default=None)
    new_rejection_code: Mapped[str | None] = mapped_column(String(35), default=None)
    erreur: Mapped[str | None] = mapped_column(String(LONGEST_REASON), default=None)
    executed_at: Mapped[datetime | None] = mapped_column(default=None)
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)


class RetryAvis(Tenant, Base):
    """Notice of a new presentation that the client is still to be given, by attempt (R12)."""

    __tablename__ = "retry_avis"
    __table_args__ = (Index("ix_retry_avis_prochain_essai", "prochain_essai"),)

    id: Mapped[UUID] = mapped_column(ForeignKey("retry_attempt.id"), primary_key=True)
    tentatives: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    prochain_essai: Mapped[datetime] = mapped_column(default_factory=clock.now)


class RetryJob(Entity, Tenant, Base):
    """A run over what was due in an organisation (R10)."""

    __tablename__ = "retry_job"
    __table_args__ = (Index("ix_retry_job_started_at", "organisation_id", "started_at"),)

    target_date: Mapped[date]
    statut: Mapped[str] = mapped_column(Choice(RUNNING, COMPLETED, PARTIAL, FAILED), default=RUNNING)
    total: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    soumis: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    ignores: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    echoues: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    is_manual: Mapped[bool]
    triggered_by: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class RetryAudit(Tenant, Base):
    """Line of the journal of a schedule; a trigger refuses to change or delete it."""

    __tablename__ = "retry_audit"
    __table_args__ = (Index("ix_retry_audit_schedule", "organisation_id", "retry_schedule_id", "at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    retry_schedule_id: Mapped[UUID]
    retry_attempt_id: Mapped[UUID | None] = mapped_column(default=None)
    action: Mapped[str] = mapped_column(String(30))
    avant: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    apres: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    acteur: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
