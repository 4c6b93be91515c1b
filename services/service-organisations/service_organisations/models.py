"""The tables of the organisations service. Rules about their content are in `rules.py`."""

from datetime import datetime

from db_utils import (
    Choice,
    Entity,
    Key,
    Row,
    Searched,
    SoftDelete,
    Tenant,
    TenantOrSystem,
    Versioned,
    metadata,
    uuid7,
)
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    false,
    func,
    literal_column,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

FAMILLES = ("CONDITION_PAIEMENT", "PERIODE_FACTURATION", "EMISSION_FACTURE", "FACTURATION_PAR")

_LIVING = text("supprime_le IS NULL")


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Organisation(Versioned, SoftDelete, Base):
    """Tenant of the CRM; its id is a UUID of ours or was imposed by a source of identities (R2)."""

    __tablename__ = "organisations"
    __table_args__ = (
        Index(
            "uq_organisation_siret",
            "siret",
            unique=True,
            postgresql_where=text("supprime_le IS NULL AND siret IS NOT NULL"),
        ),
        Index("ix_organisations_nom_lower", func.lower(literal_column("nom"))),
        Index("ix_organisations_nom_cle", "nom_cle", "id"),
        Index("ix_organisations_created_at", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default_factory=lambda: str(uuid7()))
    nom: Mapped[str] = mapped_column(String(255))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom",), codes=("email", "siret")), init=False, server_default=""
    )
    description: Mapped[str | None] = mapped_column(Text, default=None)
    siret: Mapped[str | None] = mapped_column(String(14), default=None)
    adresse: Mapped[str | None] = mapped_column(Text, default=None)
    telephone: Mapped[str | None] = mapped_column(String(50), default=None)
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())
    etat: Mapped[str] = mapped_column(
        Choice("essai", "actif", "suspendu", "inactif"), default="actif", server_default="actif"
    )
    last_activity_at: Mapped[datetime | None] = mapped_column(default=None)
    provisoire: Mapped[bool] = mapped_column(default=False, server_default=false())


class Societe(Entity, Tenant, SoftDelete, Base):
    """Legal company of an organisation."""

    __tablename__ = "societes"
    __table_args__ = (
        Index("uq_societe_siren", "organisation_id", "siren", unique=True, postgresql_where=_LIVING),
        Index("ix_societes_raison_sociale_cle", "organisation_id", "raison_sociale_cle", "id"),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), ForeignKey("organisations.id"))
    raison_sociale: Mapped[str] = mapped_column(String(255))
    raison_sociale_cle: Mapped[str] = mapped_column(Key("raison_sociale"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("raison_sociale",), codes=("siren",)), init=False, server_default=""
    )
    siren: Mapped[str] = mapped_column(String(9))
    numero_tva: Mapped[str | None] = mapped_column(String(20), default=None)
    adresse: Mapped[str | None] = mapped_column(Text, default=None)
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    telephone: Mapped[str | None] = mapped_column(String(50), default=None)


class Partenaire(Entity, Tenant, Base):
    """White-label partner of an organisation, with the theme of its brand."""

    __tablename__ = "partenaires_marque_blanche"
    __table_args__ = (
        Index("uq_partenaire_siren", "organisation_id", "siren", unique=True),
        Index("ix_partenaires_denomination_cle", "organisation_id", "denomination_cle", "id"),
    )

    denomination: Mapped[str] = mapped_column(String(255))
    denomination_cle: Mapped[str] = mapped_column(Key("denomination"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("denomination",), codes=("siren",)), init=False, server_default=""
    )
    siren: Mapped[str] = mapped_column(String(9))
    numero_tva: Mapped[str | None] = mapped_column(String(20), default=None)
    contact_support_email: Mapped[str] = mapped_column(String(255))
    telephone: Mapped[str | None] = mapped_column(String(50), default=None)
    statut: Mapped[str] = mapped_column(
        Choice("PROSPECT", "ACTIF", "SUSPENDU", "RESILIE"), default="ACTIF", server_default="ACTIF"
    )
    logo_url: Mapped[str | None] = mapped_column(Text, default=None)
    favicon_url: Mapped[str | None] = mapped_column(Text, default=None)
    couleur_primaire: Mapped[str | None] = mapped_column(String(7), default=None)
    couleur_secondaire: Mapped[str | None] = mapped_column(String(7), default=None)


class Entree(Entity, TenantOrSystem, Base):
    """Entry of a reference list; without an organisation it is supplied by the system (R13)."""

    __tablename__ = "referentiels"
    __table_args__ = (
        Index(
            "uq_referentiel_code",
            "organisation_id",
            "famille",
            "code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("delai_jours BETWEEN 0 AND 365", name="delai_jours"),
    )

    famille: Mapped[str] = mapped_column(Choice(*FAMILLES, length=30))
    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom",), codes=("code",)), init=False, server_default=""
    )
    description: Mapped[str | None] = mapped_column(Text, default=None)
    delai_jours: Mapped[int | None] = mapped_column(default=None)
    fin_de_mois: Mapped[bool] = mapped_column(default=False, server_default=false())
    ordre: Mapped[int] = mapped_column(default=0, server_default=text("0"))
