"""The tables of the relance service. Rules about their content are in `rules.py`."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, SoftDelete, Tenant, clock, metadata, uuid7
from grpc_utils import Keyed
from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

IMPAYE, REJET_PRELEVEMENT, NOUVEAU_CLIENT = "IMPAYE", "REJET_PRELEVEMENT", "NOUVEAU_CLIENT"
CONTRAT_BIENTOT_EXPIRE, CONTRAT_EXPIRE = "CONTRAT_BIENTOT_EXPIRE", "CONTRAT_EXPIRE"
INACTIVITE_CLIENT = "INACTIVITE_CLIENT"
CREER_TACHE, ENVOYER_EMAIL, TACHE_ET_EMAIL = "CREER_TACHE", "ENVOYER_EMAIL", "TACHE_ET_EMAIL"
NOTIFICATION = "NOTIFICATION"
HAUTE, MOYENNE, BASSE = "HAUTE", "MOYENNE", "BASSE"
PLANIFIEE, EXECUTEE, ANNULEE, IGNOREE = "PLANIFIEE", "EXECUTEE", "ANNULEE", "IGNOREE"
ECHEC = "ECHEC"  # statut of a reminder, resultat in its history
SUCCES, IGNORE = "SUCCES", "IGNORE"  # resultats
CLIENT_SUPPRIME, REGLEE = "CLIENT_SUPPRIME", "REGLEE"  # motifs: the client is gone, nothing is owed
LITIGE = "LITIGE"  # motif: the client contests the invoice
DECES = "DECES"  # motif: the client has died
RETRY_EPUISE = "RETRY_EPUISE"  # motif: no debit of the invoice is presented again

DECLENCHEUR = Choice(
    IMPAYE,
    REJET_PRELEVEMENT,
    NOUVEAU_CLIENT,
    CONTRAT_BIENTOT_EXPIRE,
    CONTRAT_EXPIRE,
    INACTIVITE_CLIENT,
    length=30,
)

_LONGEST_ERROR = 500
_LONGEST_TEXT = 10_000  # characters of a description or of the body of a template


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class RegleRelance(Entity, Tenant, SoftDelete, Base):
    """Rule that says what is done how many days after what (R2).

    *societe_id* is empty for the whole organisation (R4). *delai_jours* are calendar days after
    the cause, negative before it; *niveau* is 1 to 5 for IMPAYE and 0 for everything else.
    *modele_code* names a template of the email service. A deleted rule stays for the reminders
    that were planned by it, and is not active.
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
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    description: Mapped[str | None] = mapped_column(String(_LONGEST_TEXT), default=None)
    declencheur: Mapped[str] = mapped_column(DECLENCHEUR)
    niveau: Mapped[int] = mapped_column(default=0)
    delai_jours: Mapped[int]
    action_type: Mapped[str] = mapped_column(Choice(CREER_TACHE, ENVOYER_EMAIL, NOTIFICATION, TACHE_ET_EMAIL))
    priorite_tache: Mapped[str] = mapped_column(Choice(HAUTE, MOYENNE, BASSE), default=MOYENNE)
    modele_code: Mapped[str | None] = mapped_column(String(60), default=None)
    template_titre: Mapped[str | None] = mapped_column(String(255), default=None)
    template_corps: Mapped[str | None] = mapped_column(String(_LONGEST_TEXT), default=None)
    assigne_par_defaut: Mapped[str | None] = mapped_column(String(64), default=None)
    actif: Mapped[bool] = mapped_column(default=True)
    ordre: Mapped[int] = mapped_column(default=0)


class Envoi(Entity, Tenant, Base):
    """What one run sends for reminders that go together (R14); its id is that of the first of them.

    *contenu* is what the fixed requests say (`contenus.contenu`), emptied once the history has it.
    *message_id*, *tache_id* and *notification_id* are what the callees have made, *mail_le* is when the
    client was written to (R15).
    """

    __tablename__ = "envoi"
    __table_args__ = (Index("ix_envoi_client_id", "organisation_id", "client_id", "mail_le"),)

    client_id: Mapped[str] = mapped_column(String(64))
    contenu: Mapped[dict[str, Any]]
    mail_le: Mapped[datetime | None] = mapped_column(default=None)
    message_id: Mapped[str | None] = mapped_column(String(64), default=None)
    tache_id: Mapped[str | None] = mapped_column(String(64), default=None)
    notification_id: Mapped[str | None] = mapped_column(String(64), default=None)


