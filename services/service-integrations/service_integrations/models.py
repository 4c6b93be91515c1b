"""Tables of the integrations service. Tokens are in them only as sealed texts (C15)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Row, clock, metadata, uuid7
from sqlalchemy import ARRAY, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

INSTAGRAM, GOOGLE, MICROSOFT = PROVIDERS = ("instagram", "google", "microsoft")
CONNECTED, ERROR, DISCONNECTED = "connected", "error", "disconnected"

(
    OAUTH_INITIATED,
    OAUTH_COMPLETED,
    OAUTH_FAILED,
    INVALID_STATE_DETECTED,
    TOKEN_REFRESHED,
    TOKEN_REFRESH_FAILED,
    INTEGRATION_DISCONNECTED,
) = EVENEMENTS = (
    "OAUTH_INITIATED",
    "OAUTH_COMPLETED",
    "OAUTH_FAILED",
    "INVALID_STATE_DETECTED",
    "TOKEN_REFRESHED",
    "TOKEN_REFRESH_FAILED",
    "INTEGRATION_DISCONNECTED",
)


class Base(Row):
    """Tables of this service."""

    __abstract__ = True
    metadata = metadata()


class OauthAccount(Entity, Base):
    """An account of a user at a provider; it stays, without tokens, when it is disconnected.

    *organisation_id* says where it was connected and decides nothing (R24). *echecs* counts the
    refreshes that have failed since one succeeded. *scopes_manquants* are permissions that a usage
    needs and that were not granted (R23). *refresh_lease_until* is the end of the lease under which one
    process refreshes it (R11).
    """

    __tablename__ = "oauth_accounts"
    __table_args__ = (
        UniqueConstraint("user_id", "provider", "provider_account_id", name="uq_oauth_account"),
        Index("ix_oauth_accounts_user", "user_id", text("created_at DESC")),
        Index("ix_oauth_accounts_due", "status", "expires_at"),
        Index("ix_oauth_accounts_provider", "provider", "provider_account_id"),
    )

    user_id: Mapped[str] = mapped_column(String(64))
    organisation_id: Mapped[str | None] = mapped_column(String(64), default=None)
    provider: Mapped[str] = mapped_column(Choice(*PROVIDERS, length=30))
    provider_account_id: Mapped[str] = mapped_column(String(255))
    nom_affiche: Mapped[str] = mapped_column(String(255), default="")
    access_token: Mapped[str | None] = mapped_column(Text, default=None)
    refresh_token: Mapped[str | None] = mapped_column(Text, default=None)
    token_type: Mapped[str] = mapped_column(String(20), default="")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    scopes_manquants: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default_factory=list, server_default=text("'{}'")
    )
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(Choice(CONNECTED, ERROR, DISCONNECTED), default=CONNECTED)
    last_error_code: Mapped[str | None] = mapped_column(String(40), default=None)
    echecs: Mapped[int] = mapped_column(SmallInteger, default=0)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)
    refresh_lease_until: Mapped[datetime | None] = mapped_column(default=None)
    derniere_actualisation: Mapped[datetime | None] = mapped_column(default=None)
    deconnecte_le: Mapped[datetime | None] = mapped_column(default=None)


class OauthState(Base):
    """A connection that was begun, named by the hash of the nonce in its state; *code_verifier* is sealed."""

    __tablename__ = "oauth_states"
    __table_args__ = (Index("ix_oauth_states_created_at", "created_at"),)

    nonce_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64))
    organisation_id: Mapped[str | None] = mapped_column(String(64), default=None)
    provider: Mapped[str] = mapped_column(Choice(*PROVIDERS, length=30))
    code_verifier: Mapped[str | None] = mapped_column(Text, default=None)
    redirect_url: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    expire_le: Mapped[datetime]
    consomme_le: Mapped[datetime | None] = mapped_column(default=None)


class AuditIntegration(Base):
    """An event of the audit (R22), never changed; *user_id* is unknown when a state was forged."""

    __tablename__ = "audit_integrations"
    __table_args__ = (
        Index("ix_audit_integrations_user", "user_id", text("created_at DESC")),
        Index("ix_audit_integrations_correlation", "correlation_id"),
        Index("ix_audit_integrations_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    user_id: Mapped[str | None] = mapped_column(String(64), default=None)
    provider: Mapped[str] = mapped_column(Choice(*PROVIDERS, length=30))
    account_id: Mapped[str] = mapped_column(String(255), default="")
    evenement: Mapped[str] = mapped_column(Choice(*EVENEMENTS, length=40))
    erreur: Mapped[str] = mapped_column(String(200), default="")
    ip: Mapped[str | None] = mapped_column(INET, default=None)
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    correlation_id: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
