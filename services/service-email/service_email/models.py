"""Tables of the email service. Rules about their content are in `rules.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Tenant, TenantOrSystem, metadata
from grpc_utils import Keyed
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

EN_FILE, EN_COURS, ENVOYE, ECHEC, ANNULE, IGNORE = (
    "en_file",
    "en_cours",
    "envoye",
    "echec",
    "annule",
    "ignore",
)
COMPTE = "compte"  # the origin of mails about accounts, which may carry a secret (R20)

SMTP, OAUTH2 = "smtp", "oauth2"
GMAIL, OUTLOOK, EXCHANGE, OTHER = "gmail", "outlook", "exchange", "other"
STARTTLS, TLS, AUCUNE = "starttls", "tls", "aucune"


class Base(Row):
    """Tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Message(Entity, Tenant, Keyed, Base):
    """A mail, whatever became of it.

    *a*, *cc* and *cci* are lists of {"email", "nom"}. *prochain_essai* is the instant from which a
    worker may take the message; taking it moves the instant to the end of the worker's lease, and a
    message that is over has none. *facture_id* is the invoice whose PDF the mail is to carry (R25),
    *corps_sans_piece* the bodies ("texte", "html") of the mail that goes without it, where they differ.
    *pieces_jointes* is a list of {"nom", "type_mime", "taille", "sha256", "piece_jointe_id"}; the last is
    that of a document, without *sha256* until it is fetched. *boite_mail_id* is the mailbox from which it
    leaves, NULL for the platform's server (R6). *essais_anterieurs* are the attempts before it was sent
    again (R11).
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "uq_messages_cle",
            "organisation_id",
            "cle_idempotence",
            unique=True,
            postgresql_where=text("cle_idempotence IS NOT NULL"),
        ),
        Index("ix_messages_due", "prochain_essai", postgresql_where=text("prochain_essai IS NOT NULL")),
        Index(
            "ix_messages_boite",
            "boite_mail_id",
            postgresql_where=text("boite_mail_id IS NOT NULL AND prochain_essai IS NOT NULL"),
        ),
        Index(
            "ix_messages_contenu",
            "created_at",
            postgresql_where=text("corps_texte IS NOT NULL OR corps_html IS NOT NULL"),
        ),
        Index("ix_messages_created_at", "organisation_id", "created_at", "id"),
        Index("ix_messages_statut", "organisation_id", "statut", "created_at"),
        Index(
            "ix_messages_destinataires",
            literal_column("(a || cc || cci) jsonb_path_ops"),
            postgresql_using="gin",
        ),
    )

    de: Mapped[str] = mapped_column(String(320))
    a: Mapped[list[Any]]
    cc: Mapped[list[Any]] = mapped_column(default_factory=list)
    cci: Mapped[list[Any]] = mapped_column(default_factory=list)
    sujet: Mapped[str] = mapped_column(String(255))
    sujet_cle: Mapped[str] = mapped_column(Key("sujet"), init=False, server_default="")
    corps_texte: Mapped[str | None] = mapped_column(Text, default=None)
    corps_html: Mapped[str | None] = mapped_column(Text, default=None)
    repondre_a: Mapped[str | None] = mapped_column(String(255), default=None)
    entetes: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    modele_code: Mapped[str | None] = mapped_column(String(60), default=None)
    statut: Mapped[str] = mapped_column(
        Choice(EN_FILE, EN_COURS, ENVOYE, ECHEC, ANNULE, IGNORE), default=EN_FILE
    )
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None]
    derniere_erreur: Mapped[str | None] = mapped_column(String(500), default=None)
    message_id: Mapped[str] = mapped_column(String(400))
    origine: Mapped[str] = mapped_column(
        Choice(
            "rpc",
            "bienvenue",
            COMPTE,
            "client.created",
            "invoice.created",
            "payment.rejected",
            "contract.signed",
        )
    )
    envoye_le: Mapped[datetime | None] = mapped_column(default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    corps_sans_piece: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    pieces_jointes: Mapped[list[Any]] = mapped_column(default_factory=list, server_default="[]")
    boite_mail_id: Mapped[UUID | None] = mapped_column(default=None)
    essais_anterieurs: Mapped[int] = mapped_column(default=0, server_default="0")


class ContenuPiece(Tenant, Base):
    """The bytes of an attachment of a message that may still be sent; *rang* is its place among them."""

    __tablename__ = "contenus_pieces"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    rang: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contenu: Mapped[bytes] = mapped_column(LargeBinary)


class Tentative(Tenant, Base):
    """An attempt to deliver a message, noted before it begins.

    An attempt without *fin* ended with its worker. *code_smtp* is the server's reply code, absent when
    there was no reply.
    """

    __tablename__ = "tentatives"
    __table_args__ = (Index("ix_tentatives_debut", "debut", "organisation_id"),)

    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    numero: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    debut: Mapped[datetime]
    fin: Mapped[datetime | None] = mapped_column(default=None)
    code_smtp: Mapped[int | None] = mapped_column(default=None)
    reponse: Mapped[str | None] = mapped_column(String(500), default=None)


class BoiteMail(Entity, Tenant, Base):
    """A mailbox of an organisation, of its société *societe_id* or its user *utilisateur_id* ("" for none).

    *mot_de_passe* is sealed (C15). *derniere_verification* and *erreur* are those of its last test (R15).
    """

    __tablename__ = "boites_mail"
    __table_args__ = (
        CheckConstraint("smtp_port BETWEEN 1 AND 65535", name="smtp_port"),
        Index("uq_boites_mail_adresse", "organisation_id", "adresse_email", "utilisateur_id", unique=True),
        Index(
            "uq_boites_mail_defaut",
            "organisation_id",
            "societe_id",
            "utilisateur_id",
            unique=True,
            postgresql_where=text("est_par_defaut"),
        ),
        Index("ix_boites_mail_nom", "organisation_id", "nom_cle", "id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    utilisateur_id: Mapped[str] = mapped_column(String(64), default="")
    nom: Mapped[str] = mapped_column(String(255))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    adresse_email: Mapped[str] = mapped_column(String(255))
    fournisseur: Mapped[str] = mapped_column(Choice(GMAIL, OUTLOOK, EXCHANGE, SMTP, OTHER))
    type_connexion: Mapped[str] = mapped_column(Choice(SMTP, OAUTH2))
    smtp_host: Mapped[str] = mapped_column(String(255))
    smtp_port: Mapped[int]
    securite: Mapped[str] = mapped_column(Choice(STARTTLS, TLS, AUCUNE))
    username: Mapped[str | None] = mapped_column(String(255), default=None)
    mot_de_passe: Mapped[str | None] = mapped_column(Text, default=None)
    integration_user_id: Mapped[str | None] = mapped_column(String(64), default=None)
    integration_account_id: Mapped[str | None] = mapped_column(String(255), default=None)
    signature_html: Mapped[str | None] = mapped_column(Text, default=None)
    signature_texte: Mapped[str | None] = mapped_column(Text, default=None)
    est_par_defaut: Mapped[bool] = mapped_column(default=False)
    actif: Mapped[bool] = mapped_column(default=True)
    derniere_verification: Mapped[datetime | None] = mapped_column(default=None)
    erreur: Mapped[str | None] = mapped_column(String(500), default=None)


class Modele(Entity, TenantOrSystem, Base):
    """A template; one of an organisation hides that of the system with the same code and language (R8)."""

    __tablename__ = "modeles"
    __table_args__ = (
        Index(
            "uq_modeles_code",
            func.coalesce(literal_column("organisation_id"), literal_column("''")),
            "code",
            "langue",
            unique=True,
        ),
    )

    code: Mapped[str] = mapped_column(String(60))
    langue: Mapped[str] = mapped_column(String(2))
    sujet: Mapped[str] = mapped_column(String(255))
    corps_html: Mapped[str] = mapped_column(Text)
    corps_texte: Mapped[str | None] = mapped_column(Text, default=None)
    variables: Mapped[list[str]] = mapped_column(ARRAY(Text))
