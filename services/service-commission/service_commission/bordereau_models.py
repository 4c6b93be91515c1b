"""The tables of bordereaux: lines, files, carry-overs, acomptes, imputations, contestations."""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from db_utils import Choice, Entity, Tenant, clock, uuid7
from grpc_utils import Keyed
from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service_commission.models import LONGEST_MOTIF, LONGEST_SUBJECT, ZERO, Base, Periode

BROUILLON, VALIDE, EXPORTE, PAYE = "BROUILLON", "VALIDE", "EXPORTE", "PAYE"
STATUTS: Final = (BROUILLON, VALIDE, EXPORTE, PAYE)
LINEAIRE, REPRISE, REPORT, ACOMPTE = "LINEAIRE", "REPRISE", "REPORT", "ACOMPTE"
SECTIONS: Final = (LINEAIRE, REPRISE, REPORT, ACOMPTE)
EN_COURS, APURE = "EN_COURS", "APURE"
OUVERTE, ACCEPTEE, REJETEE = "OUVERTE", "ACCEPTEE", "REJETEE"


class Bordereau(Entity, Tenant, Base):
    """What a beneficiary is paid for a period; from its validation on the database refuses changes (R25).

    *reference* is empty as long as it is a draft.
    """

    __tablename__ = "bordereau"
    __table_args__ = (
        CheckConstraint("(reference = '') = (statut = 'BROUILLON')", name="reference"),
        CheckConstraint("(date_paiement IS NOT NULL) = (statut = 'PAYE')", name="date_paiement"),
        CheckConstraint("total_net >= 0 AND report_genere >= 0", name="totaux"),
        Index("uq_bordereau_periode", "organisation_id", "beneficiaire_id", "periode", unique=True),
        Index(
            "uq_bordereau_reference",
            "organisation_id",
            "reference",
            unique=True,
            postgresql_where=text("reference <> ''"),
        ),
        Index("ix_bordereau_periode", "organisation_id", "periode", "id"),
        Index("ix_bordereau_reference", "organisation_id", "reference", "id"),
    )

    beneficiaire_id: Mapped[str] = mapped_column(String(64))
    periode: Mapped[Periode]
    reference: Mapped[str] = mapped_column(String(30), default="")
    societe_id: Mapped[str] = mapped_column(String(64), default="")
    statut: Mapped[str] = mapped_column(Choice(*STATUTS), default=BROUILLON)
    total_brut: Mapped[Decimal] = mapped_column(default=ZERO)
    total_reprises: Mapped[Decimal] = mapped_column(default=ZERO)
    total_reports: Mapped[Decimal] = mapped_column(default=ZERO)
    total_acomptes: Mapped[Decimal] = mapped_column(default=ZERO)
    total_net: Mapped[Decimal] = mapped_column(default=ZERO)
    report_genere: Mapped[Decimal] = mapped_column(default=ZERO)
    nombre_lignes: Mapped[int] = mapped_column(default=0)
    valide_le: Mapped[datetime | None] = mapped_column(default=None)
    valide_par: Mapped[str | None] = mapped_column(String(LONGEST_SUBJECT), default=None)
    date_paiement: Mapped[date | None] = mapped_column(default=None)
    reference_paiement: Mapped[str | None] = mapped_column(String(100), default=None)
    sha256_pdf: Mapped[str | None] = mapped_column(String(64), default=None)
    sha256_xlsx: Mapped[str | None] = mapped_column(String(64), default=None)


class BordereauFichiers(Tenant, Base):
    """Files of a validated bordereau, apart since lists and reads do without them; never changed (R25)."""

    __tablename__ = "bordereau_fichiers"

    bordereau_id: Mapped[UUID] = mapped_column(ForeignKey("bordereau.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    xlsx: Mapped[bytes] = mapped_column(LargeBinary)


class LigneBordereau(Entity, Tenant, Base):
    """Line of a bordereau, about exactly one thing; what is taken off is negative (R21)."""

    __tablename__ = "ligne_bordereau"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(commission_id, reprise_id, report_id, acompte_id) = 1 AND CASE section"
            " WHEN 'LINEAIRE' THEN commission_id WHEN 'REPRISE' THEN reprise_id"
            " WHEN 'REPORT' THEN report_id ELSE acompte_id END IS NOT NULL",
            name="objet",
        ),
        CheckConstraint("selectionne = (motif_deselection IS NULL)", name="motif"),
        Index("uq_ligne_bordereau_ordre", "bordereau_id", "ordre", unique=True),
        Index("ix_ligne_bordereau_commission", "commission_id"),
        Index("ix_ligne_bordereau_reprise", "reprise_id"),
    )

    bordereau_id: Mapped[UUID] = mapped_column(ForeignKey("bordereau.id", ondelete="CASCADE"))
    section: Mapped[str] = mapped_column(Choice(*SECTIONS))
    commission_id: Mapped[UUID | None] = mapped_column(ForeignKey("commission.id"), default=None)
    reprise_id: Mapped[UUID | None] = mapped_column(ForeignKey("reprise.id"), default=None)
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("report_negatif.id"), default=None)
    acompte_id: Mapped[UUID | None] = mapped_column(ForeignKey("acompte.id"), default=None)
    libelle: Mapped[str] = mapped_column(String(200))
    montant: Mapped[Decimal]
    selectionne: Mapped[bool] = mapped_column(default=True)
    motif_deselection: Mapped[str | None] = mapped_column(String(500), default=None)
    ordre: Mapped[int]


