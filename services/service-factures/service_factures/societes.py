"""The settings of a société: who sells, and how its invoices are numbered, taxed and to be paid (R8)."""

from datetime import date
from decimal import Decimal
from typing import Final

from db_utils import Choice, Entity, Reader, Tenant
from sqlalchemy import ARRAY, CHAR, Index, Numeric, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from service_factures.documents.mentions import NO_DISCOUNT
from service_factures.models import APRES_45J, AVANT_45J, CONDITIONS, DEFAULT_RATES, Base, Rate

REEL_MENSUEL, FRANCHISE = "REEL_MENSUEL", "FRANCHISE"
REGIMES: Final = (REEL_MENSUEL, "REEL_TRIMESTRIEL", "SIMPLIFIE", FRANCHISE)
OBLIGATION: Final = date(2027, 9, 1)
"""When small and micro companies begin to issue electronically and to report (decree 2022-1299)."""


class FactureSettings(Entity, Tenant, Base):
    """What a société says of itself and of its invoices; *societe_id* is "" for the default one."""

    __tablename__ = "facture_settings"
    __table_args__ = (Index("uq_facture_settings_societe", "organisation_id", "societe_id", unique=True),)

    societe_id: Mapped[str] = mapped_column(String(64), default="")
    company_name: Mapped[str | None] = mapped_column(String(255), default=None)
    forme_juridique: Mapped[str | None] = mapped_column(String(50), default=None)
    capital: Mapped[Decimal | None] = mapped_column(default=None)
    company_address: Mapped[str | None] = mapped_column(String(500), default=None)
    code_postal: Mapped[str | None] = mapped_column(String(20), default=None)
    ville: Mapped[str | None] = mapped_column(String(100), default=None)
    pays: Mapped[str] = mapped_column(CHAR(2), default="FR")
    siren: Mapped[str | None] = mapped_column(String(9), default=None)
    siret: Mapped[str | None] = mapped_column(String(14), default=None)
    tva_intracom: Mapped[str | None] = mapped_column(String(20), default=None)
    adresse_electronique: Mapped[str | None] = mapped_column(String(130), default=None)
    rcs: Mapped[str | None] = mapped_column(String(100), default=None)
    email: Mapped[str | None] = mapped_column(String(255), default=None)
    telephone: Mapped[str | None] = mapped_column(String(30), default=None)
    iban: Mapped[str | None] = mapped_column(String(34), default=None)
    bic: Mapped[str | None] = mapped_column(String(11), default=None)
    prefix_facture: Mapped[str] = mapped_column(String(10), default="FAC")
    prefix_avoir: Mapped[str] = mapped_column(String(10), default="AV")
    conditions_paiement: Mapped[str] = mapped_column(Choice(*CONDITIONS), default="J30")
    calcul_fin_de_mois: Mapped[str] = mapped_column(Choice(APRES_45J, AVANT_45J), default=APRES_45J)
    taux_penalites: Mapped[Rate | None] = mapped_column(default=None)
    escompte_texte: Mapped[str] = mapped_column(String(255), default=NO_DISCOUNT)
    option_debits: Mapped[bool] = mapped_column(default=False)
    franchise_tva: Mapped[bool] = mapped_column(default=False)
    taux_autorises: Mapped[list[Decimal]] = mapped_column(
        ARRAY(Numeric(5, 2)), default_factory=lambda: list(DEFAULT_RATES)
    )
    couleurs: Mapped[str | None] = mapped_column(String(100), default=None)
    header_text: Mapped[str | None] = mapped_column(Text, default=None)
    footer_text: Mapped[str | None] = mapped_column(Text, default=None)
    mentions_libres: Mapped[str | None] = mapped_column(Text, default=None)
    logo_mime: Mapped[str | None] = mapped_column(String(20), default=None)
    regime_tva: Mapped[str | None] = mapped_column(Choice(*REGIMES), default=None)
    emission_obligatoire_le: Mapped[date] = mapped_column(default=OBLIGATION, server_default=str(OBLIGATION))
    ereporting_depuis: Mapped[date] = mapped_column(default=OBLIGATION, server_default=str(OBLIGATION))

    @property
    def regime(self) -> str:
        """When its VAT is declared: what it says, else what its franchise means."""
        return self.regime_tva or (FRANCHISE if self.franchise_tva else REEL_MENSUEL)


_OF = select(FactureSettings).where(FactureSettings.societe_id == bindparam("societe_id"))


async def stored_settings(reader: Reader, societe_id: str) -> FactureSettings | None:
    """The settings of a société of the scope's organisation, None for one that has said nothing."""
    return await reader.one(_OF, societe_id=societe_id)


async def settings_of(reader: Reader, organisation_id: str, societe_id: str) -> FactureSettings:
    """The settings of a société, the defaults for one that has said nothing."""
    stored = await stored_settings(reader, societe_id)
    return stored or FactureSettings(organisation_id=organisation_id, societe_id=societe_id)
