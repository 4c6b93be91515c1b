"""Tables of the counters: accounts, visits, and organisations whose account cannot be opened for now."""

from uuid import UUID

from db_utils import Entity, Row, Tenant, metadata
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class Base(Row):
    """Base of the tables of the test services."""

    __abstract__ = True
    metadata = metadata()


class Compte(Entity, Tenant, Base):
    """An account of an organisation, opened on the arrival of *ouvert_pour*; any number can be."""

    __tablename__ = "comptes"

    ouvert_pour: Mapped[UUID]


class Visite(Entity, Base):
    """A run of the handler for *utilisateur*, an id or a subject."""

    __tablename__ = "visites"

    utilisateur: Mapped[str] = mapped_column(String(255))


class Panne(Base):
    """A breakdown: while the row is there, opening the organisation's account fails."""

    __tablename__ = "pannes"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
