"""Small tables for the tests of db_utils, and the schema that holds them.

Each kind of table of the kernel occurs once: of an organisation, with rows of the system, with
kept deleted rows, without an id. Fixtures are in `conftest.py`.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from db_utils import (
    Choice,
    Database,
    Entity,
    Key,
    Rank,
    Row,
    Searched,
    SoftDelete,
    Tenant,
    TenantOrSystem,
    context,
    metadata,
)
from db_utils.migrations import Schema, migrate
from db_utils.pool import Pool
from hypothesis import HealthCheck, settings
from psycopg import pq
from service_testing import fresh_database
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

SCHEMA = "essai"
# Examples run in a thread, and their statements on the loop of the test that waits for them.
EXAMPLES = settings(max_examples=40, suppress_health_check=list(HealthCheck))
MIGRATION = """
from alembic import op
from tests.essais import Base

revision = "essai_0001"
down_revision = None
branch_labels = ("essai",)


def upgrade() -> None:
    Base.metadata.create_all(op.get_bind(), checkfirst=False)
"""


class Base(Row):
    """Tables of these tests."""

    __abstract__ = True
    metadata = metadata()


class Fiche(Entity, Tenant, SoftDelete, Base):
    """A row of an organisation with a column of every type, kept when deleted."""

    __tablename__ = "fiches"
    __table_args__ = (
        Index(
            "uq_fiche_code",
            "organisation_id",
            "code",
            unique=True,
            postgresql_where=text("supprime_le IS NULL"),
        ),
    )

    code: Mapped[str] = mapped_column(String(20))
    nom: Mapped[str] = mapped_column(String(50), default="")
    etat: Mapped[str] = mapped_column(Choice("OUVERTE", "CLOSE"), default="OUVERTE")
    rang: Mapped[int] = mapped_column(default=0)
    grand: Mapped[int] = mapped_column(BigInteger, default=0)
    montant: Mapped[Decimal] = mapped_column(default=Decimal("0.00"))
    jour: Mapped[date] = mapped_column(default=date(2026, 1, 1))
    instant: Mapped[datetime | None] = mapped_column(default=None)
    terme: Mapped[date | None] = mapped_column(default=None)
    note: Mapped[str | None] = mapped_column(Text, default=None)
    donnees: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    etiquettes: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)


class Piece(Entity, Tenant, SoftDelete, Base):
    """A part of a row of `fiches`, of which at most one is the principal one."""

    __tablename__ = "pieces"
    __table_args__ = (
        Index("uq_piece_principale", "fiche_id", unique=True, postgresql_where=text("genre = 'PRINCIPALE'")),
        Index("ix_pieces_fiche_id", "organisation_id", "fiche_id"),
    )

    fiche_id: Mapped[UUID] = mapped_column(ForeignKey("fiches.id"))
    genre: Mapped[str] = mapped_column(Choice("PRINCIPALE", "AUTRE"), default="AUTRE")
    libelle: Mapped[str] = mapped_column(String(50), default="")


class Travail(Entity, Tenant, Base):
    """A row that is work, due at an instant."""

    __tablename__ = "travaux"

    prochain_essai: Mapped[datetime | None]
    tentatives: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(20), default="")


class Modele(Entity, TenantOrSystem, Base):
    """A row of an organisation or of the system."""

    __tablename__ = "modeles"

    nom: Mapped[str] = mapped_column(String(50))


class Personne(Entity, Tenant, SoftDelete, Base):
    """A row with text keys: one in a column of its own, and all in the searched column."""

    __tablename__ = "personnes"
    __table_args__ = (Index("uq_personne_nom", "organisation_id", "nom_cle", unique=True),)

    nom: Mapped[str] = mapped_column(String(255))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False)
    prenom: Mapped[str | None] = mapped_column(String(50), default=None)
    email: Mapped[str | None] = mapped_column(String(100), default=None)
    telephone: Mapped[str | None] = mapped_column(String(30), default=None)
    e164: Mapped[str | None] = mapped_column(String(16), default=None)
    national: Mapped[str | None] = mapped_column(String(16), default=None)
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("nom", "prenom"), codes=("email", "telephone"), numbers=("e164", "national")),
        init=False,
    )


class Demande(Entity, Tenant, Base):
    """A row with a rank, an instant that may be NULL, and a long text that is searched."""

    __tablename__ = "demandes"

    urgence: Mapped[str] = mapped_column(Choice("basse", "haute", "urgente"), default="basse")
    urgence_rang: Mapped[int] = mapped_column(Rank("urgence", ("basse", "haute", "urgente")), init=False)
    echeance: Mapped[datetime | None] = mapped_column(default=None)
    texte: Mapped[str] = mapped_column(Text, default="")
    texte_cle: Mapped[bytes] = mapped_column(Searched(texts=("texte",), whole=True), init=False)


class Courriel(Entity, Tenant, Base):
    """A row with a unique column over all organisations, which may point at a row that is really deleted."""

    __tablename__ = "courriels"
    __table_args__ = (UniqueConstraint("adresse"),)

    adresse: Mapped[str] = mapped_column(String(100))
    demande_id: Mapped[UUID | None] = mapped_column(ForeignKey("demandes.id"), default=None)


class Periode(Entity, Tenant, Base):
    """A period; periods must not overlap."""

    __tablename__ = "periodes"
    __table_args__ = (
        ExcludeConstraint(
            (literal_column("daterange(debut, fin, '[]')"), "&&"), name="ex_periode", using="gist"
        ),
    )

    debut: Mapped[date]
    fin: Mapped[date]


class Journal(Base):
    """A row that the server numbers, as in the outbox."""

    __tablename__ = "journal"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    message: Mapped[str] = mapped_column(String(50))


class Reglage(Base):
    """A row of no organisation with a primary key of two columns."""

    __tablename__ = "reglages"

    domaine: Mapped[str] = mapped_column(String(20), primary_key=True)
    cle: Mapped[str] = mapped_column(String(20), primary_key=True)
    valeur: Mapped[str] = mapped_column(Text, default="")


class Echeance(Base):
    """A row of no organisation with instants that may be NULL."""

    __tablename__ = "echeances"

    domaine: Mapped[str] = mapped_column(String(20), primary_key=True)
    cle: Mapped[str] = mapped_column(String(20), primary_key=True)
    debut: Mapped[datetime | None] = mapped_column(default=None)
    fin: Mapped[datetime | None] = mapped_column(default=None)


_numbers = count(1)


def essai_schema(folder: Path) -> Schema:
    """The schema `essai`, with its one migration written into *folder*."""
    migrations = folder / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_essai.py").write_text(MIGRATION)
    return Schema(SCHEMA, (migrations,))


def essai_database(folder: Path) -> str:
    """The connection string of a new database that holds the schema `essai`; *folder* is scratch."""
    url = fresh_database()
    migrate(url, [essai_schema(folder)])
    return url


def new_code() -> str:
    """A code that no other row has."""
    return f"F{next(_numbers):06d}"


def fiche(org: str, **values: Any) -> Fiche:
    """A row of *org*; *values* replace the defaults."""
    return Fiche(organisation_id=org, **({"code": new_code()} | values))


def pool_of(database: Database) -> Pool:
    """The connections of *database*, for tests that look at single ones."""
    return database._pool


@asynccontextmanager
async def wire(database: Database) -> AsyncIterator[list[str]]:
    """The messages that *database*, whose pool has one connection, sends to the server in the block.

    Filled at the end, one line for each message, as PQtrace writes it. The server answers after
    each Sync or Query, so that their number is the number of round trips.
    """
    said: list[str] = []
    with tempfile.TemporaryFile() as file:
        connection = await pool_of(database).acquire()
        connection.pgconn.trace(file.fileno())
        connection.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        pool_of(database).release(connection)
        yield said
        assert await pool_of(database).acquire() is connection
        connection.pgconn.untrace()
        pool_of(database).release(connection)
        file.seek(0)
        lines = file.read().decode(errors="replace").splitlines()
        said += [line for line in lines if line.startswith("F\t")]


def round_trips(said: list[str]) -> int:
    """The number of round trips in *said*."""
    return sum(line.split("\t")[2] in ("Sync", "Query") for line in said)


@contextmanager
def scoped(org: str) -> Iterator[None]:
    """The scope of a call of *org*."""
    with seen_by(context.Scope(org)):
        yield


@contextmanager
def seen_by(scope: context.Scope) -> Iterator[None]:
    """The scope *scope*."""
    token = context.scope.set(scope)
    try:
        yield
    finally:
        context.scope.reset(token)
