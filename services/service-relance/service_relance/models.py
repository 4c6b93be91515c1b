"""The tables of the relance service. Rules about their content are in `rules.py`."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from db_utils import Choice, Entity, Row, Tenant, clock, metadata
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

IMPAYE, REJET_PRELEVEMENT, NOUVEAU_CLIENT = "IMPAYE", "REJET_PRELEVEMENT", "NOUVEAU_CLIENT"
CONTRAT_BIENTOT_EXPIRE = "CONTRAT_BIENTOT_EXPIRE"
CREER_TACHE, ENVOYER_EMAIL, TACHE_ET_EMAIL = "CREER_TACHE", "ENVOYER_EMAIL", "TACHE_ET_EMAIL"
HAUTE, MOYENNE = "HAUTE", "MOYENNE"
PLANIFIEE, IGNOREE = "PLANIFIEE", "IGNOREE"
CLIENT_SUPPRIME, REGLEE = "CLIENT_SUPPRIME", "REGLEE"  # motifs: the client is gone, nothing is owed

DECLENCHEUR = Choice(
    IMPAYE,
    REJET_PRELEVEMENT,
    NOUVEAU_CLIENT,
    CONTRAT_BIENTOT_EXPIRE,
    "CONTRAT_EXPIRE",
    "INACTIVITE_CLIENT",
    length=30,
)


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class RegleRelance(Entity, Tenant, Base):
    """Rule that says what is done how many days after what (R2).

    *societe_id* is empty for the whole organisation (R4). *delai_jours* are calendar days after
    the cause, negative before it; *niveau* is 1 to 5 for IMPAYE and 0 for everything else.
    """

    __tablename__ = "regle_relance"
    __table_args__ = (
        CheckConstraint("delai_jours BETWEEN -90 AND 365", name="delai_jours"),
        CheckConstraint(
            "CASE declencheur WHEN 'IMPAYE' THEN niveau BETWEEN 1 AND 5 ELSE niveau = 0 END", name="niveau"
        ),
        Index(
            "uq_regle_relance_active",
            "organisation_id",
            "societe_id",
            "declencheur",
            "niveau",
            unique=True,
            postgresql_where=text("actif"),
        ),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    nom: Mapped[str] = mapped_column(String(100))
    declencheur: Mapped[str] = mapped_column(DECLENCHEUR)
    niveau: Mapped[int] = mapped_column(default=0)
    delai_jours: Mapped[int]
    action_type: Mapped[str] = mapped_column(
        Choice(CREER_TACHE, ENVOYER_EMAIL, "NOTIFICATION", TACHE_ET_EMAIL)
    )
    priorite_tache: Mapped[str] = mapped_column(Choice(HAUTE, MOYENNE, "BASSE"), default=MOYENNE)
    actif: Mapped[bool] = mapped_column(default=True)
    ordre: Mapped[int] = mapped_column(default=0)


class Relance(Entity, Tenant, Base):
    """Reminder: one action planned for one client; *cle* names its cause and is unique.

    *montant* and *date_echeance* are those of the invoice when the reminder was planned (R6).
    *a_recalculer* marks a day that was chosen without the calendar, which has the last word (R5).
    """

    __tablename__ = "relance"
    __table_args__ = (
        Index("uq_relance_cle", "organisation_id", "cle", unique=True),
        Index("ix_relance_date_prevue", "organisation_id", "date_prevue", "id"),
        Index("ix_relance_created_at", "organisation_id", "created_at", "id"),
        Index("ix_relance_statut", "organisation_id", "statut", "date_prevue"),
        Index("ix_relance_client_id", "organisation_id", "client_id"),
        Index(
            "ix_relance_facture_id",
            "organisation_id",
            "facture_id",
            postgresql_where=text("facture_id IS NOT NULL"),
        ),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    regle_id: Mapped[UUID] = mapped_column(ForeignKey("regle_relance.id"))
    declencheur: Mapped[str] = mapped_column(DECLENCHEUR)
    niveau: Mapped[int] = mapped_column(default=0)
    client_id: Mapped[str] = mapped_column(String(64))
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant: Mapped[Decimal | None] = mapped_column(default=None)
    date_echeance: Mapped[date | None] = mapped_column(default=None)
    date_prevue: Mapped[date]
    a_recalculer: Mapped[bool]
    statut: Mapped[str] = mapped_column(
        Choice(PLANIFIEE, "EXECUTEE", "ANNULEE", IGNOREE, "ECHEC"), default=PLANIFIEE
    )
    motif: Mapped[str | None] = mapped_column(String(255), default=None)
    cle: Mapped[str] = mapped_column(String(128))
    executee_le: Mapped[datetime | None] = mapped_column(default=None)


class JeuParDefaut(Tenant, Base):
    """Mark of an organisation that has had its default rules, which are supplied once (R1)."""

    __tablename__ = "jeu_par_defaut"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    fourni_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
