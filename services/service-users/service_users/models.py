"""Tables of the users service. The rules about their content are in `rules.py`.

A person belongs to no organisation: only memberships and invitations are tenant rows.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, SoftDelete, Tenant, clock, metadata, uuid7
from grpc_utils.providers import PROVIDERS
from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, String, Text, func, text
from sqlalchemy import literal_column as column
from sqlalchemy.orm import Mapped, mapped_column

ADMIN, VIEWER = "ADMIN", "VIEWER"
ROLES: Final = (ADMIN, "MANAGER", "COMMERCIAL", VIEWER)
INVITE, ACTIF, SUSPENDU, RETIRE = "invite", "actif", "suspendu", "retire"
PENDING, ACCEPTED, EXPIRED, CANCELLED = "pending", "accepted", "expired", "cancelled"
TRAITE, IGNORE, CONFLIT, EN_FILE, ECHEC = "TRAITE", "IGNORE", "CONFLIT", "EN_FILE", "ECHEC"

EMAIL_TAKEN = "uq_utilisateur_email"
_LIVING = text("supprime_le IS NULL")


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Utilisateur(Entity, SoftDelete, Base):
    """A person.

    *email_en_attente* is an address that the person has not proved yet. *fournisseur_maj_le* is the
    provider's time of the last webhook applied; *suspendu_par_fournisseur* tells a suspension by the
    provider from one by a service. Tokens of ours issued before *jetons_depuis* are refused (R28).
    """

    __tablename__ = "utilisateurs"
    __table_args__ = (
        Index(EMAIL_TAKEN, func.lower(column("email")), unique=True, postgresql_where=_LIVING),
        Index("ix_utilisateurs_nom_cle", "nom_cle", "id", postgresql_where=_LIVING),
        Index("ix_utilisateurs_prenom_cle", "prenom_cle", "id", postgresql_where=_LIVING),
        # Pages need a value to go on from, also of people who never signed in.
        Index(
            "ix_utilisateurs_derniere_connexion",
            func.coalesce(column("derniere_connexion"), column("'0001-01-01 00:00:00+00'::timestamptz")),
            "id",
            postgresql_where=_LIVING,
        ),
    )

    nom: Mapped[str] = mapped_column(String(100), default="")
    prenom: Mapped[str] = mapped_column(String(100), default="")
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    prenom_cle: Mapped[str] = mapped_column(Key("prenom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom", "prenom"), codes=("email",)), init=False, server_default=""
    )
    email: Mapped[str] = mapped_column(String(255))
    email_verifie: Mapped[bool] = mapped_column(default=False)
    telephone: Mapped[str | None] = mapped_column(String(50), default=None)
    photo_url: Mapped[str | None] = mapped_column(Text, default=None)
    actif: Mapped[bool] = mapped_column(default=True)
    type_utilisateur: Mapped[str] = mapped_column(String(50), default="UTILISATEUR")
    applications: Mapped[list[str]] = mapped_column(ARRAY(Text))
    derniere_connexion: Mapped[datetime | None] = mapped_column(default=None)
    nombre_connexions: Mapped[int] = mapped_column(BigInteger, default=0)
    source_creation: Mapped[str] = mapped_column(String(40))
    fournisseur_maj_le: Mapped[datetime | None] = mapped_column(default=None)
    suspendu_par_fournisseur: Mapped[bool] = mapped_column(default=False)
    email_en_attente: Mapped[str | None] = mapped_column(String(255), default=None)
    jetons_depuis: Mapped[datetime | None] = mapped_column(default=None)


class Identite(Base):
    """The subject under which a provider knows a person; only a reprise takes it from its account (R2)."""

    __tablename__ = "identites"
    __table_args__ = (
        Index("uq_identite", "fournisseur", "sujet", unique=True),
        Index("uq_identite_fournisseur", "utilisateur_id", "fournisseur", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    utilisateur_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs.id"))
    fournisseur: Mapped[str] = mapped_column(Choice(*PROVIDERS))
    sujet: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class IdentifiantLocal(Base):
    """The bcrypt hash of a person's password; *aleatoire* marks a random one that nobody was told (R6)."""

    __tablename__ = "identifiants_locaux"

    utilisateur_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(String(72))
    change_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    aleatoire: Mapped[bool] = mapped_column(default=False)


