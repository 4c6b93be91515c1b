"""The tables of the factures service. What may be in them is in `rules.py` and its neighbours."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from db_utils import Choice, Entity, Row, Searched, Tenant, clock, metadata, uuid7
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    func,
    text,
)
from sqlalchemy import literal_column as column
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.documents.values import TRAITEMENTS
from service_factures.transmission import SANS_OBJET, STATUTS_TRANSMISSION

FACTURE, AVOIR = "FACTURE", "AVOIR"
BROUILLON, EMISE, PAYEE, ANNULEE = "BROUILLON", "EMISE", "PAYEE", "ANNULEE"
PARTIELLEMENT_PAYEE = "PARTIELLEMENT_PAYEE"
STATUTS: Final = (BROUILLON, EMISE, PARTIELLEMENT_PAYEE, PAYEE, ANNULEE)
CONDITIONS: Final = ("RECEPTION", "J15", "J30", "J45", "J60", "J30_FDM", "J45_FDM")
VIREMENT = "VIREMENT"
MODES: Final = (VIREMENT, "PRELEVEMENT_SEPA", "CARTE", "CHEQUE", "ESPECES")
SERVICES, BIENS = "SERVICES", "BIENS"
NATURES: Final = (SERVICES, BIENS, "MIXTE")
COMPLETE, A_COMPLETER = "COMPLETE", "A_COMPLETER"
APRES_45J, AVANT_45J = "APRES_45J", "AVANT_45J"
CATEGORIES: Final = ("S", "E", "AE", "K", "G", "O")
DEFAULT_RATES: Final = tuple(map(Decimal, ("20", "10", "5.5", "2.1", "0")))
ZERO: Final = Decimal("0.00")

A_COMPLETER_KNOWN: Final = (
    f"identite_statut = '{A_COMPLETER}' AND statut <> '{BROUILLON}'"
    " AND client_id ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'"
)
"""Issued invoices whose parties may still be completed, as their index says it (R12)."""

CLE_TAKEN: Final = "uq_facture_idempotency_key"

Rate = Annotated[Decimal, mapped_column(Numeric(5, 2))]
LONGEST_SUBJECT = 255  # characters of the sub of a token (OpenID Connect Core, section 2)
_NO_DAY = "'0001-01-01'::date"


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Facture(Entity, Tenant, Base):
    """Invoice or credit note (avoir); from its issue on only règlements, avoirs and sums move (R9).

    *societe_id* is "" for the default société. The snapshots are the parties as they were when all
    that the law asks for was known (R10, R12).
    """

    __tablename__ = "facture"
    __table_args__ = (
        CheckConstraint(f"(numero IS NULL) = (statut = '{BROUILLON}')", name="numero"),
        CheckConstraint("(numero IS NULL) = (date_emission IS NULL)", name="date_emission"),
        Index(
            "uq_facture_sequence",
            "organisation_id",
            "societe_id",
            "serie",
            "annee",
            "sequence",
            unique=True,
            postgresql_where=text("sequence IS NOT NULL"),
        ),
        Index(
            "uq_facture_numero",
            "organisation_id",
            "societe_id",
            "numero",
            unique=True,
            postgresql_where=text("numero IS NOT NULL"),
        ),
        # Statuses of a platform name the number alone (R37).
        Index("ix_facture_numero", "organisation_id", "numero", postgresql_where=text("numero IS NOT NULL")),
        Index(
            CLE_TAKEN,
            "organisation_id",
            "type",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "ix_facture_recherche",
            "organisation_id",
            "created_at",
            "id",
            postgresql_include=["recherche_cle", "date_emission", "date_echeance", "montant_ttc"],
        ),
        Index("ix_facture_montant_ttc", "organisation_id", "montant_ttc", "id"),
        *(
            Index(f"ix_facture_{name}", "organisation_id", func.coalesce(column(name), column(_NO_DAY)), "id")
            for name in ("date_emission", "date_echeance")
        ),
        Index("ix_facture_client", "organisation_id", "client_id"),
        Index("ix_facture_contrat", "organisation_id", "contrat_id"),
        Index("ix_facture_statut", "organisation_id", "statut", "date_echeance"),
        Index("ix_facture_origine", "facture_origine_id"),
        # The identity job looks for them, whatever their organisation (R12).
        Index(
            "ix_facture_a_completer",
            "organisation_id",
            "id",
            postgresql_where=text(A_COMPLETER_KNOWN),
        ),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    type: Mapped[str] = mapped_column(Choice(FACTURE, AVOIR), default=FACTURE)
    statut: Mapped[str] = mapped_column(Choice(*STATUTS), default=BROUILLON)
    serie: Mapped[str | None] = mapped_column(Choice(FACTURE, AVOIR), default=None)
    annee: Mapped[int | None] = mapped_column(default=None)
    sequence: Mapped[int | None] = mapped_column(default=None)
    numero: Mapped[str | None] = mapped_column(String(24), default=None)
    facture_origine_id: Mapped[UUID | None] = mapped_column(ForeignKey("facture.id"), default=None)
    motif_avoir: Mapped[str | None] = mapped_column(String(500), default=None)
    date_emission: Mapped[date | None] = mapped_column(default=None)
    date_prestation: Mapped[date | None] = mapped_column(default=None)
    date_echeance: Mapped[date | None] = mapped_column(default=None)
    conditions_paiement: Mapped[str] = mapped_column(Choice(*CONDITIONS), default="J30")
    mode_paiement: Mapped[str] = mapped_column(Choice(*MODES), default=VIREMENT)
    nature_operation: Mapped[str] = mapped_column(Choice(*NATURES), default=SERVICES)
    livraison: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    reference_commande: Mapped[str | None] = mapped_column(String(100), default=None)
    notes: Mapped[str | None] = mapped_column(Text, default=None)
    recapitulative: Mapped[bool] = mapped_column(default=False)
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(codes=("numero", "reference_commande")), init=False, server_default=""
    )
    montant_ht: Mapped[Decimal] = mapped_column(default=ZERO)
    montant_tva: Mapped[Decimal] = mapped_column(default=ZERO)
    montant_ttc: Mapped[Decimal] = mapped_column(default=ZERO)
    montant_regle: Mapped[Decimal] = mapped_column(default=ZERO)
    montant_avoirs: Mapped[Decimal] = mapped_column(default=ZERO)
    solde: Mapped[Decimal] = mapped_column(default=ZERO)
    trop_percu: Mapped[Decimal] = mapped_column(default=ZERO)
    taux_penalites: Mapped[Rate | None] = mapped_column(default=None)
    indemnite_recouvrement: Mapped[Decimal | None] = mapped_column(default=None)
    motif_exoneration: Mapped[str | None] = mapped_column(String(30), default=None)
    mention_exoneration: Mapped[str | None] = mapped_column(Text, default=None)
    vatex: Mapped[str | None] = mapped_column(String(30), default=None)
    traitement: Mapped[str | None] = mapped_column(Choice(*TRAITEMENTS), default=None)
    statut_transmission: Mapped[str] = mapped_column(
        Choice(*STATUTS_TRANSMISSION, length=30), default=SANS_OBJET, server_default=SANS_OBJET
    )
    vendeur_snapshot: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    client_snapshot: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    identite_statut: Mapped[str] = mapped_column(Choice(COMPLETE, A_COMPLETER), default=A_COMPLETER)
    avertissements: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), default=None)
    contenu_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    emise_at: Mapped[datetime | None] = mapped_column(default=None)
    payee_at: Mapped[datetime | None] = mapped_column(default=None)


class LigneFacture(Tenant, Base):
    """Line of an invoice: so many of something at a price without taxes (R1)."""

    __tablename__ = "ligne_facture"
    __table_args__ = (
        Index("ix_ligne_facture_facture_id", "facture_id", "ordre"),
        Index("ix_ligne_facture_origine", "ligne_origine_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id", ondelete="CASCADE"))
    ordre: Mapped[int]
    produit_id: Mapped[str | None] = mapped_column(String(64), default=None)
    description: Mapped[str] = mapped_column(String(500))
    quantite: Mapped[Decimal] = mapped_column(Numeric(12, 3))
    unite: Mapped[str] = mapped_column(String(50))
    prix_unitaire: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    remise_pct: Mapped[Rate] = mapped_column(default=ZERO)
    taux_tva: Mapped[Rate]
    categorie_tva: Mapped[str] = mapped_column(Choice(*CATEGORIES, length=2))
    montant_ht: Mapped[Decimal]
    ligne_origine_id: Mapped[UUID | None] = mapped_column(ForeignKey("ligne_facture.id"), default=None)
    unite_code: Mapped[str | None] = mapped_column(String(3), default=None)


class FactureTva(Tenant, Base):
    """Base and VAT of an invoice at one rate (R2, R4)."""

    __tablename__ = "facture_tva"

    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id", ondelete="CASCADE"), primary_key=True)
    taux: Mapped[Rate] = mapped_column(primary_key=True)
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES, length=2), primary_key=True)
    base_ht: Mapped[Decimal]
    montant_tva: Mapped[Decimal]


class Reglement(Entity, Tenant, Base):
    """Payment of an invoice, as payments has told it; *montant_annule* of it was taken back (R18, R20)."""

    __tablename__ = "reglement"
    __table_args__ = (
        CheckConstraint("montant > 0", name="montant"),
        CheckConstraint("montant_annule BETWEEN 0 AND montant", name="montant_annule"),
        Index("uq_reglement_payment_id", "facture_id", "payment_id", unique=True),
    )

    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"))
    payment_id: Mapped[str] = mapped_column(String(64))
    montant: Mapped[Decimal]
    montant_annule: Mapped[Decimal] = mapped_column(default=ZERO)
    date_reception: Mapped[date]
    moyen: Mapped[str] = mapped_column(Choice(*MODES))


class AnnulationReglement(Tenant, Base):
    """What was taken back of a règlement under one key (R20)."""

    __tablename__ = "annulation_reglement"
    __table_args__ = (Index("uq_annulation_reglement_cle", "reglement_id", "cle", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    reglement_id: Mapped[UUID] = mapped_column(ForeignKey("reglement.id"))
    montant: Mapped[Decimal]
    motif: Mapped[str] = mapped_column(String(500))
    cle: Mapped[str] = mapped_column(String(255))
    contenu_hash: Mapped[bytes] = mapped_column(LargeBinary)
    date: Mapped[date]


class SequenceFacture(Base):
    """Last number and day of a series (R6, R7), with the prefix that its numbers have (R8)."""

    __tablename__ = "sequence_facture"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    serie: Mapped[str] = mapped_column(Choice(FACTURE, AVOIR), primary_key=True)
    annee: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dernier_numero: Mapped[int]
    derniere_date: Mapped[date]
    prefixe: Mapped[str] = mapped_column(String(10))


class FactureAudit(Tenant, Base):
    """Change of the state of an invoice with its author (R25); the database refuses to change a row."""

    __tablename__ = "facture_audit"
    __table_args__ = (Index("ix_facture_audit_facture_id", "organisation_id", "facture_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    facture_id: Mapped[UUID]  # no foreign key: rows outlive a draft that is deleted
    action: Mapped[str] = mapped_column(String(30))
    acteur: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    avant: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    apres: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    at: Mapped[datetime] = mapped_column(default_factory=clock.now)