class Relance(Entity, Tenant, Base):
    """Reminder: one action planned for one client; *cle* names its cause and is unique.

    *montant*, *date_echeance* and *numero* are those of the invoice when the reminder was planned (R6).
    *a_recalculer* marks a day that was chosen without the calendar, which has the last word (R5).
    *nb_reports* counts the delays because of a debit on its way (R12), *tentatives* the failures (R18).
    *payment_id* is the payment that was rejected (R8), or that settled the invoice (R19). *motif_rejet* is
    the reason as the bank told it. *payments_muet_le* is when payments could not tell whether a debit is on
    its way. *envoi_id* is what a run has sent, or tries to send, for it.
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
        Index(
            "ix_relance_a_recalculer",
            "organisation_id",
            postgresql_where=text("a_recalculer AND statut = 'PLANIFIEE'"),
        ),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    regle_id: Mapped[UUID] = mapped_column(ForeignKey("regle_relance.id"))
    declencheur: Mapped[str] = mapped_column(DECLENCHEUR)
    niveau: Mapped[int] = mapped_column(default=0)
    client_id: Mapped[str] = mapped_column(String(64))
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    payment_id: Mapped[str | None] = mapped_column(String(64), default=None)
    numero: Mapped[str | None] = mapped_column(String(50), default=None)
    montant: Mapped[Decimal | None] = mapped_column(default=None)
    date_echeance: Mapped[date | None] = mapped_column(default=None)
    date_prevue: Mapped[date]
    a_recalculer: Mapped[bool]
    statut: Mapped[str] = mapped_column(
        Choice(PLANIFIEE, EXECUTEE, ANNULEE, IGNOREE, ECHEC), default=PLANIFIEE
    )
    nb_reports: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    tentatives: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    motif: Mapped[str | None] = mapped_column(String(255), default=None)
    motif_rejet: Mapped[str | None] = mapped_column(String(35), default=None)
    date_rejet: Mapped[date | None] = mapped_column(default=None)
    payments_muet_le: Mapped[datetime | None] = mapped_column(default=None)
    cle: Mapped[str] = mapped_column(String(160))
    executee_le: Mapped[datetime | None] = mapped_column(default=None)
    envoi_id: Mapped[UUID | None] = mapped_column(ForeignKey("envoi.id"), default=None)


class HistoriqueRelance(Tenant, Base):
    """What became of a reminder that had come due: a line that is never changed, kept five years.

    *metadata_* holds the amounts, the level and the text that was sent.
    """

    __tablename__ = "historique_relance"
    __table_args__ = (
        Index("ix_historique_relance_date_execution", "organisation_id", "date_execution", "id"),
        Index(
            "ix_historique_relance_facture_id",
            "organisation_id",
            "facture_id",
            postgresql_where=text("facture_id IS NOT NULL"),
        ),
        Index("ix_historique_relance_client_id", "organisation_id", "client_id"),
        Index("ix_historique_relance_relance_id", "relance_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    relance_id: Mapped[UUID] = mapped_column(ForeignKey("relance.id"))
    regle_relance_id: Mapped[UUID] = mapped_column(ForeignKey("regle_relance.id"))
    client_id: Mapped[str] = mapped_column(String(64))
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    tache_creee_id: Mapped[str | None] = mapped_column(String(64), default=None)
    message_id: Mapped[str | None] = mapped_column(String(64), default=None)
    date_execution: Mapped[datetime] = mapped_column(default_factory=clock.now)
    resultat: Mapped[str] = mapped_column(Choice(SUCCES, ECHEC, IGNORE))
    message_erreur: Mapped[str | None] = mapped_column(String(_LONGEST_ERROR), default=None)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)


class JeuParDefaut(Tenant, Base):
    """Mark of an organisation that has had its default rules, which are supplied once (R1)."""

    __tablename__ = "jeu_par_defaut"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    fourni_le: Mapped[datetime] = mapped_column(default_factory=clock.now)


class ReglementVu(Tenant, Base):
    """Payment of which an event told: that it was received (R19), that it was rejected (R8), or both.

    The row decides what the one event means after the other, whichever came first. *date_reception* is
    None until payment.received has come, *rejete_le* until payment.rejected has.
    """

    __tablename__ = "reglement_vu"
    __table_args__ = (
        Index(
            "ix_reglement_vu_facture_id",
            "organisation_id",
            "facture_id",
            postgresql_where=text("facture_id IS NOT NULL"),
        ),
        Index("ix_reglement_vu_vu_le", "vu_le"),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant: Mapped[Decimal]
    date_reception: Mapped[date | None] = mapped_column(default=None)
    rejete_le: Mapped[date | None] = mapped_column(default=None)
    vu_le: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Signalement(Entity, Tenant, Keyed, Base):
    """What another service has found out, once under its key (R20).

    *relance_ids* are the reminders that it has brought forward.
    """

    __tablename__ = "signalement"
    __table_args__ = (
        Index("uq_signalement_cle", "organisation_id", "cle_idempotence", unique=True),
        Index("ix_signalement_created_at", "created_at"),
    )

    declencheur: Mapped[str] = mapped_column(DECLENCHEUR)
    motif: Mapped[str] = mapped_column(Choice(RETRY_EPUISE))
    client_id: Mapped[str] = mapped_column(String(64))
    facture_id: Mapped[str] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)
    relance_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default_factory=list)
