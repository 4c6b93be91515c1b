"""The tables of the clients service. Rules about their content are in `rules.py`."""

from datetime import date, datetime
from uuid import UUID

from db_utils import Choice, Entity, Key, Row, Searched, SoftDelete, Tenant, TenantOrSystem, clock, metadata
from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

PARTICULIER, ENTREPRISE, PARTENAIRE = "PARTICULIER", "ENTREPRISE", "PARTENAIRE"
# Codes of ISO 3166-1 under which companies are French.
FRANCAIS = ("FR", "GP", "MQ", "RE", "GF", "YT", "PM", "BL", "MF", "NC", "PF", "WF")

_LIVING = text("supprime_le IS NULL")
_LINK = "hashtextextended(client_base_id::text || '/' || partenaire_id || '/' || role, 0)"


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class ClientEntreprise(Entity, Tenant, Base):
    """Company sheet of clients: a French company has a SIREN, any other one other numbers (R15)."""

    __tablename__ = "client_entreprises"
    __table_args__ = (
        CheckConstraint(
            literal_column("pays").in_(FRANCAIS) == literal_column("siren").is_not(None), name="siren"
        ),
        CheckConstraint("coalesce(siren, numero_tva, identifiant_etranger) IS NOT NULL", name="identifiee"),
        Index("uq_client_entreprise_siren", "organisation_id", "siren", unique=True),
        Index(
            "uq_client_entreprise_tva",
            "organisation_id",
            "numero_tva",
            unique=True,
            postgresql_where=text("siren IS NULL AND numero_tva IS NOT NULL"),
        ),
        Index("ix_client_entreprises_raison_sociale", "organisation_id", "raison_sociale_cle", "id"),
    )

    raison_sociale: Mapped[str] = mapped_column(String(255))
    raison_sociale_cle: Mapped[str] = mapped_column(Key("raison_sociale"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("raison_sociale",), codes=("siren",)), init=False, server_default=""
    )
    pays: Mapped[str] = mapped_column(CHAR(2), default="FR", server_default="FR")
    siren: Mapped[str | None] = mapped_column(String(9), default=None)
    numero_tva: Mapped[str | None] = mapped_column(String(20), default=None)
    identifiant_etranger: Mapped[str | None] = mapped_column(String(50), default=None)
    adresse_electronique: Mapped[str | None] = mapped_column(String(130), default=None)


