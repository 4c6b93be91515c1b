"""The tables of the contrats service. What may be in them is in `rules.py`, `statuts.py`, `termes.py`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from db_utils import Choice, Entity, Row, Searched, SoftDelete, Tenant, clock, metadata, uuid7
from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Numeric, String, Text, func, text
from sqlalchemy import literal_column as column
from sqlalchemy.orm import Mapped, mapped_column

BROUILLON, SIGNE, ACTIF, SUSPENDU = "BROUILLON", "SIGNE", "ACTIF", "SUSPENDU"
RESILIE, EXPIRE, ANNULE = "RESILIE", "EXPIRE", "ANNULE"
STATUTS: Final = (BROUILLON, SIGNE, ACTIF, SUSPENDU, RESILIE, EXPIRE, ANNULE)
UNIQUE: Final = "UNIQUE"
FREQUENCES: Final = (UNIQUE, "MENSUELLE", "TRIMESTRIELLE", "SEMESTRIELLE", "ANNUELLE")
ACTIVER, SUSPENDRE, RESILIER = "activer", "suspendre", "resilier"
PENDING, SUCCESS, FAILURE = "pending", "success", "failure"

REFERENCE_TAKEN: Final = "uq_contrat_reference"
EN_VIGUEUR: Final = f"statut IN ('{ACTIF}', '{SUSPENDU}')"
"""The contracts that run, as the index of their ends says it: a bound value would not find that index."""

_LIVING = text("supprime_le IS NULL")
_LONGEST_SUBJECT = 255  # characters of the sub of a token (OpenID Connect Core, section 2)


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Contrat(Entity, Tenant, SoftDelete, Base):
    """Contract of a client; *montant* is the amount of one billing period, taxes included (R4, R7).

    *montant_impose* tells an amount that somebody gave from one that the lines make. The event
    *signature_event_id* has announced the signature, once and for all (R10).
    """

    __tablename__ = "contrats"
    __table_args__ = (
        CheckConstraint("date_fin >= date_debut", name="periode"),
        CheckConstraint(
            f"statut IN ('{BROUILLON}', '{ANNULE}') OR date_signature IS NOT NULL", name="signature"
        ),
        Index(REFERENCE_TAKEN, "organisation_id", "reference", unique=True, postgresql_where=_LIVING),
        Index("uq_contrat_signature_event_id", "signature_event_id", unique=True),
        # The default sort, with all columns that a search looks into or sorts by: a search that finds
        # hardly anything reads this whole index and no row of the table.
        Index(
            "ix_contrats_recherche",
            "organisation_id",
            "created_at",
            "id",
            postgresql_include=[
                "recherche_cle",
                "reference",
                "date_debut",
                "date_signature",
                "montant_total",
            ],
            postgresql_where=_LIVING,
        ),
        Index("ix_contrats_date_debut", "organisation_id", "date_debut", "id", postgresql_where=_LIVING),
        Index(
            "ix_contrats_date_signature",
            "organisation_id",
            func.coalesce(column("date_signature"), column("'0001-01-01 00:00:00+00'::timestamptz")),
            "id",
            postgresql_where=_LIVING,
        ),
        Index(
            "ix_contrats_montant_total", "organisation_id", "montant_total", "id", postgresql_where=_LIVING
        ),
        Index("ix_contrats_client", "organisation_id", "client_id"),
        Index("ix_contrats_statut", "organisation_id", "statut", "date_fin"),
        Index("ix_contrats_commercial", "organisation_id", "commercial_id"),
        Index("ix_contrats_societe", "organisation_id", "societe_id"),
        # Jobs look for contracts that end, whatever their organisation.
        Index(
            "ix_contrats_date_fin",
            "date_fin",
            postgresql_where=text(f"{EN_VIGUEUR} AND supprime_le IS NULL"),
        ),
    )

    reference: Mapped[str] = mapped_column(String(100))
    titre: Mapped[str | None] = mapped_column(String(255), default=None)
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("titre",), codes=("reference",)), init=False, server_default=""
    )
    description: Mapped[str | None] = mapped_column(Text, default=None)
    type: Mapped[str | None] = mapped_column(String(50), default=None)
    statut: Mapped[str] = mapped_column(Choice(*STATUTS))
    client_id: Mapped[str] = mapped_column(String(64))
    produit_id: Mapped[str | None] = mapped_column(String(64), default=None)
    commercial_id: Mapped[str | None] = mapped_column(String(64), default=None)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    date_debut: Mapped[date]
    date_fin: Mapped[date | None] = mapped_column(default=None)
    date_signature: Mapped[datetime | None] = mapped_column(default=None)
    signataire_nom: Mapped[str | None] = mapped_column(String(200), default=None)
    document_id: Mapped[str | None] = mapped_column(String(64), default=None)
    date_resiliation: Mapped[date | None] = mapped_column(default=None)
    motif_resiliation: Mapped[str | None] = mapped_column(Text, default=None)
    montant: Mapped[Decimal] = mapped_column(default=Decimal(0))
    montant_impose: Mapped[bool] = mapped_column(default=False)
    nombre_echeances: Mapped[int] = mapped_column(default=1)
    montant_total: Mapped[Decimal] = mapped_column(default=Decimal(0))
    prix_a_confirmer: Mapped[bool] = mapped_column(default=False)
    devise: Mapped[str] = mapped_column(CHAR(3), default="EUR")
    frequence_facturation: Mapped[str] = mapped_column(Choice(*FREQUENCES), default=UNIQUE)
    duree_mois: Mapped[int | None] = mapped_column(default=None)
    document_url: Mapped[str | None] = mapped_column(Text, default=None)
    fournisseur: Mapped[str | None] = mapped_column(String(255), default=None)
    notes: Mapped[str | None] = mapped_column(Text, default=None)
    signature_event_id: Mapped[UUID | None] = mapped_column(default=None)
    expiration_notifiee_le: Mapped[datetime | None] = mapped_column(default=None)


class LigneContrat(Entity, Tenant, Base):
    """Line of a contract: so many of a product at a price that includes taxes (R4, R22)."""

    __tablename__ = "lignes_contrat"
    __table_args__ = (
        CheckConstraint("quantite BETWEEN 1 AND 100000", name="quantite"),
        CheckConstraint("prix_unitaire >= 0", name="prix_unitaire"),
        Index("ix_lignes_contrat_contrat_id", "organisation_id", "contrat_id", "created_at", "id"),
    )

    contrat_id: Mapped[UUID] = mapped_column(ForeignKey("contrats.id", ondelete="CASCADE"))
    produit_id: Mapped[str] = mapped_column(String(64))
    libelle: Mapped[str | None] = mapped_column(String(255), default=None)
    periode_facturation: Mapped[str | None] = mapped_column(String(20), default=None)
    quantite: Mapped[int] = mapped_column(default=1)
    prix_unitaire: Mapped[Decimal]
    prix_a_confirmer: Mapped[bool] = mapped_column(default=False)
    taux_tva: Mapped[Decimal | None] = mapped_column(Numeric(5, 2), default=None)
    motif_exoneration: Mapped[str | None] = mapped_column(String(30), default=None)


class HistoriqueStatut(Tenant, Base):
    """Change of the statut of a contract, the first one being its creation (R6); never changed itself."""

    __tablename__ = "historique_statut_contrat"
    __table_args__ = (
        # With the statut: figures read the last one of each contract from this index alone.
        Index(
            "ix_historique_statut_contrat_contrat_id",
            "organisation_id",
            "contrat_id",
            "date_changement",
            "id",
            postgresql_include=["nouveau_statut"],
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    contrat_id: Mapped[UUID] = mapped_column(ForeignKey("contrats.id", ondelete="CASCADE"))
    ancien_statut: Mapped[str | None] = mapped_column(Choice(*STATUTS), default=None)
    nouveau_statut: Mapped[str] = mapped_column(Choice(*STATUTS))
    motif: Mapped[str | None] = mapped_column(Text, default=None)
    auteur_id: Mapped[str] = mapped_column(String(_LONGEST_SUBJECT))
    date_changement: Mapped[datetime] = mapped_column(default_factory=clock.now)


class OrchestrationHistory(Tenant, Base):
    """Call of Activer, Suspendre or Resilier with what became of it (R16)."""

    __tablename__ = "contract_orchestration_history"
    __table_args__ = (
        Index(
            "ix_contract_orchestration_history_contrat_id",
            "organisation_id",
            "contrat_id",
            "started_at",
            "id",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    contrat_id: Mapped[UUID] = mapped_column(ForeignKey("contrats.id", ondelete="CASCADE"))
    operation: Mapped[str] = mapped_column(Choice(ACTIVER, SUSPENDRE, RESILIER))
    status: Mapped[str] = mapped_column(Choice(PENDING, SUCCESS, FAILURE), default=PENDING)
    payload: Mapped[dict[str, Any]]
    response_payload: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    error_message: Mapped[str | None] = mapped_column(Text, default=None)
    started_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class CompteurReference(Base):
    """Number of the last reference that was made in an organisation and year (R1)."""

    __tablename__ = "compteurs_reference"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    annee: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dernier: Mapped[int]
