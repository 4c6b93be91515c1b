"""Tables of the dashboard service: what events have announced, what was decided, what others answered."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Row, Tenant, Versioned, clock, metadata
from sqlalchemy import CHAR, CheckConstraint, ColumnElement, Index, String, bindparam, or_
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
    __table_args__ = (
        Index("ix_clients_vus_cree_le", "organisation_id", "cree_le"),
        Index("ix_clients_vus_client_id", "client_id"),  # for events that name no organisation (R23)
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str | None] = mapped_column(String(64), default=None)
    cree_le: Mapped[datetime]


class FactureVue(Tenant, Base):
    """An invoice that was issued; of several announcements the first stays (R21).

    *montant* is what was invoiced less the credit notes that the last reconstruction saw (R18).
    """

    __tablename__ = "factures_vues"
    __table_args__ = (
        Index("ix_factures_vues_emise_le", "organisation_id", "emise_le"),
        Index("ix_factures_vues_client_id", "organisation_id", "client_id", "date_echeance"),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    invoice_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    numero: Mapped[str] = mapped_column(String(64), default="")
    montant: Mapped[Decimal]
    emise_le: Mapped[datetime]
    date_echeance: Mapped[date]


class PaiementVu(Tenant, Base):
    """A payment that was received; of several announcements the first stays (R22).

    *montant* is what was received less what was paid back, as far as the last reconstruction saw it, which
    also takes away what the bank has taken back (R18). *vu_le* is when this service heard of it.
    """

    __tablename__ = "paiements_vus"
    __table_args__ = (
        Index("ix_paiements_vus_recu_le", "organisation_id", "recu_le"),
        Index("ix_paiements_vus_client_id", "organisation_id", "client_id"),
        Index("ix_paiements_vus_facture_id", "organisation_id", "facture_id"),
    )

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str] = mapped_column(String(64))
    schedule_id: Mapped[str | None] = mapped_column(String(64), default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    montant: Mapped[Decimal]
    recu_le: Mapped[datetime]
    vu_le: Mapped[datetime] = mapped_column(default_factory=clock.now)


class Reconstruction(Tenant, Base):
    """When the projections of an organisation were last compared with their sources (R18)."""

    __tablename__ = "reconstructions"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    faite_le: Mapped[datetime]


class Objectif(Tenant, Versioned, Base):
    """What a month should bring, as somebody has decided; an empty *societe_id* is the organisation (R17)."""

    __tablename__ = "objectifs"
    __table_args__ = (CheckConstraint("montant >= 0", name="montant"),)

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    mois: Mapped[str] = mapped_column(CHAR(7), primary_key=True)
    montant: Mapped[Decimal]


class Instantane(Tenant, Base):
    """The last good answer of another service to the question *cle*, for when it is silent (R24)."""

    __tablename__ = "instantanes"
    __table_args__ = (Index("ix_instantanes_pris_le", "pris_le"),)

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    cle: Mapped[str] = mapped_column(String(200), primary_key=True)
    valeur: Mapped[dict[str, Any]]
    pris_le: Mapped[datetime]


class EvenementOrphelin(Base):
    """An event that names no organisation, about a client whom nobody knows yet (R23).

    *charge* is the event without what it says of a person.
    """

    __tablename__ = "evenements_orphelins"
    __table_args__ = (Index("ix_evenements_orphelins_created_at", "created_at"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(50))
    charge: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


def of_societe(kind: type[FactureVue] | type[PaiementVu] = FactureVue) -> ColumnElement[bool]:
    """Criterion for rows of the bound `societe_id`, all of them when it is empty (R9)."""
    asked = bindparam("societe_id", type_=String)
    return or_(asked == "", kind.societe_id == asked)
