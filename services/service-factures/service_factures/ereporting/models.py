"""The tables of e-reporting (R42, R44): its journal, the periods that are closed, files to be dropped."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from db_utils import Choice, Tenant, clock, uuid7
from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.ereporting.operations import CATEGORIES, REPORTED
from service_factures.ereporting.periodes import NATURES, TRANSACTION
from service_factures.models import LONGEST_SUBJECT, Base, Rate

OUVERTE, A_DECLARER, DECLAREE = "OUVERTE", "A_DECLARER", "DECLAREE"
_LONGEST_PERIODE = 10  # 2027-09-D1


class EReportingLigne(Tenant, Base):
    """Line of the journal; the database refuses to change or delete one.

    Lines of one société are committed in the order of *sequence*. *periode_corrigee* is the period to
    which a line belonged that was closed before the line came.
    """

    __tablename__ = "ereporting_ligne"
    __table_args__ = (
        Index(
            "ix_ereporting_ligne_periode", "organisation_id", "societe_id", "periode", "nature", "sequence"
        ),
        Index("ix_ereporting_ligne_facture_id", "facture_id"),
        Index(
            "uq_ereporting_ligne_transaction",
            "facture_id",
            "taux",
            unique=True,
            postgresql_where=text(f"nature = '{TRANSACTION}'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    societe_id: Mapped[str] = mapped_column(String(64))
    nature: Mapped[str] = mapped_column(Choice(*NATURES))
    traitement: Mapped[str] = mapped_column(Choice(*REPORTED))
    jour: Mapped[date]
    periode: Mapped[str] = mapped_column(String(_LONGEST_PERIODE))
    periode_corrigee: Mapped[str | None] = mapped_column(String(_LONGEST_PERIODE), default=None)
    categorie: Mapped[str] = mapped_column(Choice(*CATEGORIES))
    taux: Mapped[Rate]
    base_ht: Mapped[Decimal]
    montant_tva: Mapped[Decimal]
    montant_ttc: Mapped[Decimal]
    facture_id: Mapped[UUID] = mapped_column(ForeignKey("facture.id"))
    reglement_id: Mapped[UUID | None] = mapped_column(ForeignKey("reglement.id"), default=None)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True), init=False)


class EReportingPeriode(Tenant, Base):
    """Period that is closed, with its files; the database refuses to change or delete one (R44)."""

    __tablename__ = "ereporting_periode"
    __table_args__ = (
        Index(
            "uq_ereporting_periode_nature",
            "organisation_id",
            "societe_id",
            "periode",
            "nature",
            unique=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    societe_id: Mapped[str] = mapped_column(String(64))
    nature: Mapped[str] = mapped_column(Choice(*NATURES))
    periode: Mapped[str] = mapped_column(String(_LONGEST_PERIODE))
    statut: Mapped[str] = mapped_column(Choice(DECLAREE), default=DECLAREE)
    curseur: Mapped[int] = mapped_column(BigInteger)
    fichier_csv: Mapped[bytes] = mapped_column(LargeBinary)
    fichier_json: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    declaree_le: Mapped[datetime] = mapped_column(default_factory=clock.now)
    acteur: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))


class EReportingDepot(Tenant, Base):
    """Closed period whose files are still to be dropped in the folder of its société (R45)."""

    __tablename__ = "ereporting_depot"

    periode_id: Mapped[UUID] = mapped_column(ForeignKey("ereporting_periode.id"), primary_key=True)
