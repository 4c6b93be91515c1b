"""The tables of the products service. Rules about their content are in `rules.py` and `tarifs.py`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, SoftDelete, Tenant, clock, metadata, uuid7
from sqlalchemy import (
    CHAR,
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    false,
    func,
    literal_column,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service_products.exonerations import MOTIFS

CATEGORIES = ("ASSURANCE", "PREVOYANCE", "EPARGNE", "SERVICE", "ACCESSOIRE")
BROUILLON, TEST, ACTIF, GELE, RETIRE = "BROUILLON", "TEST", "ACTIF", "GELE", "RETIRE"

_LIVING = text("supprime_le IS NULL")
_POURCENT = Numeric(5, 2)


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Gamme(Entity, Tenant, Base):
    """Range of products."""

    __tablename__ = "gammes"
    __table_args__ = (
        Index("uq_gamme_code", "organisation_id", "code", unique=True),
        Index("ix_gammes_ordre", "organisation_id", "ordre", "id"),
        Index("ix_gammes_nom", "organisation_id", "nom_cle", "id"),
    )

    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    description: Mapped[str | None] = mapped_column(Text, default=None)
    icone: Mapped[str | None] = mapped_column(String(50), default=None)
    ordre: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class Produit(Entity, Tenant, SoftDelete, Base):
    """Product with its list price, HT, and its promotion, if it has one (R8)."""

    __tablename__ = "produits"
    __table_args__ = (
        CheckConstraint("prix >= 0", name="prix"),
        CheckConstraint("taux_tva BETWEEN 0 AND 100", name="taux_tva"),
        CheckConstraint("motif_exoneration IS NULL OR taux_tva = 0", name="exoneration"),
        CheckConstraint("(prix_promotion IS NULL) = (date_debut_promotion IS NULL)", name="promotion"),
        CheckConstraint("date_fin_promotion > date_debut_promotion", name="duree_promotion"),
        Index("uq_produit_sku", "organisation_id", "sku", unique=True, postgresql_where=_LIVING),
        Index("ix_produits_nom", "organisation_id", "nom_cle", "id", postgresql_where=_LIVING),
        Index("ix_produits_prix", "organisation_id", "prix", "id", postgresql_where=_LIVING),
        Index("ix_produits_created_at", "organisation_id", "created_at", "id", postgresql_where=_LIVING),
        Index("ix_produits_gamme", "organisation_id", "gamme_id"),
        # Promotions are few: a list of them does not read all products.
        Index(
            "ix_produits_promotion",
            "organisation_id",
            "nom_cle",
            "id",
            postgresql_where=text("supprime_le IS NULL AND prix_promotion IS NOT NULL"),
        ),
    )

    sku: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(200))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom", "description"), codes=("sku",), whole=True), init=False, server_default=""
    )
    gamme_id: Mapped[UUID | None] = mapped_column(ForeignKey("gammes.id"), default=None)
    description: Mapped[str | None] = mapped_column(Text, default=None)
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES), default="SERVICE", server_default="SERVICE")
    type: Mapped[str] = mapped_column(
        Choice("INTERNE", "PARTENAIRE"), default="INTERNE", server_default="INTERNE"
    )
    prix: Mapped[Decimal] = mapped_column(default=Decimal("0.00"), server_default=text("0"))
    taux_tva: Mapped[Decimal] = mapped_column(_POURCENT, default=Decimal("20.00"), server_default=text("20"))
    motif_exoneration: Mapped[str | None] = mapped_column(Choice(*MOTIFS, length=30), default=None)
    devise: Mapped[str] = mapped_column(CHAR(3), default="EUR", server_default="EUR")
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())
    statut_cycle: Mapped[str] = mapped_column(
        Choice(BROUILLON, TEST, ACTIF, GELE, RETIRE), default=ACTIF, server_default=ACTIF
    )
    prix_promotion: Mapped[Decimal | None] = mapped_column(default=None)
    date_debut_promotion: Mapped[datetime | None] = mapped_column(default=None)
    date_fin_promotion: Mapped[datetime | None] = mapped_column(default=None)
    image_url: Mapped[str | None] = mapped_column(Text, default=None)
    code_externe: Mapped[str | None] = mapped_column(String(100), default=None)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)


class GrilleTarifaire(Entity, Tenant, Base):
    """Price grid, valid on the days between its dates; one of an organisation is the default (R11)."""

    __tablename__ = "grilles_tarifaires"
    __table_args__ = (
        CheckConstraint("date_fin >= date_debut", name="periode"),
        CheckConstraint("actif OR NOT est_par_defaut", name="par_defaut"),
        Index("uq_grille_nom", "organisation_id", "nom_cle", unique=True),
        Index(
            "uq_grille_par_defaut", "organisation_id", unique=True, postgresql_where=text("est_par_defaut")
        ),
        Index("ix_grilles_actif", "organisation_id", "actif", "date_debut", "date_fin"),
        Index(
            "ix_grilles_date_debut",
            "organisation_id",
            func.coalesce(literal_column("date_debut"), literal_column("'0001-01-01'::date")),
            "id",
        ),
    )

    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    description: Mapped[str | None] = mapped_column(Text, default=None)
    date_debut: Mapped[date | None] = mapped_column(default=None)
    date_fin: Mapped[date | None] = mapped_column(default=None)
    est_par_defaut: Mapped[bool] = mapped_column(default=False, server_default=false())
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class PrixProduit(Entity, Tenant, Base):
    """Price of a product in a grid, HT (R12)."""

    __tablename__ = "prix_produits"
    __table_args__ = (
        CheckConstraint("prix_unitaire >= 0", name="prix_unitaire"),
        CheckConstraint("remise_pourcent BETWEEN 0 AND 100", name="remise_pourcent"),
        CheckConstraint("prix_minimum >= 0 AND prix_maximum >= 0", name="bornes_positives"),
        CheckConstraint("prix_minimum <= prix_maximum", name="bornes"),
        Index("uq_prix_produit", "grille_tarifaire_id", "produit_id", unique=True),
        Index("ix_prix_produits_grille", "organisation_id", "grille_tarifaire_id", "created_at", "id"),
        Index("ix_prix_produits_produit", "organisation_id", "produit_id", "created_at", "id"),
    )

    grille_tarifaire_id: Mapped[UUID] = mapped_column(ForeignKey("grilles_tarifaires.id", ondelete="CASCADE"))
    produit_id: Mapped[UUID] = mapped_column(ForeignKey("produits.id"))
    prix_unitaire: Mapped[Decimal]
    remise_pourcent: Mapped[Decimal] = mapped_column(
        _POURCENT, default=Decimal("0.00"), server_default=text("0")
    )
    prix_minimum: Mapped[Decimal | None] = mapped_column(default=None)
    prix_maximum: Mapped[Decimal | None] = mapped_column(default=None)
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class HistoriquePrix(Tenant, Base):
    """What a price was and what it became; a trigger lets nobody change or delete such a row (R12)."""

    __tablename__ = "historique_prix"
    __table_args__ = (Index("ix_historique_prix", "organisation_id", "prix_produit_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    prix_produit_id: Mapped[UUID] = mapped_column(ForeignKey("prix_produits.id"))
    ancien: Mapped[dict[str, Any] | None] = mapped_column(JSONB, default=None)
    nouveau: Mapped[dict[str, Any]]
    auteur_id: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
