"""The tables of direct debits: creditors, mandates, files for banks. Rules are in `mandats_rules.py`."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from db_utils import Choice, Entity, Tenant
from sqlalchemy import CHAR, ForeignKey, Index, LargeBinary, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from service_payments.models import FRST, RCUR, Base

EN_ATTENTE, ACTIF, SUSPENDU, REVOQUE, EXPIRE, CONSOMME = MANDAT_STATUTS = (
    "EN_ATTENTE",
    "ACTIF",
    "SUSPENDU",
    "REVOQUE",
    "EXPIRE",
    "CONSOMME",
)
RECURRENT, PONCTUEL = TYPES = ("RECURRENT", "PONCTUEL")
CORE, B2B = SCHEMAS = ("CORE", "B2B")
GENEREE, ACCEPTEE, REJETEE = REMISE_STATUTS = ("GENEREE", "ACCEPTEE", "REJETEE")
# Days of a société that has said nothing else: calendar days of notice (SDD rulebook section 4.4), business
# days before the debit on which its file is handed over, and after it until silence means paid.
PREAVIS, DELAI_REMISE, CONFIRMATION_JOURS = 14, 2, 5


class Creancier(Entity, Tenant, Base):
    """Creditor: under which identifier and on which account a société collects."""

    __tablename__ = "creancier"
    __table_args__ = (Index("uq_creancier_societe", "organisation_id", "societe_id", unique=True),)

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    nom: Mapped[str] = mapped_column(String(70))
    ics: Mapped[str] = mapped_column(String(35))
    iban_chiffre: Mapped[str] = mapped_column(Text)
    iban_masque: Mapped[str] = mapped_column(String(12))
    bic: Mapped[str | None] = mapped_column(String(11), default=None)
    preavis_jours: Mapped[int] = mapped_column(default=PREAVIS)
    delai_remise_jours_ouvres: Mapped[int] = mapped_column(default=DELAI_REMISE)
    confirmation_auto_jours_ouvres: Mapped[int] = mapped_column(default=CONFIRMATION_JOURS)
    sequence_premier: Mapped[str] = mapped_column(Choice(RCUR, FRST), default=RCUR)
    provider: Mapped[str] = mapped_column(String(20), default="SEPA_FILE")


class Mandat(Entity, Tenant, Base):
    """Right to debit the account of a client; one of a client, contract and société is ACTIF (R11)."""

    __tablename__ = "mandat"
    __table_args__ = (
        Index("uq_mandat_rum", "organisation_id", "societe_id", "rum", unique=True),
        Index(
            "uq_mandat_actif",
            "organisation_id",
            "societe_id",
            "client_id",
            text("coalesce(contrat_id, '')"),
            unique=True,
            postgresql_where=text("statut = 'ACTIF'"),
        ),
        Index("ix_mandat_created_at", "organisation_id", "created_at", "id"),
        Index("ix_mandat_client", "organisation_id", "client_id", "created_at", "id"),
        Index("ix_mandat_contrat", "organisation_id", "contrat_id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    rum: Mapped[str] = mapped_column(String(35))
    iban_chiffre: Mapped[str | None] = mapped_column(Text, default=None)
    iban_masque: Mapped[str | None] = mapped_column(String(12), default=None)
    bic: Mapped[str | None] = mapped_column(String(11), default=None)
    titulaire: Mapped[str | None] = mapped_column(String(70), default=None)
    type: Mapped[str] = mapped_column(Choice(*TYPES), default=RECURRENT)
    schema: Mapped[str] = mapped_column(Choice(*SCHEMAS), default=CORE)
    date_signature: Mapped[date | None] = mapped_column(default=None)
    statut: Mapped[str] = mapped_column(Choice(*MANDAT_STATUTS), default=EN_ATTENTE)
    premier_reglement_le: Mapped[date | None] = mapped_column(default=None)
    derniere_presentation_le: Mapped[date | None] = mapped_column(default=None)
    adresse_rue: Mapped[str | None] = mapped_column(String(70), default=None)
    adresse_code_postal: Mapped[str | None] = mapped_column(String(16), default=None)
    adresse_ville: Mapped[str | None] = mapped_column(String(35), default=None)
    adresse_pays: Mapped[str | None] = mapped_column(CHAR(2), default=None)
    motif: Mapped[str | None] = mapped_column(String(255), default=None)


class Remise(Entity, Tenant, Base):
    """A file of direct debits for the bank of a société; its bytes are a `RemiseFichier`."""

    __tablename__ = "remise"
    __counted__ = ("statut", (REJETEE,))  # refused by the bank
    __table_args__ = (
        Index("uq_remise_msg_id", "msg_id", unique=True),
        Index("ix_remise_created_at", "organisation_id", "created_at", "id"),
    )

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    msg_id: Mapped[str] = mapped_column(String(35))
    schema: Mapped[str] = mapped_column(Choice(*SCHEMAS))
    date_remise: Mapped[date]
    nb: Mapped[int]
    total: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    sha256: Mapped[str] = mapped_column(CHAR(64))
    statut: Mapped[str] = mapped_column(Choice(*REMISE_STATUTS), default=GENEREE)


class RemiseFichier(Tenant, Base):
    """The bytes of a remise, apart from it so that lists do not read them."""

    __tablename__ = "remise_fichier"

    remise_id: Mapped[UUID] = mapped_column(ForeignKey("remise.id"), primary_key=True)
    contenu: Mapped[bytes] = mapped_column(LargeBinary)
