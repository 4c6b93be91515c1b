"""The tables of the commission service. Rules about their content are in `rules.py`."""

from db_utils import Entity, Key, Row, Searched, Tenant, metadata
from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


class Bordereau(Entity, Tenant, Base):
    """Bordereau of an organisation (R1)."""

    __tablename__ = "bordereaux"
    # Indexes begin with the organisation: without it all of them would be read.
    __table_args__ = (
        Index("ix_bordereaux_nom_cle", "organisation_id", "nom_cle", "id"),
        Index("ix_bordereaux_created_at", "organisation_id", "created_at", "id"),
    )

    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    recherche_cle: Mapped[bytes] = mapped_column(Searched(texts=("nom",)), init=False, server_default="")
