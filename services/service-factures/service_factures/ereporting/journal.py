"""The journal of e-reporting: lines in the transaction of the act that they tell (R42).

Its lock is taken last, after those of invoices and series. It makes the lines of a société be committed
in the order of their sequence, and no line meets a period that is being closed.
"""

from collections.abc import Sequence
from typing import Any, Final

from db_utils import Transaction, clock
from sqlalchemy import ARRAY, String, any_, bindparam, select

from service_factures.encaissement_models import EncaissementTva
from service_factures.ereporting import operations, periodes
from service_factures.ereporting.models import EReportingLigne, EReportingPeriode
from service_factures.ereporting.operations import REPORTED, Operation
from service_factures.lecture import ENCAISSEMENTS, TVA
from service_factures.models import Facture
from service_factures.societes import FactureSettings, settings_of

_LOCK: Final = "ereporting"
_TOLD = select(EReportingLigne.id).where(EReportingLigne.facture_id == bindparam("facture_id")).limit(1)
_CLOSED = select(EReportingPeriode.nature, EReportingPeriode.periode).where(
    EReportingPeriode.societe_id == bindparam("societe_id"),
    EReportingPeriode.periode == any_(bindparam("periodes", type_=ARRAY(String))),
)


async def lock(tx: Transaction, organisation_id: str, societe_id: str) -> None:
    """Hold the journal of a société: no line of it is written or being written by others."""
    await tx.lock(_LOCK, organisation_id, societe_id)


async def issued(tx: Transaction, facture: Facture) -> None:
    """Tell the sale of *facture* once its treatment is settled, and the receipts that came before."""
    if facture.traitement not in REPORTED:
        return
    settings = await settings_of(tx, facture.organisation_id, facture.societe_id)
    if settings.ereporting_depuis > clock.today() or await tx.one(_TOLD, facture_id=facture.id) is not None:
        return
    told = operations.transactions(facture, await tx.all(TVA, facture_id=facture.id))
    rows = await tx.all(ENCAISSEMENTS, facture_id=facture.id)
    await _write(tx, facture, settings, told + _receipts(facture, settings, rows))


async def received(tx: Transaction, facture: Facture, rows: Sequence[EncaissementTva]) -> None:
    """Tell the receipts *rows* of *facture*; those of one whose treatment is open are told with it."""
    if facture.traitement in REPORTED:
        settings = await settings_of(tx, facture.organisation_id, facture.societe_id)
        await _write(tx, facture, settings, _receipts(facture, settings, rows))


def _receipts(
    facture: Facture, settings: FactureSettings, rows: Sequence[EncaissementTva]
) -> list[Operation]:
    return operations.receipts(facture, rows, option_debits=_option_debits(facture, settings))


def _option_debits(facture: Facture, settings: FactureSettings) -> bool:
    """When VAT is owed, as the invoice says it; its société's words while the parties are not frozen."""
    frozen = facture.vendeur_snapshot
    return settings.option_debits if frozen is None else bool(frozen.get("option_debits"))


async def _write(
    tx: Transaction, facture: Facture, settings: FactureSettings, told: Sequence[Operation]
) -> None:
    begun = [one for one in told if one.jour >= settings.ereporting_depuis]
    if not begun:
        return
    await lock(tx, facture.organisation_id, facture.societe_id)
    named = [(one, periodes.of_day(settings.regime, one.nature, one.jour).nom) for one in begun]
    names = sorted({nom for _, nom in named})
    closed = await tx.all(_CLOSED, societe_id=facture.societe_id, periodes=names)
    for one, nom in named:
        await tx.insert(_ligne(facture, one, _place(settings.regime, one.nature, nom, closed)))


def _place(regime: str, nature: str, nom: str, closed: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The period of a line: its own, or today's, which is not over, once its own is closed (R44)."""
    if (nature, nom) not in closed:
        return {"periode": nom}
    return {"periode": periodes.of_day(regime, nature, clock.today()).nom, "periode_corrigee": nom}


def _ligne(facture: Facture, one: Operation, place: dict[str, Any]) -> EReportingLigne:
    assert facture.traitement is not None, "it is reported"
    return EReportingLigne(
        organisation_id=facture.organisation_id,
        societe_id=facture.societe_id,
        nature=one.nature,
        traitement=facture.traitement,
        jour=one.jour,
        categorie=one.categorie,
        taux=one.taux,
        base_ht=one.base_ht,
        montant_tva=one.montant_tva,
        montant_ttc=one.montant_ttc,
        facture_id=facture.id,
        reglement_id=one.reglement_id,
        **place,
    )
