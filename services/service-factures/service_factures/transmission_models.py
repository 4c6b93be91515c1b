"""The tables around the way of invoices: where each one is, and every status that was heard of it."""

from datetime import datetime
from uuid import UUID

from db_utils import Choice, Tenant, clock, uuid7
from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.models import Base
from service_factures.transmission import ERREUR_ROUTAGE, IRRECEVABLE, ORIGINES, REJETEE, STATUTS

REFUSES = (REJETEE, STATUTS[210], ERREUR_ROUTAGE, IRRECEVABLE)  # what somebody has to put right


class Transmission(Tenant, Base):
    """The way of an invoice: *prochain_essai* while it is still to be sent, *flow_id* once it was.

    *code* and *statut_le* are those of the status that counts (R37). *tracking_id* is the invoice's
    id, with a number for one that is sent again.
    """

    __tablename__ = "transmission"
    __table_args__ = (
        Index(
            "ix_transmission_prochain_essai",
            "prochain_essai",
            postgresql_where=text("prochain_essai IS NOT NULL"),
        ),
        Index(
            "ix_transmission_flow_id",
            "organisation_id",
            "flow_id",
            postgresql_where=text("flow_id IS NOT NULL"),
        ),
    )

    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"), primary_key=True)
    adresse_destinataire: Mapped[str | None] = mapped_column(String(130), default=None)
    flow_id: Mapped[str | None] = mapped_column(String(100), default=None)
    tracking_id: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    tentatives: Mapped[int] = mapped_column(default=0)
    depuis: Mapped[datetime] = mapped_column(default_factory=clock.now)
    prochain_essai: Mapped[datetime | None] = mapped_column(default=None)
    code: Mapped[int | None] = mapped_column(default=None)
    motif_code: Mapped[str | None] = mapped_column(String(50), default=None)
    statut_le: Mapped[datetime | None] = mapped_column(default=None)
    deposee_le: Mapped[datetime | None] = mapped_column(default=None)


class TransmissionStatut(Tenant, Base):
    """A status of an invoice; the database refuses to change or delete a row (R37)."""

    __tablename__ = "transmission_statut"
    __counted__ = ("nom", REFUSES)
    __table_args__ = (
        Index("uq_transmission_statut_code_date", "facture_id", "code", "date", unique=True),
        Index("ix_transmission_statut_facture_id", "facture_id", "date"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"))
    code: Mapped[int | None] = mapped_column(default=None)
    nom: Mapped[str] = mapped_column(String(30))
    date: Mapped[datetime]
    motif_code: Mapped[str | None] = mapped_column(String(50), default=None)
    texte: Mapped[str | None] = mapped_column(String(500), default=None)
    origine: Mapped[str] = mapped_column(Choice(*ORIGINES))
    flow_id: Mapped[str | None] = mapped_column(String(100), default=None)
