"""Tables of the dashboard service: one per kind of thing that events have announced."""

from datetime import datetime

from db_utils import Row, Tenant, metadata
from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column


class Base(Row):
    """Tables of this service."""

    __abstract__ = True
    metadata = metadata()


class ClientVu(Tenant, Base):
    """A client that was announced; of several announcements the first stays (R20).

    The organisation is part of the key because ids made by other systems may collide between
    organisations.
    """

    __tablename__ = "clients_vus"
    __table_args__ = (Index("ix_clients_vus_cree_le", "organisation_id", "cree_le"),)

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    cree_le: Mapped[datetime]
