"""The tables of schedules and payments. Those of banks are in `sepa_models.py` and `rapport_models.py`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from db_utils import Choice, Entity, Row, Tenant, clock, metadata, uuid7
from grpc_utils import Keyed
from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

# How a client pays.
SEPA_DEBIT, VIREMENT, CARTE, CHEQUE, ESPECES = MOYENS = (
    "SEPA_DEBIT",
    "VIREMENT",
    "CARTE",
    "CHEQUE",
    "ESPECES",
)
UNIQUE, HEBDOMADAIRE, MENSUELLE, TRIMESTRIELLE, SEMESTRIELLE, ANNUELLE = FREQUENCES = (
    "UNIQUE",
    "HEBDOMADAIRE",
    "MENSUELLE",
    "TRIMESTRIELLE",
    "SEMESTRIELLE",
    "ANNUELLE",
)
# Of a schedule.
INCOMPLETE, ACTIVE, PAUSED, SCHEDULE_CANCELLED, COMPLETED = SCHEDULE_STATUTS = (
    "INCOMPLETE",
    "ACTIVE",
    "PAUSED",
    "CANCELLED",
    "COMPLETED",
)
A_PLANIFIER, PLANIFIEE = PLANIFICATIONS = ("A_PLANIFIER", "PLANIFIEE")
# Of an échéance; PLANIFIEE is its first, too.
FACTUREE, EN_COURS, PAYEE, IMPAYEE, BLOQUEE, ANNULEE = (
    "FACTUREE",
    "EN_COURS",
    "PAYEE",
    "IMPAYEE",
    "BLOQUEE",
    "ANNULEE",
)
ECHEANCE_STATUTS: Final = (PLANIFIEE, FACTUREE, EN_COURS, PAYEE, IMPAYEE, BLOQUEE, ANNULEE)
# Of a payment (R13).
PENDING, SUBMITTED, PAID, REJECTED, FAILED, CANCELLED, PARTIALLY_REFUNDED, REFUNDED = PAYMENT_STATUTS = (
    "PENDING",
    "SUBMITTED",
    "PAID",
    "REJECTED",
    "FAILED",
    "CANCELLED",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
)
LIVE: Final = (PENDING, SUBMITTED, PAID, PARTIALLY_REFUNDED)  # an échéance has one such payment at most
RCUR, FRST, OOFF = SEQUENCES = ("RCUR", "FRST", "OOFF")
REJET, RETOUR, REMBOURSEMENT = R_TYPES = ("REJET", "RETOUR", "REMBOURSEMENT")


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Echeancier(Entity, Tenant, Keyed, Base):
    """Schedule: what a client owes when; a contract has one that lives at most."""

    __tablename__ = "echeancier"
    __table_args__ = (
        Index("uq_echeancier_cle", "organisation_id", "cle_idempotence", unique=True),
        Index(
            "uq_echeancier_contrat",
            "organisation_id",
            "contrat_id",
            unique=True,
            postgresql_where=text("contrat_id IS NOT NULL AND statut IN ('INCOMPLETE', 'ACTIVE', 'PAUSED')"),
        ),
        Index("ix_echeancier_created_at", "organisation_id", "created_at", "id"),
        Index("ix_echeancier_client", "organisation_id", "client_id", "created_at", "id"),
        Index("ix_echeancier_contrat", "organisation_id", "contrat_id"),
        Index("ix_echeancier_statut", "statut"),
        CheckConstraint("date_fin IS NULL OR date_fin >= date_debut", name="periode"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    produit_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant_total: Mapped[Decimal | None] = mapped_column(Numeric(14, 2), default=None)
    montant_echeance: Mapped[Decimal | None] = mapped_column(Numeric(14, 2), default=None)
    frequence: Mapped[str] = mapped_column(Choice(*FREQUENCES))
    nombre_echeances: Mapped[int | None] = mapped_column(default=None)
    date_debut: Mapped[date]
    date_fin: Mapped[date | None] = mapped_column(default=None)
    date_signature: Mapped[date | None] = mapped_column(default=None)
    moyen: Mapped[str] = mapped_column(Choice(*MOYENS), default=SEPA_DEBIT)
    mandat_id: Mapped[UUID | None] = mapped_column(ForeignKey("mandat.id"), default=None)
    facturation: Mapped[bool] = mapped_column(default=True)
    tva: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    statut: Mapped[str] = mapped_column(Choice(*SCHEDULE_STATUTS), default=INCOMPLETE)
    motif: Mapped[str | None] = mapped_column(String(255), default=None)


class Echeance(Entity, Tenant, Base):
    """One due date of a schedule."""

    __tablename__ = "echeance"
    __table_args__ = (
        Index("uq_echeance_rang", "echeancier_id", "rang", unique=True),
        Index("ix_echeance_statut", "statut", "date_prelevement"),
        CheckConstraint("montant > 0", name="montant"),
    )

    echeancier_id: Mapped[UUID] = mapped_column(ForeignKey("echeancier.id"))
    rang: Mapped[int]
    montant: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    mois_cible: Mapped[str] = mapped_column(String(7))
    date_cible: Mapped[date | None] = mapped_column(default=None)
    date_prelevement: Mapped[date | None] = mapped_column(default=None)
    decalage_motif: Mapped[str | None] = mapped_column(String(255), default=None)
    planification: Mapped[str] = mapped_column(Choice(*PLANIFICATIONS), default=A_PLANIFIER)
    statut: Mapped[str] = mapped_column(Choice(*ECHEANCE_STATUTS), default=PLANIFIEE)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    # The request for its invoice from the moment before it is made until it is answered (R7).
    demande: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)


class Payment(Entity, Tenant, Keyed, Base):
    """Money that comes from a client, or was to come; its statut moves as R13 says."""

    __tablename__ = "payment"
    __table_args__ = (
        Index("uq_payment_cle", "organisation_id", "cle_idempotence", unique=True),
        Index("uq_payment_end_to_end_id", "end_to_end_id", unique=True),
        Index(
            "uq_payment_echeance",
            "echeance_id",
            unique=True,
            postgresql_where=text("statut IN ('PENDING', 'SUBMITTED', 'PAID', 'PARTIALLY_REFUNDED')"),
        ),
        Index("ix_payment_created_at", "organisation_id", "created_at", "id"),
        Index("ix_payment_client", "organisation_id", "client_id", "created_at", "id"),
        Index("ix_payment_contrat", "organisation_id", "contrat_id"),
        Index("ix_payment_facture", "organisation_id", "facture_id"),
        Index("ix_payment_schedule", "schedule_id"),
        Index("ix_payment_statut", "statut", "date_prelevement"),
        Index("ix_payment_lot", "remise_id", "pmt_inf_id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    echeance_id: Mapped[UUID | None] = mapped_column(ForeignKey("echeance.id"), default=None)
    schedule_id: Mapped[UUID | None] = mapped_column(ForeignKey("echeancier.id"), default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    mandat_id: Mapped[UUID | None] = mapped_column(ForeignKey("mandat.id"), default=None)
    parent_payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment.id"), default=None)
    retry_attempt_id: Mapped[str | None] = mapped_column(String(64), default=None)
    moyen: Mapped[str] = mapped_column(Choice(*MOYENS))
    provider: Mapped[str] = mapped_column(String(20), default="")
    montant: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    montant_rembourse: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))
    statut: Mapped[str] = mapped_column(Choice(*PAYMENT_STATUTS), default=PENDING)
    date_prelevement: Mapped[date | None] = mapped_column(default=None)
    sequence_sepa: Mapped[str | None] = mapped_column(Choice(*SEQUENCES), default=None)
    end_to_end_id: Mapped[str] = mapped_column(String(35))
    remise_id: Mapped[UUID | None] = mapped_column(ForeignKey("remise.id"), default=None)
    pmt_inf_id: Mapped[str | None] = mapped_column(String(35), default=None)
    motif_rejet: Mapped[str | None] = mapped_column(String(35), default=None)
    motif_texte: Mapped[str | None] = mapped_column(String(500), default=None)
    frais_bancaires: Mapped[Decimal | None] = mapped_column(Numeric(14, 2), default=None)
    r_type: Mapped[str | None] = mapped_column(Choice(*R_TYPES), default=None)
    date_reception: Mapped[date | None] = mapped_column(default=None)
    date_rejet: Mapped[date | None] = mapped_column(default=None)
    reference_externe: Mapped[str | None] = mapped_column(String(140), default=None)
    libelle: Mapped[str | None] = mapped_column(String(140), default=None)


class PaymentTransition(Tenant, Base):
    """One change of the statut of a payment; never changed itself."""

    __tablename__ = "payment_transition"
    __table_args__ = (Index("ix_payment_transition_payment", "payment_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payment.id"))
    de: Mapped[str] = mapped_column(Choice("", *PAYMENT_STATUTS))
    vers: Mapped[str] = mapped_column(Choice(*PAYMENT_STATUTS))
    cause: Mapped[str] = mapped_column(String(255))
    acteur: Mapped[str] = mapped_column(String(255), default="")
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Remboursement(Entity, Tenant, Keyed, Base):
    """A part of a payment that goes back to the client (R21)."""

    __tablename__ = "remboursement"
    __table_args__ = (
        Index("uq_remboursement_cle", "organisation_id", "cle_idempotence", unique=True),
        Index("ix_remboursement_payment", "payment_id"),
        CheckConstraint("montant > 0", name="montant"),
    )

    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payment.id"))
    montant: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    motif: Mapped[str] = mapped_column(String(255))
