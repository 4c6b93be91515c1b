"""Tables of the notifications service. Visibility is decided in `visibility.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Row, Tenant, clock, metadata, uuid7
from grpc_utils import Keyed
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

FINANCE, COMMERCIAL = "FINANCE", "COMMERCIAL"
EQUIPES = (FINANCE, COMMERCIAL, "DIRECTION")
CRITIQUE = "critique"
SYSTEME = "SYSTEME"
UTILISATEUR, EQUIPE, ORGANISATION = "UTILISATEUR", "EQUIPE", "ORGANISATION"
TYPES = (
    "CONTRAT_EXPIRE",
    "CONTRAT_BIENTOT_EXPIRE",
    "IMPAYE",
    "NOUVEAU_CLIENT",
    "NOUVEAU_CONTRAT",
    "NOUVELLE_FACTURE",
    "PAIEMENT_RECU",
    "PAIEMENT_REJETE",
    "TACHE_ASSIGNEE",
    "RAPPEL",
    "ALERTE",
    "INFO",
    SYSTEME,
)


class Base(Row):
    """Tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Notification(Entity, Tenant, Keyed, Base):
    """A notification: one row, however many people read it (R1).

    *destinataire_id* is a user id, a team code, or empty for a whole organisation. *sequence* is its
    place in all streams, given after its commit (`numbering.py`). *cle_idempotence* names the cause:
    one key makes one row (R8).
    """

    __tablename__ = "notifications"
    __table_args__ = (
        Index(
            "uq_notification_cle",
            "organisation_id",
            "cle_idempotence",
            unique=True,
            postgresql_where=text("cle_idempotence IS NOT NULL"),
        ),
        UniqueConstraint("sequence"),
        Index("ix_notifications_created_at", "organisation_id", "created_at", "id"),
        Index("ix_notifications_sequence", "organisation_id", "sequence"),
        Index("ix_notifications_unnumbered", "id", postgresql_where=text("sequence IS NULL")),
        Index("ix_notifications_age", "created_at"),
    )

    destinataire_type: Mapped[str] = mapped_column(Choice(UTILISATEUR, EQUIPE, ORGANISATION, length=12))
    destinataire_id: Mapped[str] = mapped_column(String(64), default="")
    type: Mapped[str] = mapped_column(Choice(*TYPES, length=30))
    niveau: Mapped[str] = mapped_column(Choice("info", "avertissement", CRITIQUE, length=15), default="info")
    titre: Mapped[str] = mapped_column(String(255))
    message: Mapped[str] = mapped_column(String(2000))
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)
    lien_url: Mapped[str | None] = mapped_column(String(500), default=None)
    cle_idempotence: Mapped[str | None] = mapped_column(String(160), default=None)  # others have 255 (R19)
    diffuser: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    sequence: Mapped[int | None] = mapped_column(BigInteger, init=False, default=None)


class Lecture(Base):
    """What a user did with a notification: its first reading (R2), and that it is hidden from him (R3).

    A user id is the `sub` of a token: 255 characters at most (OpenID Connect Core, section 2).
    """

    __tablename__ = "lectures"
    __table_args__ = (Index("ix_lectures_utilisateur_id", "utilisateur_id"),)

    notification_id: Mapped[UUID] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE"), primary_key=True
    )
    utilisateur_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    lu_le: Mapped[datetime | None] = mapped_column(default_factory=clock.now)
    masquee_le: Mapped[datetime | None] = mapped_column(default=None)


class Abonnement(Base):
    """The subscription of a user to a team (R1)."""

    __tablename__ = "abonnements"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    equipe: Mapped[str] = mapped_column(Choice(*EQUIPES, length=10), primary_key=True)
    utilisateur_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class Connexion(Tenant, Base):
    """An open stream of a user, on one instance of the service; void from *expire_le* on (R14)."""

    __tablename__ = "connexions"
    __table_args__ = (
        Index("ix_connexions_utilisateur_id", "organisation_id", "utilisateur_id"),
        Index("ix_connexions_expire_le", "expire_le"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    utilisateur_id: Mapped[str] = mapped_column(String(255))
    instance: Mapped[str] = mapped_column(String(36))
    ouverte_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    expire_le: Mapped[datetime]
