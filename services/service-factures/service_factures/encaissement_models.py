"""The table of what règlements have brought at each rate of VAT (R39, R41)."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from db_utils import Choice, Tenant, uuid7
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.models import CATEGORIES, Base, Rate


class EncaissementTva(Tenant, Base):
    """What one act has received or, below zero, taken back at one rate; the database keeps each row as it is.

    Rows of one *mouvement* were made by one act: a receipt, a reversal, or an avoir that moves what is
    received between rates. *montant* includes VAT.
    """

    __tablename__ = "encaissement_tva"
    __table_args__ = (Index("ix_encaissement_tva_facture_id", "facture_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"))
    reglement_id: Mapped[UUID] = mapped_column(ForeignKey("reglement.id"))
    mouvement: Mapped[UUID]
    taux: Mapped[Rate]
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES, length=2))
    montant: Mapped[Decimal]
    date: Mapped[date]
