"""The tables of the documents service. Rules about their content are in `rules.py`."""

from datetime import datetime
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, Tenant, metadata
from sqlalchemy import CHAR, BigInteger, CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

ENTITES = ("CLIENT", "CONTRAT", "FACTURE", "PRODUIT", "ACTIVITE", "TACHE", "ORGANISATION", "AUTRE")
CONTRAT = "CONTRAT"
GENERAL, CONTRAT_SIGNE, IDENTITE = "GENERAL", "CONTRAT_SIGNE", "IDENTITE"
CATEGORIES = (
    GENERAL,
    CONTRAT_SIGNE,
    "FACTURE_PDF",
    "MANDAT",
    "DEVIS",
    "DIPA",
    "CG",
    "CP",
    "TARIF",
    "SCRIPT",
    "MEDIA",
    IDENTITE,
)
EN_COURS, DISPONIBLE, EFFACE, PURGE = "en_cours", "disponible", "efface", "purge"
EN_ATTENTE, FAIT, ECHEC = "en_attente", "fait", "echec"


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class PieceJointe(Entity, Tenant, Base):
    """File: its description, and where its content is stored (R1).

    Only rows that are *disponible* exist for callers (`visible.py`). From *a_purger_le* on, the
    content of any other row may be removed. Its class is not SoftDelete: the kernel would hide the
    deleted rows from the job that has to remove their contents.
    """

    __tablename__ = "pieces_jointes"
    __table_args__ = (
        CheckConstraint("taille >= 0", name="taille"),
        Index("uq_piece_jointe_cle_stockage", "cle_stockage", unique=True),
        Index(
            "uq_archive_contrat",
            "organisation_id",
            "entite_id",
            unique=True,
            postgresql_where=text("categorie = 'CONTRAT_SIGNE'"),
        ),
        Index("ix_pieces_jointes_entite", "organisation_id", "entite_type", "entite_id", "date_upload", "id"),
        # The default sort, with all columns that a search looks into: a search that finds hardly
        # anything reads this whole index and no row of the table.
        Index(
            "ix_pieces_jointes_recherche",
            "organisation_id",
            "date_upload",
            "id",
            postgresql_include=["recherche_cle", "etat"],
        ),
        Index("ix_pieces_jointes_nom_fichier", "organisation_id", "nom_fichier_cle", "id"),
        Index("ix_pieces_jointes_taille", "organisation_id", "taille", "id"),
        Index("ix_pieces_jointes_sha256", "sha256"),
        Index(
            "ix_pieces_jointes_a_purger_le",
            "a_purger_le",
            "id",
            postgresql_where=text("a_purger_le IS NOT NULL"),
        ),
        Index(
            "ix_pieces_jointes_expire_le", "expire_le", "id", postgresql_where=text("expire_le IS NOT NULL")
        ),
    )

    nom_fichier: Mapped[str] = mapped_column(String(255))
    nom_fichier_cle: Mapped[str] = mapped_column(Key("nom_fichier"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom_fichier", "description")), init=False, server_default=""
    )
    type_mime: Mapped[str] = mapped_column(String(127))
    taille: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(CHAR(64))
    cle_stockage: Mapped[str] = mapped_column(String(512))
    moteur: Mapped[str] = mapped_column(Choice("fichier", "s3", length=10))
    entite_type: Mapped[str] = mapped_column(Choice(*ENTITES, length=30))
    entite_id: Mapped[str] = mapped_column(String(64))
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES, length=40), default=GENERAL)
    description: Mapped[str | None] = mapped_column(String(500), default=None)
    immuable: Mapped[bool] = mapped_column(default=False)
    uploaded_by: Mapped[str] = mapped_column(String(255))  # a `sub` (OpenID Connect Core, section 2)
    date_upload: Mapped[datetime]
    etat: Mapped[str] = mapped_column(
        Choice(EN_COURS, DISPONIBLE, EFFACE, PURGE, length=12), default=EN_COURS
    )
    expire_le: Mapped[datetime | None] = mapped_column(default=None)
    a_purger_le: Mapped[datetime | None] = mapped_column(default=None)


class UsageOrganisation(Tenant, Base):
    """What the files of an organisation take, deleted ones not counted (R6)."""

    __tablename__ = "usage_organisation"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    octets: Mapped[int] = mapped_column(BigInteger)
    fichiers: Mapped[int] = mapped_column(BigInteger)


class ArchiveAFaire(Tenant, Base):
    """Contract whose signature was announced, and what has become of its archive (R12).

    *event_id* is empty where somebody asked for the archive by hand.
    """

    __tablename__ = "archives_a_faire"
    __table_args__ = (
        Index(
            "ix_archives_a_faire_prochain_essai",
            "prochain_essai",
            postgresql_where=text("etat = 'en_attente'"),
        ),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    contrat_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    event_id: Mapped[UUID | None] = mapped_column(default=None)
    etat: Mapped[str] = mapped_column(Choice(EN_ATTENTE, FAIT, ECHEC, length=10), default=EN_ATTENTE)
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None] = mapped_column(default=None)
    erreur: Mapped[str | None] = mapped_column(Text, default=None)
