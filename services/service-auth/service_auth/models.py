"""The tables of the auth service. No account and no password is among them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from db_utils import Choice, Row, clock, metadata, uuid7
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Index,
    LargeBinary,
    String,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

ACTIVE, RETIREE = "active", "retiree"
PASSWORD, GOOGLE = "password", "google"  # ways to sign in, as the journal names them
SUCCES, ECHEC, VERROUILLE, LIMITE, REFUS = "succes", "echec", "verrouille", "limite", "refus"
LOGOUT, RENOUVELLEMENT, MOT_DE_PASSE, DESACTIVATION = (
    "logout",
    "renouvellement",
    "mot_de_passe",
    "desactivation",
)
# The network of `ip` that counts as one sender, as `service_kit.sender_of` says it (R5).
SENDER: Final[ColumnElement[str]] = literal_column(
    "network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 32 ELSE 64 END))"
)
# Why all tokens of a user end, or those of an organisation (R24).
FINS: Final = (MOT_DE_PASSE, DESACTIVATION, "suppression", "adhesion", "reprise")


class Base(Row):
    """Tables of this service."""

    __abstract__ = True
    metadata = metadata()


class CleSignature(Base):
    """A key pair that signs tokens from *signe_des* on; exactly one is active.

    *cle_privee* is sealed (C15). A retired key signs until its successor does, and stays
    published until its last token has expired.
    """

    __tablename__ = "cles_signature"
    __table_args__ = (Index("uq_cle_active", "etat", unique=True, postgresql_where=text("etat = 'active'")),)

    kid: Mapped[str] = mapped_column(String(36), primary_key=True)
    cle_privee: Mapped[str] = mapped_column(Text)
    cle_publique: Mapped[dict[str, Any]]
    etat: Mapped[str] = mapped_column(Choice(ACTIVE, RETIREE), default=ACTIVE)
    signe_des: Mapped[datetime]
    retiree_le: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class TentativeConnexion(Base):
    """A line of the login journal, never changed; an email is there as keyed hash and mask only.

    *ip* is NULL when somebody who is signed in repeats his password (R12).
    """

    __tablename__ = "tentatives_connexion"
    __table_args__ = (
        Index("ix_tentatives_email", "email_hash", text("created_at DESC")),
        Index("ix_tentatives_ip", "ip", text("created_at DESC")),
        Index("ix_tentatives_sender", SENDER, text("created_at DESC")),
        Index("ix_tentatives_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    email_masque: Mapped[str] = mapped_column(String(80), default="")
    ip: Mapped[str | None] = mapped_column(INET, default=None)
    methode: Mapped[str] = mapped_column(Choice(PASSWORD, GOOGLE))
    resultat: Mapped[str] = mapped_column(Choice(SUCCES, ECHEC, VERROUILLE, LIMITE, REFUS))
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Verrou(Base):
    """Failures and lock of an email address, whether an account has it or not; see `limits.py`."""

    __tablename__ = "verrous"

    email_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    echecs: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), default_factory=list)
    verrouillages_24h: Mapped[int] = mapped_column(default=0)
    dernier_verrou: Mapped[datetime | None] = mapped_column(default=None)
    verrouille_jusqu_a: Mapped[datetime | None] = mapped_column(default=None)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class DemandeOauth(Base):
    """A sign-in at Google that was begun; its secrets are hashed or sealed.

    *organisation* is the one that its token is to name, "" for none in particular.
    """

    __tablename__ = "demandes_oauth"
    __table_args__ = (Index("ix_demandes_expire_le", "expire_le"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    code_verifier: Mapped[str] = mapped_column(Text)
    nonce_hash: Mapped[bytes] = mapped_column(LargeBinary)
    liaison_hash: Mapped[bytes] = mapped_column(LargeBinary)
    redirect_uri: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(String(64), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    expire_le: Mapped[datetime]
    consomme_le: Mapped[datetime | None] = mapped_column(default=None)


class TokenRevoque(Base):
    """A token of ours that was ended before it expired."""

    __tablename__ = "jetons_revoques"
    __table_args__ = (Index("ix_jetons_revoques_revoque_le", "revoque_le"),)

    jti: Mapped[UUID] = mapped_column(primary_key=True)
    utilisateur_id: Mapped[str] = mapped_column(String(64))
    motif: Mapped[str] = mapped_column(Choice(LOGOUT, RENOUVELLEMENT, MOT_DE_PASSE, DESACTIVATION))
    revoque_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    expire_le: Mapped[datetime]


class RevocationGlobale(Base):
    """End of all tokens of a user issued before *avant*; written at *revoque_le*, perhaps later."""

    __tablename__ = "revocations_globales"
    __table_args__ = (
        Index("ix_revocations_globales_avant", "avant"),
        Index("ix_revocations_globales_revoque_le", "revoque_le"),
    )

    utilisateur_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    avant: Mapped[datetime]
    motif: Mapped[str] = mapped_column(Choice(*FINS), server_default=MOT_DE_PASSE)
    revoque_le: Mapped[datetime] = mapped_column(default_factory=clock.now, server_default=text("now()"))


class RevocationOrganisation(Base):
    """End of a user's tokens that name *organisation* and were issued before *avant*."""

    __tablename__ = "revocations_organisation"
    __table_args__ = (
        Index("ix_revocations_organisation_avant", "avant"),
        Index("ix_revocations_organisation_revoque_le", "revoque_le"),
    )

    utilisateur_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    avant: Mapped[datetime]
    motif: Mapped[str] = mapped_column(Choice(*FINS))
    revoque_le: Mapped[datetime] = mapped_column(default_factory=clock.now)


class BienvenueAEnvoyer(Base):
    """A welcome mail that is owed; *prochain_essai* is NULL once it was sent or given up."""

    __tablename__ = "bienvenues_a_envoyer"
    __table_args__ = (
        Index("ix_bienvenues_due", "prochain_essai", postgresql_where=text("prochain_essai IS NOT NULL")),
    )

    utilisateur_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None] = mapped_column(default_factory=clock.now)
    envoye_le: Mapped[datetime | None] = mapped_column(default=None)
