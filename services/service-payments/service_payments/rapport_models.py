"""The tables of the bank's reports (R23 to R28)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from db_utils import Choice, Tenant, clock, uuid7
from sqlalchemy import CHAR, ForeignKey, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from service_payments.models import Base

REGLEMENT, RETOUR_LIGNE, REFUS, NON_RAPPROCHE = NATURES = ("REGLEMENT", "RETOUR", "REFUS", "NON_RAPPROCHE")


class RapportBancaire(Tenant, Base):
    """A report of a bank that was imported; the same bytes are imported once."""

    __tablename__ = "rapport_bancaire"
    __table_args__ = (Index("uq_rapport_bancaire_sha256", "organisation_id", "sha256", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    sha256: Mapped[str] = mapped_column(CHAR(64))
    format: Mapped[str] = mapped_column(Choice("pain.002", "camt.053", "camt.054"))
    file_name: Mapped[str] = mapped_column(String(255), default="")
    importe_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    resultat: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)


class RapportLigne(Tenant, Base):
    """What one line of a report has told; one told twice counts once."""

    __tablename__ = "rapport_ligne"
    __table_args__ = (
        Index(
            "uq_rapport_ligne",
            "payment_id",
            "nature",
            "code",
            "date",
            unique=True,
        ),
        Index("ix_rapport_ligne_rapport", "rapport_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    rapport_id: Mapped[UUID] = mapped_column(ForeignKey("rapport_bancaire.id"))
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payment.id"), default=None)
    nature: Mapped[str] = mapped_column(Choice(*NATURES))
    code: Mapped[str] = mapped_column(String(35), default="")
    date: Mapped[date]
    montant_ligne: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    frais: Mapped[Decimal] = mapped_column(Numeric(14, 2), default=Decimal(0))
    motif: Mapped[str | None] = mapped_column(String(35), default=None)
