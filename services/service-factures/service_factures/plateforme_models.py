"""The tables around a platform: accounts, how far its statuses were read, the statuses that we send."""

from datetime import datetime
from typing import Final
from uuid import UUID

from db_utils import Choice, Entity, Tenant, clock, uuid7
from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.models import Base

EN_ATTENTE, ENVOYE, ACCEPTE = "EN_ATTENTE", "ENVOYE", "ACCEPTE"
ABANDONNE, REFUSE = "ABANDONNE", "REFUSE"
ENCAISSEMENT, ANNULATION = "ENCAISSEMENT", "ANNULATION"
CLE_TAKEN: Final = "uq_cycle_sortant_cle"


class ConnexionPlateforme(Entity, Tenant, Base):
    """The account of a société on its platform; *client_secret* is sealed (C15)."""

    __tablename__ = "connexion_plateforme"
    __table_args__ = (Index("uq_connexion_plateforme_societe", "organisation_id", "societe_id", unique=True),)

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    flow_url: Mapped[str] = mapped_column(String(500))
    directory_url: Mapped[str] = mapped_column(String(500), default="")
    token_url: Mapped[str] = mapped_column(String(500))
    client_id: Mapped[str] = mapped_column(String(255))
    client_secret: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(String(100), default="")


class CurseurFlux(Base):
    """How far the statuses that came in for a société were read: a cursor, or the last change without one."""

    __tablename__ = "curseur_flux"

    organisation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    societe_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    cursor: Mapped[str] = mapped_column(Text, default="")
    updated_after: Mapped[datetime | None] = mapped_column(default=None)


class CycleSortant(Tenant, Base):
    """A status of an invoice that we send (R40), the *rang*-th of its invoice.

    *sens* says whether money came or was taken back (R41). *prochain_essai* is kept until it was sent,
    refused or dropped.
    """

    __tablename__ = "cycle_sortant"
    __table_args__ = (
        Index(CLE_TAKEN, "cle", unique=True),
        Index("uq_cycle_sortant_rang", "facture_id", "rang", unique=True),
        Index(
            "ix_cycle_sortant_prochain_essai",
            "prochain_essai",
            postgresql_where=text("prochain_essai IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"))
    code: Mapped[int]
    rang: Mapped[int]
    cdar: Mapped[bytes] = mapped_column(LargeBinary)
    sens: Mapped[str] = mapped_column(Choice(ENCAISSEMENT, ANNULATION))
    statut: Mapped[str] = mapped_column(
        Choice(EN_ATTENTE, ENVOYE, ACCEPTE, ABANDONNE, REFUSE), default=EN_ATTENTE
    )
    cle: Mapped[str] = mapped_column(String(64))
    flow_id: Mapped[str | None] = mapped_column(String(100), default=None)
    motif_code: Mapped[str | None] = mapped_column(String(50), default=None)
    emis_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    tentatives: Mapped[int] = mapped_column(default=0)
    prochain_essai: Mapped[datetime | None] = mapped_column(default=None)
    envoye_le: Mapped[datetime | None] = mapped_column(default=None)
