"""Tables of the component, in the schema of each service that uses it.

`rules.py`, `copies.py` and `organisations.py` decide about their content.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Row, SoftDelete, Tenant, clock, metadata
from sqlalchemy import ForeignKey, Index, String, Text, func, literal_column, text, true
from sqlalchemy.orm import Mapped, mapped_column

ADMIN, VIEWER = "ADMIN", "VIEWER"
ROLES = (ADMIN, "MANAGER", "COMMERCIAL", VIEWER)
EVENEMENT, SECOURS = "evenement", "secours"
A_FAIRE, FAIT, ECHEC = "a_faire", "fait", "echec"

_LIVING = "supprime_le IS NULL"


class Base(Row):
    """Base of the tables of the component."""

    __abstract__ = True
    metadata = metadata()


class UtilisateurLocal(Entity, Tenant, SoftDelete, Base):
    """A person as this service has met him; users is right about everything here.

    *auth0_id* is the subject under which he was first seen, *utilisateur_id* his id in users (None until
    it is known), *evenement_le* the time of the latest event applied.
    """

    __tablename__ = "utilisateurs_locaux"
    __table_args__ = (
        Index("uq_utilisateur_local_auth0_id", "auth0_id", unique=True, postgresql_where=text(_LIVING)),
        Index(
            "uq_utilisateur_local_utilisateur_id",
            "utilisateur_id",
            unique=True,
            postgresql_where=text(f"{_LIVING} AND utilisateur_id IS NOT NULL"),
        ),
        Index("ix_utilisateurs_locaux_organisation_id", "organisation_id"),
        Index("ix_utilisateurs_locaux_email", "organisation_id", func.lower(literal_column("email"))),
    )

    auth0_id: Mapped[str] = mapped_column(String(255))
    utilisateur_id: Mapped[str | None] = mapped_column(String(64), default=None)
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100), default="")
    photo_url: Mapped[str | None] = mapped_column(Text, default=None)
    role: Mapped[str] = mapped_column(Choice(*ROLES))
    user_type: Mapped[str | None] = mapped_column(String(50), default=None)
    origine: Mapped[str] = mapped_column(Choice(EVENEMENT, SECOURS, length=12))
    last_login_at: Mapped[datetime]
    derniere_sync_ok: Mapped[datetime | None] = mapped_column(default=None)
    evenement_le: Mapped[datetime | None] = mapped_column(default=None)
    actif: Mapped[bool] = mapped_column(default=True, server_default=true())


class SujetLocal(Base):
    """A subject under which a person was seen: at his provider, or his own id in our tokens."""

    __tablename__ = "sujets_locaux"
    __table_args__ = (Index("ix_sujets_locaux_utilisateur_local_id", "utilisateur_local_id"),)

    auth0_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    utilisateur_local_id: Mapped[UUID] = mapped_column(ForeignKey("utilisateurs_locaux.id"))


class OrganisationLocale(Base):
    """An organisation whose people were met here, with the state of its hook (S20)."""

    __tablename__ = "organisations_locales"
    __table_args__ = (
        Index(
            "ix_organisations_locales_a_initialiser",
            "organisation_id",
            postgresql_where=text(f"initialisation_etat <> '{FAIT}'"),
        ),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    last_activity_at: Mapped[datetime]
    initialisee_le: Mapped[datetime | None] = mapped_column(default=None)
    initialisation_etat: Mapped[str] = mapped_column(Choice(A_FAIRE, FAIT, ECHEC, length=10))


class SyncEnAttente(Base):
    """A sign-in that users has not been told of yet; *charge* is the request as JSON.

    *prochain_essai* is None once it was given up, and the row stays for inspection (S12).
    """

    __tablename__ = "sync_en_attente"
    __table_args__ = (
        Index(
            "ix_sync_en_attente_prochain_essai",
            "prochain_essai",
            postgresql_where=text("prochain_essai IS NOT NULL"),
        ),
    )

    auth0_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    charge: Mapped[dict[str, Any]]
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None] = mapped_column(default_factory=clock.now)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    erreur: Mapped[str] = mapped_column(String(200))
