"""The tables around documents: the files, those that are still to be made, mentions, logos."""

from datetime import date, datetime
from uuid import UUID

from db_utils import Choice, Tenant, clock
from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.models import CATEGORIES, Base


class FactureDocument(Tenant, Base):
    """The files of an invoice; the database refuses to change or delete a row (R30)."""

    __tablename__ = "facture_document"

    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    xml: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    genere_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class DocumentAFaire(Tenant, Base):
    """Invoice whose document is still to be made, and when that is tried next (R30)."""

    __tablename__ = "document_a_faire"
    __table_args__ = (Index("ix_document_a_faire_prochain_essai", "prochain_essai"),)

    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"), primary_key=True)
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime] = mapped_column(default_factory=clock.now)


class MentionLegaleRow(Base):
    """Text and code of a reason for 0 %, valid from one day to another (R27); the same for everybody."""

    __tablename__ = "mention_legale"

    motif: Mapped[str] = mapped_column(String(30), primary_key=True)
    valable_du: Mapped[date] = mapped_column(primary_key=True)
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES, length=2))
    vatex: Mapped[str] = mapped_column(String(30))
    texte: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(String(100))
    valable_au: Mapped[date | None] = mapped_column(default=None)


class FactureLogo(Tenant, Base):
    """Logo of a société as documents hold it (R32); apart, since each issue reads the settings."""

    __tablename__ = "facture_logo"

    settings_id: Mapped[UUID] = mapped_column(
        ForeignKey("facture_settings.id", ondelete="CASCADE"), primary_key=True
    )
    logo: Mapped[bytes] = mapped_column(LargeBinary)
