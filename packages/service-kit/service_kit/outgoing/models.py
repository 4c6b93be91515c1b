"""The table of the component, in the schema of each service that uses it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Row, TenantOrSystem, clock, metadata, uuid7
from sqlalchemy import BigInteger, Identity, Index, String, func, literal_column, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

EN_ATTENTE, ENVOYEE, REFUSEE, ABANDONNEE = "EN_ATTENTE", "ENVOYEE", "REFUSEE", "ABANDONNEE"
_WAITING = text(f"etat = '{EN_ATTENTE}'")


class Base(Row):
    """Tables of the component."""

    __abstract__ = True
    metadata = metadata()


class CommandeSortante(TenantOrSystem, Base):
    """A call to another service, owed since the transaction that wrote it.

    *organisation_id* is that of the call, None for none. Commands about one *objet* are sent in the
    order of *rang*, each after the end of the former one. *charge* is the whole request by field
    name, secrets sealed (C15); it is emptied once the call has been answered. *alerte_le* is when
    somebody was told that it waits. *trace* holds the headers by which the trace of its cause goes on.
    """

    __tablename__ = "commande_sortante"
    __waiting__ = _WAITING.text
    __table_args__ = (
        Index(
            "uq_commande_sortante_cle",
            func.coalesce(literal_column("organisation_id"), text("''")),
            "type",
            "cle",
            unique=True,
        ),
        Index("ix_commande_sortante_prochain_essai", "prochain_essai", postgresql_where=_WAITING),
        Index("ix_commande_sortante_objet", "objet", "rang", postgresql_where=_WAITING),
        Index("ix_commande_sortante_terminee_le", "terminee_le"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    rang: Mapped[int] = mapped_column(BigInteger, Identity(always=True), init=False)
    type: Mapped[str] = mapped_column(String(60))
    cle: Mapped[str] = mapped_column(String(160))
    objet: Mapped[str] = mapped_column(String(160))
    charge: Mapped[dict[str, Any]]
    correlation_id: Mapped[str] = mapped_column(String(64), default="")
    etat: Mapped[str] = mapped_column(Choice(EN_ATTENTE, ENVOYEE, REFUSEE, ABANDONNEE), default=EN_ATTENTE)
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime] = mapped_column(default_factory=clock.now)
    erreur: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    terminee_le: Mapped[datetime | None] = mapped_column(default=None)
    alerte_le: Mapped[datetime | None] = mapped_column(default=None)
    trace: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
