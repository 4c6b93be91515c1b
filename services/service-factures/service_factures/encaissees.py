"""The status 212 Encaissée, owed with each receipt of an invoice that a platform has (R40, R41).

It is written in the transaction of the act and sent by the job of `cycles.py`.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from db_utils import Transaction, clock
from sqlalchemy import bindparam, func, select, update

from service_factures.encaissement_models import EncaissementTva
from service_factures.ereporting.operations import taxed_at_receipt
from service_factures.lecture import ENCAISSEMENTS
from service_factures.models import ZERO, Facture
from service_factures.plateforme_models import (
    ABANDONNE,
    ANNULATION,
    EN_ATTENTE,
    ENCAISSEMENT,
    CycleSortant,
)
from service_factures.traitements import B2B
from service_factures.transmission import SANS_OBJET
from service_factures.transmission.cdar_212 import ENCAISSEE, Encaissement, MontantEncaisse, encaissee

_LAST = select(func.max(CycleSortant.rang)).where(CycleSortant.facture_id == bindparam("facture_id"))

_REVIVED = (
    update(CycleSortant)
    .where(CycleSortant.facture_id == bindparam("facture"), CycleSortant.statut == ABANDONNE)
    .values(statut=EN_ATTENTE, prochain_essai=bindparam("now", type_=CycleSortant.prochain_essai.type))
)


async def owe_212(tx: Transaction, facture: Facture, rows: Sequence[EncaissementTva]) -> None:
    """Owe the status of what one act has brought at each rate, or taken back (R40, R41).

    It tells the administration of VAT that is due at the receipt, for invoices that go by a platform.

    The caller holds the lock of the invoice. The rows of one act again owe nothing more.
    """
    if facture.traitement != B2B or facture.statut_transmission == SANS_OBJET:
        return
    option_debits = bool((facture.vendeur_snapshot or {}).get("option_debits"))
    told = taxed_at_receipt(facture, rows, option_debits=option_debits)
    if not told:
        return
    now, rang = clock.now(), (await tx.one(_LAST, facture_id=facture.id) or 0) + 1
    await tx.insert_if_absent(
        CycleSortant(
            organisation_id=facture.organisation_id,
            facture_id=facture.id,
            code=int(ENCAISSEE),
            rang=rang,
            cdar=encaissee(_encaissement(facture, rang, told)),
            sens=ANNULATION if sum((row.montant for row in told), ZERO) < 0 else ENCAISSEMENT,
            cle=f"{ENCAISSEE}:{told[0].mouvement}",
            emis_le=now,
            prochain_essai=now,
        )
    )


async def owe_earlier_212(tx: Transaction, facture: Facture) -> None:
    """Owe the statuses of what *facture* had received before it was to be sent."""
    rows = await tx.all(ENCAISSEMENTS, facture_id=facture.id)
    for act in acts(rows):
        await owe_212(tx, facture, act)


async def revive_212(tx: Transaction, facture: Facture) -> None:
    """Have the statuses sent after all that were dropped with *facture*, which is sent again itself."""
    await tx.execute(_REVIVED, facture=facture.id, now=clock.now())


def acts(rows: Iterable[EncaissementTva]) -> list[list[EncaissementTva]]:
    """*rows*, in their order, by the act that made them."""
    return [list(of_one) for _, of_one in groupby(rows, key=lambda row: row.mouvement)]


def _encaissement(facture: Facture, rang: int, rows: Sequence[EncaissementTva]) -> Encaissement:
    assert facture.numero is not None, "it is issued"
    assert facture.date_emission is not None
    seller: dict[str, Any] = facture.vendeur_snapshot or {}
    buyer: dict[str, Any] = facture.client_snapshot or {}
    return Encaissement(
        numero=facture.numero,
        rang=rang,
        date_emission=facture.date_emission,
        siren_vendeur=seller["siren"],
        siren_client=buyer.get("siren") or "",
        adresse_client=buyer.get("adresse_electronique") or "",
        emis_le=clock.now(),
        montants=[MontantEncaisse(Decimal(row.taux), row.montant, row.date) for row in rows],
    )