class ConfirmationEmail(Base):
    """The link that proves an address of a person (R29); only the SHA-256 of its token is kept."""

    __tablename__ = "confirmations_email"
    __table_args__ = (Index("uq_confirmation_email_jeton", "jeton_hash", unique=True),)

    utilisateur_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs.id"), primary_key=True)
    email: Mapped[str] = mapped_column(String(255))
    jeton_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expire_le: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Membre(Entity, Tenant, Base):
    """A person's membership of an organisation. The role is information and refuses nothing.

    *choisi_le* is the last sign-in that named this organisation (R31); it leaves the version as it is.
    """

    __tablename__ = "membres"
    __table_args__ = (
        Index("uq_membre", "organisation_id", "utilisateur_id", unique=True),
        Index("ix_membres_utilisateur", "utilisateur_id", "created_at", "id"),
        Index("ix_membres_created_at", "organisation_id", "created_at", "id"),
    )

    utilisateur_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs.id"))
    role: Mapped[str] = mapped_column(Choice(*ROLES))
    etat: Mapped[str] = mapped_column(Choice(INVITE, ACTIF, SUSPENDU, RETIRE))
    date_invitation: Mapped[datetime | None] = mapped_column(default=None)
    date_activation: Mapped[datetime | None] = mapped_column(default=None)
    choisi_le: Mapped[datetime | None] = mapped_column(default=None)


class Invitation(Entity, Tenant, Base):
    """An invitation to join an organisation; only the SHA-256 of its token is kept (R18).

    *acceptee_par* is the account that joined by it, which a reprise asks for (R30).
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index("uq_invitation_jeton", "jeton_hash", unique=True),
        Index(
            "uq_invitation_pending",
            "organisation_id",
            func.lower(column("email_invite")),
            unique=True,
            postgresql_where=text("etat = 'pending'"),
        ),
        Index("ix_invitations_created_at", "organisation_id", "created_at", "id"),
        Index("ix_invitations_expire_le", "expire_le", postgresql_where=text("etat = 'pending'")),
    )

    email_invite: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(Choice(*ROLES))
    jeton_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expire_le: Mapped[datetime]
    etat: Mapped[str] = mapped_column(Choice(PENDING, ACCEPTED, EXPIRED, CANCELLED), default=PENDING)
    invite_par: Mapped[str] = mapped_column(String(255), default="")
    acceptee_par: Mapped[UUID | None] = mapped_column(default=None)


class WebhookRecu(Base):
    """A webhook that was taken in, under the key by which its replays are known (R22).

    *sujet* is the person's subject, "" for types that mean nothing here. *charge_utile* holds the fields
    that a later attempt needs, as long as one is due (EN_FILE) or possible (CONFLIT), else nothing.
    """

    __tablename__ = "webhooks_recus"
    __table_args__ = (
        Index("uq_webhook", "fournisseur", "cle", unique=True),
        Index("ix_webhooks_recus_recu_le", "recu_le"),
        Index("ix_webhooks_recus_sujet", "fournisseur", "sujet", "type"),
        Index("ix_webhooks_recus_due", "prochain_essai", postgresql_where=text("prochain_essai IS NOT NULL")),
        Index(
            "ix_webhooks_recus_conflit",
            text("(charge_utile ->> 'email')"),
            postgresql_where=text(f"resultat = '{CONFLIT}'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    fournisseur: Mapped[str] = mapped_column(Choice(*PROVIDERS))
    cle: Mapped[str] = mapped_column(String(128))
    type: Mapped[str] = mapped_column(String(60))
    sujet: Mapped[str] = mapped_column(String(255))
    recu_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    horodatage_fournisseur: Mapped[datetime | None] = mapped_column(default=None)
    resultat: Mapped[str] = mapped_column(Choice(TRAITE, IGNORE, CONFLIT, EN_FILE, ECHEC))
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None] = mapped_column(default=None)
    charge_utile: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    erreur: Mapped[str | None] = mapped_column(Text, default=None)


class Evenement(Base):
    """A line of the audit journal: inserted, never changed, without secrets."""

    __tablename__ = "journal_identite"
    __table_args__ = (Index("ix_journal_identite_utilisateur", "utilisateur_id", column("created_at DESC")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    utilisateur_id: Mapped[UUID | None] = mapped_column(default=None)
    evenement: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(80), default="")
    details: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Conflit(Base):
    """A conflict of a provider's person with an existing account (R10); *resolu_le* is when it ended."""

    __tablename__ = "conflits_identite"
    __table_args__ = (Index("uq_conflit_identite", "fournisseur", "sujet", "email", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    fournisseur: Mapped[str] = mapped_column(Choice(*PROVIDERS))
    sujet: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    utilisateur_existant_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs.id"))
    motif: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    resolu_le: Mapped[datetime | None] = mapped_column(default=None)


class OrganisationAAssurer(Base):
    """An organisation that is still to be made known to organisations, which did not answer (R11)."""

    __tablename__ = "organisations_a_assurer"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    type_utilisateur: Mapped[str] = mapped_column(String(50), default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
