"""What is recorded, and the deliberately non-idempotent effects of hearing of it."""

from uuid import UUID

from db_utils import Entity, Row, metadata
from sqlalchemy import BigInteger, Identity, String
from sqlalchemy.orm import Mapped, mapped_column


class Base(Row):
    """Tables of the test services."""

    __abstract__ = True
    metadata = metadata()


class Dossier(Base):
    """An aggregate: *rang* counts its entries."""

    __tablename__ = "dossiers"

    nom: Mapped[str] = mapped_column(String(64), primary_key=True)
    rang: Mapped[int]


class Ecriture(Entity, Base):
    """An entry of a dossier, the *rang*-th; *cle* is what its caller calls it."""

    __tablename__ = "ecritures"

    cle: Mapped[str] = mapped_column(String(64), unique=True)
    dossier: Mapped[str] = mapped_column(String(64))
    rang: Mapped[int]


class Compteur(Base):
    """One row: how many events had an effect, and whether poisonous ones are harmless by now."""

    __tablename__ = "compteur"

    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]
    gueri: Mapped[bool]


class Effet(Base):
    """The effect of an event; nothing but the claim keeps a second one away."""

    __tablename__ = "effets"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    event_id: Mapped[UUID]
    dossier: Mapped[str] = mapped_column(String(64))
    rang: Mapped[int]
