"""Tables of the test services: entries, and the deliberately non-idempotent effects of their events."""

from uuid import UUID

from db_utils import Entity, Row, metadata
from sqlalchemy import BigInteger, Identity, String
from sqlalchemy.orm import Mapped, mapped_column


class Base(Row):
    """Base of these tables."""

    __abstract__ = True
    metadata = metadata()


class Dossier(Base):
    """A group of entries, whose events keep their order (I5); *rang* counts the entries."""

    __tablename__ = "dossiers"

    nom: Mapped[str] = mapped_column(String(64), primary_key=True)
    rang: Mapped[int]


class Ecriture(Entity, Base):
    """The *rang*-th entry of a dossier; *cle* is the key that its caller gave it."""

    __tablename__ = "ecritures"

    cle: Mapped[str] = mapped_column(String(64), unique=True)
    dossier: Mapped[str] = mapped_column(String(64))
    rang: Mapped[int]


class Compteur(Base):
    """A single row: the number of effects, and whether poisonous events are harmless by now (*gueri*)."""

    __tablename__ = "compteur"

    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]
    gueri: Mapped[bool]


class Effet(Base):
    """The effect of an event. No constraint refuses a second one: only the claim prevents it."""

    __tablename__ = "effets"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    event_id: Mapped[UUID]
    dossier: Mapped[str] = mapped_column(String(64))
    rang: Mapped[int]
