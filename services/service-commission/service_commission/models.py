"""The tables of commissions and of what is taken back of them; `bordereau_models.py` has the others.

What may be in them is in the rules of their modules.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from db_utils import Choice, Entity, Row, Tenant, clock, metadata, uuid7
from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column

INITIALE, RECURRENCE, PRIME, REGULARISATION = "INITIALE", "RECURRENCE", "PRIME", "REGULARISATION"
TYPES: Final = (INITIALE, RECURRENCE, PRIME, REGULARISATION)
COMMERCIAL, MANAGER, AGENCE, ENTREPRISE = "COMMERCIAL", "MANAGER", "AGENCE", "ENTREPRISE"
ROLES: Final = (COMMERCIAL, MANAGER, AGENCE, ENTREPRISE)
EN_ATTENTE, VALIDEE, PAYEE, ANNULEE = "EN_ATTENTE", "VALIDEE", "PAYEE", "ANNULEE"
STATUTS: Final = (EN_ATTENTE, VALIDEE, PAYEE, ANNULEE)
RESILIATION, IMPAYE, ANNULATION = "RESILIATION", "IMPAYE", "ANNULATION"
REPRISES: Final = (RESILIATION, IMPAYE, ANNULATION)
APPLIQUEE = "APPLIQUEE"
ZERO: Final = Decimal("0.00")
LONGEST_MOTIF: Final = 1000
LONGEST_SUBJECT: Final = 255  # characters of the sub of a token (OpenID Connect Core, section 2)

Rate = Annotated[Decimal, mapped_column(Numeric(5, 2))]
Periode = Annotated[str, mapped_column(CHAR(7))]


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Compteur(Tenant, Base):
    """Last number of a series of references: COM of a period, BRD of a year (R25)."""

    __tablename__ = "compteur"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    serie: Mapped[str] = mapped_column(String(20), primary_key=True)
    valeur: Mapped[int]


class Commission(Entity, Tenant, Base):
    """What a receipt, a prime or a correction is worth to a beneficiary; AGENCE and ENTREPRISE have none.

    *bareme_snapshot* is the scale as it was applied, so that the amount can be computed again.
    """

    __tablename__ = "commission"
    __table_args__ = (
        CheckConstraint("montant > 0", name="montant"),
        CheckConstraint("montant_repris BETWEEN 0 AND montant", name="montant_repris"),
        CheckConstraint(
            "(beneficiaire_id IS NULL) = (role IN ('AGENCE', 'ENTREPRISE'))", name="beneficiaire"
        ),
        CheckConstraint("(bordereau_id IS NOT NULL) = (statut IN ('VALIDEE', 'PAYEE'))", name="bordereau"),
        Index("uq_commission_reference", "organisation_id", "reference", unique=True),
        Index(
            "uq_commission_payment",
            "organisation_id",
            "payment_id",
            "type",
            "role",
            unique=True,
            postgresql_where=text("payment_id IS NOT NULL"),
        ),
        Index(
            "uq_commission_prime",
            "organisation_id",
            "beneficiaire_id",
            "bareme_code",
            "palier_code",
            "periode",
            unique=True,
            postgresql_where=text("type = 'PRIME'"),
        ),
        Index("ix_commission_beneficiaire", "organisation_id", "beneficiaire_id", "periode", "statut"),
        Index("ix_commission_contrat", "organisation_id", "contrat_id"),
        Index("ix_commission_date", "organisation_id", "date_encaissement", "id"),
        Index("ix_commission_montant", "organisation_id", "montant", "id"),
        Index("ix_commission_bordereau", "bordereau_id"),
    )

    reference: Mapped[str] = mapped_column(String(30))
    type: Mapped[str] = mapped_column(Choice(*TYPES))
    role: Mapped[str] = mapped_column(Choice(*ROLES))
    beneficiaire_id: Mapped[str | None] = mapped_column(String(64), default=None)
    manager_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    client_id: Mapped[str | None] = mapped_column(String(64), default=None)
    societe_id: Mapped[str] = mapped_column(String(64), default="")
    produit_id: Mapped[str | None] = mapped_column(String(64), default=None)
    type_produit: Mapped[str | None] = mapped_column(String(50), default=None)
    payment_id: Mapped[str | None] = mapped_column(String(64), default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant_encaisse: Mapped[Decimal | None] = mapped_column(default=None)
    base_ht: Mapped[Decimal]
    taux: Mapped[Rate | None] = mapped_column(default=None)
    montant: Mapped[Decimal]
    montant_repris: Mapped[Decimal] = mapped_column(default=ZERO)
    periode: Mapped[Periode]
    date_encaissement: Mapped[date]
    numero_mois: Mapped[int | None] = mapped_column(default=None)
    bareme_code: Mapped[str] = mapped_column(String(50), default="")
    bareme_version: Mapped[int | None] = mapped_column(default=None)
    bareme_snapshot: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    palier_code: Mapped[str | None] = mapped_column(String(50), default=None)
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    statut: Mapped[str] = mapped_column(Choice(*STATUTS), default=EN_ATTENTE)
    bordereau_id: Mapped[UUID | None] = mapped_column(ForeignKey("bordereau.id"), default=None)


class Reprise(Entity, Tenant, Base):
    """What is taken back of a commission that a bordereau has validated (R19)."""

    __tablename__ = "reprise"
    __table_args__ = (
        CheckConstraint("montant > 0", name="montant"),
        CheckConstraint("(bordereau_id IS NOT NULL) = (statut = 'APPLIQUEE')", name="bordereau"),
        Index("uq_reprise_cle", "organisation_id", "cle", "commission_id", unique=True),
        Index(
            "ix_reprise_beneficiaire", "organisation_id", "beneficiaire_id", "periode_application", "statut"
        ),
        Index("ix_reprise_contrat", "organisation_id", "contrat_id"),
        Index("ix_reprise_date", "organisation_id", "date_evenement", "id"),
        Index("ix_reprise_montant", "organisation_id", "montant", "id"),
        Index("ix_reprise_commission", "commission_id"),
        Index("ix_reprise_bordereau", "bordereau_id"),
    )

    commission_id: Mapped[UUID] = mapped_column(ForeignKey("commission.id"))
    type: Mapped[str] = mapped_column(Choice(*REPRISES))
    beneficiaire_id: Mapped[str | None] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant: Mapped[Decimal]
    taux_reprise: Mapped[Rate]
    mois_ecoules: Mapped[int | None] = mapped_column(default=None)
    date_evenement: Mapped[date]
    periode_origine: Mapped[Periode]
    periode_application: Mapped[Periode]
    statut: Mapped[str] = mapped_column(Choice(EN_ATTENTE, APPLIQUEE, ANNULEE), default=EN_ATTENTE)
    bordereau_id: Mapped[UUID | None] = mapped_column(ForeignKey("bordereau.id"), default=None)
    motif: Mapped[str] = mapped_column(String(LONGEST_MOTIF), default="")
    cle: Mapped[str] = mapped_column(String(255))


class DemandeReprise(Tenant, Base):
    """Call of Declencher with its key and what it did, also when it only annulled commissions (C21)."""

    __tablename__ = "demande_reprise"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    cle: Mapped[str] = mapped_column(String(255), primary_key=True)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary)
    resultat: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class CommissionAudit(Tenant, Base):
    """What was computed, decided or changed (R30); the database refuses to change or delete a row."""

    __tablename__ = "commission_audit"
    __table_args__ = (
        Index("ix_commission_audit_at", "organisation_id", "at", "id"),
        Index("ix_commission_audit_ref", "organisation_id", "ref_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    scope: Mapped[str] = mapped_column(
        Choice("COMMISSION", "REPRISE", "BORDEREAU", "ACOMPTE", "CONTESTATION", "PAIEMENT")
    )
    ref_id: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    beneficiaire_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    avant: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    apres: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    acteur: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
