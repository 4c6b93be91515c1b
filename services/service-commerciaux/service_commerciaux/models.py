"""The tables of the commerciaux service. Rules about their content are in `rules.py` and its neighbours."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, Tenant, metadata
from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, Text, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

VRP = "VRP"
FIXE, POURCENTAGE, PALIER, MIXTE = "fixe", "pourcentage", "palier", "mixte"
FORFAIT = "forfait"
VOLUME = "volume"
CANAUX = ("terrain", "web", "televente", "partenaire")

ZERO, HUNDRED = Decimal("0.00"), Decimal("100.00")

Percentage = Annotated[Decimal, mapped_column(Numeric(5, 2))]


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class ModeleDistribution(Entity, Tenant, Base):
    """Way of distribution of an organisation, such as DIRECT (R8)."""

    __tablename__ = "modeles_distribution"
    __table_args__ = (
        Index("uq_modele_distribution_code", "organisation_id", "code", unique=True),
        Index("ix_modeles_distribution_nom", "organisation_id", "nom_cle", "id"),
    )

    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom",), codes=("code",)), init=False, server_default=""
    )
    description: Mapped[str | None] = mapped_column(Text, default=None)


class Apporteur(Entity, Tenant, Base):
    """Person who brings clients to an organisation and is paid for it (R1 to R7)."""

    __tablename__ = "apporteurs"
    __table_args__ = (
        Index("uq_apporteur_nom", "organisation_id", "nom_cle", "prenom_cle", unique=True),
        # Emails are stored in lower case (C10): the column itself is compared without case.
        Index(
            "uq_apporteur_email",
            "organisation_id",
            "email",
            unique=True,
            postgresql_where=text("email IS NOT NULL"),
        ),
        Index(
            "uq_apporteur_utilisateur",
            "organisation_id",
            "utilisateur_id",
            unique=True,
            postgresql_where=text("utilisateur_id IS NOT NULL"),
        ),
        Index("ix_apporteurs_nom", "organisation_id", "nom_cle", "id"),
        Index("ix_apporteurs_prenom", "organisation_id", "prenom_cle", "id"),
        Index("ix_apporteurs_created_at", "organisation_id", "created_at", "id"),
        Index("ix_apporteurs_actif", "organisation_id", "actif", "nom_cle"),
        # Without them a deletion would read all apporteurs to see whether one refers to it.
        Index("ix_apporteurs_manager", "manager_id"),
        Index("ix_apporteurs_modele", "modele_distribution_id"),
    )

    utilisateur_id: Mapped[str | None] = mapped_column(String(64), default=None)
    nom: Mapped[str] = mapped_column(String(100))
    prenom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    prenom_cle: Mapped[str] = mapped_column(Key("prenom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom", "prenom"), codes=("email",)), init=False, server_default=""
    )
    type_apporteur: Mapped[str] = mapped_column(
        Choice(VRP, "MANAGER", "DIRECTEUR", "PARTENAIRE", "AUTRE"), default=VRP, server_default=VRP
    )
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    telephone: Mapped[str | None] = mapped_column(String(30), default=None)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("apporteurs.id"), default=None)
    modele_distribution_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("modeles_distribution.id"), default=None
    )
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class Bareme(Entity, Tenant, Base):
    """One version of a scale of commissions, in force from *date_effet* to *date_fin* (R10 to R19).

    Of the versions of one code the one with the greatest *version_bareme* is the *derniere*.
    """

    __tablename__ = "baremes_commission"
    __table_args__ = (
        CheckConstraint("date_fin IS NULL OR date_fin >= date_effet", name="periode"),
        Index("uq_bareme_version", "organisation_id", "code", "version_bareme", unique=True),
        Index(
            "uq_bareme_derniere", "organisation_id", "code", unique=True, postgresql_where=text("derniere")
        ),
        Index("ix_baremes_commission_nom", "organisation_id", "nom_cle", "id"),
        Index("ix_baremes_commission_code", "organisation_id", "code", "id"),
        Index("ix_baremes_commission_date_effet", "organisation_id", "date_effet", "id"),
        Index("ix_baremes_commission_actif", "organisation_id", "actif", "date_effet"),
    )

    code: Mapped[str] = mapped_column(String(50))
    version_bareme: Mapped[int] = mapped_column(default=1)
    derniere: Mapped[bool] = mapped_column(default=True)
    nom: Mapped[str] = mapped_column(String(255))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom",), codes=("code",)), init=False, server_default=""
    )
    description: Mapped[str | None] = mapped_column(Text, default=None)
    type_calcul: Mapped[str] = mapped_column(
        Choice(FIXE, POURCENTAGE, PALIER, MIXTE), default=FIXE, server_default=FIXE
    )
    base_calcul: Mapped[str] = mapped_column(
        Choice("cotisation_ht", "ca_ht", FORFAIT), default=FORFAIT, server_default=FORFAIT
    )
    montant_fixe: Mapped[Decimal | None] = mapped_column(default=None)
    taux_pourcentage: Mapped[Percentage | None] = mapped_column(default=None)
    precomptee: Mapped[bool] = mapped_column(default=False, server_default=false())
    recurrence_active: Mapped[bool] = mapped_column(default=False, server_default=false())
    taux_recurrence: Mapped[Percentage | None] = mapped_column(default=None)
    duree_recurrence_mois: Mapped[int | None] = mapped_column(default=None)
    duree_reprises_mois: Mapped[int] = mapped_column(default=3, server_default=text("3"))
    taux_reprise: Mapped[Percentage] = mapped_column(default=HUNDRED, server_default=text("100"))
    type_produit: Mapped[str | None] = mapped_column(String(50), default=None)
    profil_remuneration: Mapped[str | None] = mapped_column(String(50), default=None)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    canal_vente: Mapped[str | None] = mapped_column(Choice(*CANAUX), default=None)
    repartition_commercial: Mapped[Percentage] = mapped_column(default=HUNDRED, server_default=text("100"))
    repartition_manager: Mapped[Percentage] = mapped_column(default=ZERO, server_default=text("0"))
    repartition_agence: Mapped[Percentage] = mapped_column(default=ZERO, server_default=text("0"))
    repartition_entreprise: Mapped[Percentage] = mapped_column(default=ZERO, server_default=text("0"))
    date_effet: Mapped[date]
    date_fin: Mapped[date | None] = mapped_column(default=None)
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())
    # Subjects of tokens, which an outside provider may make longer than our ids.
    cree_par: Mapped[str | None] = mapped_column(String(255), default=None)
    modifie_par: Mapped[str | None] = mapped_column(String(255), default=None)
    motif_modification: Mapped[str | None] = mapped_column(Text, default=None)


class Palier(Entity, Tenant, Base):
    """Tier of a barème: a measure from *seuil_min*, included, to *seuil_max*, excluded (R14)."""

    __tablename__ = "paliers_commission"
    __table_args__ = (
        CheckConstraint("seuil_max IS NULL OR seuil_max > seuil_min", name="seuils"),
        Index("uq_palier_code", "bareme_id", "code", unique=True),  # serves the tiers of a barème, too
    )

    bareme_id: Mapped[UUID] = mapped_column(ForeignKey("baremes_commission.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(255))
    type_palier: Mapped[str] = mapped_column(
        Choice(VOLUME, "ca", "prime_produit"), default=VOLUME, server_default=VOLUME
    )
    seuil_min: Mapped[Decimal]
    seuil_max: Mapped[Decimal | None] = mapped_column(default=None)
    montant_prime: Mapped[Decimal] = mapped_column(default=ZERO, server_default=text("0"))
    taux_bonus: Mapped[Percentage | None] = mapped_column(default=None)
    cumulable: Mapped[bool] = mapped_column(default=True, server_default=true())
    par_periode: Mapped[bool] = mapped_column(default=True, server_default=true())
    type_produit: Mapped[str | None] = mapped_column(String(50), default=None)
    ordre: Mapped[int] = mapped_column(default=0, server_default=text("0"))