class ReportNegatif(Entity, Tenant, Base):
    """What reprises took beyond the brut of a bordereau; later ones pay it back (R22)."""

    __tablename__ = "report_negatif"
    __table_args__ = (
        CheckConstraint("montant_restant BETWEEN 0 AND montant_initial", name="montant_restant"),
        CheckConstraint("(statut = 'APURE') = (montant_restant = 0)", name="apure"),
        Index("uq_report_negatif_bordereau", "bordereau_origine_id", unique=True),
        Index("ix_report_negatif_beneficiaire", "organisation_id", "beneficiaire_id", "statut"),
        Index("ix_report_negatif_periode", "organisation_id", "periode_origine", "id"),
    )

    beneficiaire_id: Mapped[str] = mapped_column(String(64))
    periode_origine: Mapped[Periode]
    montant_initial: Mapped[Decimal]
    montant_restant: Mapped[Decimal]
    statut: Mapped[str] = mapped_column(Choice(EN_COURS, APURE), default=EN_COURS)
    bordereau_origine_id: Mapped[UUID] = mapped_column(ForeignKey("bordereau.id"))


class Acompte(Entity, Tenant, Keyed, Base):
    """What was paid in advance; later bordereaux take it back (R26)."""

    __tablename__ = "acompte"
    __table_args__ = (
        CheckConstraint("montant > 0", name="montant"),
        CheckConstraint("montant_restant BETWEEN 0 AND montant", name="montant_restant"),
        CheckConstraint("(statut = 'APURE') = (montant_restant = 0)", name="apure"),
        Index("uq_acompte_cle_idempotence", "organisation_id", "cle_idempotence", unique=True),
        Index("ix_acompte_beneficiaire", "organisation_id", "beneficiaire_id", "statut"),
        Index("ix_acompte_created_at", "organisation_id", "created_at", "id"),
        Index("ix_acompte_periode", "organisation_id", "periode", "id"),
    )

    beneficiaire_id: Mapped[str] = mapped_column(String(64))
    periode: Mapped[Periode]
    montant: Mapped[Decimal]
    montant_restant: Mapped[Decimal]
    statut: Mapped[str] = mapped_column(Choice(EN_COURS, APURE), default=EN_COURS)
    motif: Mapped[str] = mapped_column(String(LONGEST_MOTIF), default="")


class Imputation(Tenant, Base):
    """What a validated bordereau has taken of a carry-over or an acompte; never changed (R25)."""

    __tablename__ = "imputation"
    __table_args__ = (
        CheckConstraint("montant > 0", name="montant"),
        CheckConstraint("num_nonnulls(report_id, acompte_id) = 1", name="objet"),
        Index("uq_imputation_report", "bordereau_id", "report_id", unique=True),
        Index("uq_imputation_acompte", "bordereau_id", "acompte_id", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    bordereau_id: Mapped[UUID] = mapped_column(ForeignKey("bordereau.id"))
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("report_negatif.id"), default=None)
    acompte_id: Mapped[UUID | None] = mapped_column(ForeignKey("acompte.id"), default=None)
    montant: Mapped[Decimal]


class Contestation(Entity, Tenant, Base):
    """Dispute of a commission, of which there is one open at most (R27)."""

    __tablename__ = "contestation"
    __table_args__ = (
        CheckConstraint("(decidee_le IS NULL) = (statut = 'OUVERTE')", name="decidee_le"),
        Index(
            "uq_contestation_ouverte",
            "commission_id",
            unique=True,
            postgresql_where=text("statut = 'OUVERTE'"),
        ),
        Index("ix_contestation_commission", "commission_id"),
    )

    commission_id: Mapped[UUID] = mapped_column(ForeignKey("commission.id"))
    motif: Mapped[str] = mapped_column(String(LONGEST_MOTIF))
    ouverte_par: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    ouverte_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    statut: Mapped[str] = mapped_column(Choice(OUVERTE, ACCEPTEE, REJETEE), default=OUVERTE)
    commentaire: Mapped[str | None] = mapped_column(String(LONGEST_MOTIF), default=None)
    decidee_le: Mapped[datetime | None] = mapped_column(default=None)
    decidee_par: Mapped[str | None] = mapped_column(String(LONGEST_SUBJECT), default=None)
    montant_correction: Mapped[Decimal | None] = mapped_column(default=None)