class ClientBase(Entity, Tenant, SoftDelete, Base):
    """Client of an organisation; two with one *telephone_e164* and *nom_cle* are the same client (R4)."""

    __tablename__ = "client_bases"
    __table_args__ = (
        Index(
            "uq_client_tel_nom",
            "organisation_id",
            "telephone_e164",
            "nom_cle",
            unique=True,
            postgresql_where=text("supprime_le IS NULL AND telephone_e164 IS NOT NULL"),
        ),
        Index("uq_client_code", "organisation_id", "compte_code", unique=True, postgresql_where=_LIVING),
        # The default sort, with all columns that a search looks into: a search that finds hardly
        # anything reads this whole index and no row of the table.
        Index(
            "ix_client_bases_recherche",
            "organisation_id",
            "created_at",
            "id",
            postgresql_include=["recherche_cle", "nom_cle", "prenom_cle", "date_creation"],
            postgresql_where=_LIVING,
        ),
        Index("ix_client_bases_nom", "organisation_id", "nom_cle", "id", postgresql_where=_LIVING),
        Index("ix_client_bases_prenom", "organisation_id", "prenom_cle", "id", postgresql_where=_LIVING),
        Index("ix_client_bases_statut", "organisation_id", "statut"),
        Index("ix_client_bases_societe", "organisation_id", "societe_id"),
        Index("ix_client_bases_commercial", "organisation_id", "commercial_id"),
        Index("ix_client_bases_email", "organisation_id", func.lower(literal_column("email"))),
    )

    type_client: Mapped[str] = mapped_column(Choice(PARTICULIER, ENTREPRISE, PARTENAIRE), default=PARTICULIER)
    nom: Mapped[str] = mapped_column(String(100))
    prenom: Mapped[str] = mapped_column(String(100), default="")
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    prenom_cle: Mapped[str] = mapped_column(Key("prenom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(
            texts=("nom", "prenom"),
            codes=("email", "telephone"),
            numbers=("telephone_e164", "telephone_national"),
        ),
        init=False,
        server_default="",
    )
    date_naissance: Mapped[date | None] = mapped_column(default=None)
    compte_code: Mapped[str] = mapped_column(String(50))
    partenaire_id: Mapped[str | None] = mapped_column(String(64), default=None)
    client_entreprise_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("client_entreprises.id"), default=None
    )
    commercial_id: Mapped[str | None] = mapped_column(String(64), default=None)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    telephone: Mapped[str | None] = mapped_column(String(30), default=None)
    telephone_e164: Mapped[str | None] = mapped_column(String(16), default=None)
    telephone_national: Mapped[str | None] = mapped_column(String(16), default=None)
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    statut: Mapped[str] = mapped_column(String(50), default="ACTIF")
    date_creation: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Adresse(Entity, Tenant, Base):
    """Postal address of a client, which has at most one PRINCIPALE (R14)."""

    __tablename__ = "adresses"
    __table_args__ = (
        Index(
            "uq_adresse_principale",
            "client_base_id",
            unique=True,
            postgresql_where=text("type = 'PRINCIPALE'"),
        ),
        Index("ix_adresses_client_base_id", "organisation_id", "client_base_id"),
    )

    client_base_id: Mapped[UUID] = mapped_column(ForeignKey("client_bases.id", ondelete="CASCADE"))
    ligne1: Mapped[str] = mapped_column(String(255))
    ligne2: Mapped[str | None] = mapped_column(String(255), default=None)
    code_postal: Mapped[str] = mapped_column(String(20))
    ville: Mapped[str] = mapped_column(String(100))
    pays: Mapped[str] = mapped_column(String(100), default="France")
    type: Mapped[str] = mapped_column(
        Choice("PRINCIPALE", "FACTURATION", "LIVRAISON", "AUTRE"), default="PRINCIPALE"
    )


class ClientPartenaire(Entity, Tenant, Base):
    """Link of a partner to a client in a role, from one day to another, both included (R16).

    The exclusion constraint keeps the periods of one client, partner and role apart. It compares
    the three by a 64-bit hash written as a range: without an extension GiST indexes ranges only.
    """

    __tablename__ = "client_partenaires"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="periode"),
        ExcludeConstraint(
            (literal_column(f"int8range({_LINK}, {_LINK}, '[]')"), "&&"),
            (literal_column("daterange(valid_from, valid_to, '[]')"), "&&"),
            name="ex_client_partenaire_periode",
            using="gist",
        ),
        Index("ix_client_partenaires_client", "organisation_id", "client_base_id"),
        Index("ix_client_partenaires_partenaire", "organisation_id", "partenaire_id"),
    )

    client_base_id: Mapped[UUID] = mapped_column(ForeignKey("client_bases.id"))
    partenaire_id: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(50), default="APPORTEUR")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None] = mapped_column(default=None)


class StatutClient(Entity, TenantOrSystem, Base):
    """Status that a client may have; without an organisation it is supplied by the system (R17)."""

    __tablename__ = "statut_clients"
    __table_args__ = (
        Index(
            "uq_statut_client_code",
            "organisation_id",
            "code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text, default=None)
    ordre_affichage: Mapped[int] = mapped_column(default=0)


class CompteurCode(Base):
    """Highest client number that was reserved in an organisation (R7); `codes.py` reserves them."""

    __tablename__ = "compteurs_code"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    dernier: Mapped[int] = mapped_column(BigInteger)
