"""What règlements bring at each rate, in the transaction of the act (R39, R41).

How an amount is split is in `repartition.py`; `ereporting/journal.py` and `encaissees.py` tell it. Who
calls holds the lock of the invoice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from db_utils import Reader, Transaction, clock, uuid7

from service_factures import encaissees, repartition
from service_factures.encaissement_models import EncaissementTva
from service_factures.ereporting import journal
from service_factures.lecture import CREDITED_TVA, ENCAISSEMENTS, TVA, parts_of
from service_factures.models import ZERO, Facture, Reglement
from service_factures.repartition import Moves, Poste


@dataclass(frozen=True, slots=True)
class Standing:
    """What an invoice comes to at each rate, and what was received of it so far."""

    rates: Sequence[Poste]
    categories: Mapping[Decimal, str]
    rows: Sequence[EncaissementTva]

    @property
    def received(self) -> Decimal:
        """The sum of all rates."""
        return sum((row.montant for row in self.rows), ZERO)


async def receive(tx: Transaction, facture: Facture, reglement: Reglement) -> None:
    """Split what *reglement* pays of *facture*, which does not count it yet, over the rates (R39)."""
    owed = min(reglement.montant, facture.solde)
    if owed:
        standing = await _standing(tx, facture)
        moves = repartition.receipt(standing.rates, owed)
        await _write(tx, facture, standing, reglement.id, moves, reglement.date_reception)


async def take_back(tx: Transaction, facture: Facture, reglement: Reglement, montant: Decimal) -> None:
    """Take *montant* of *reglement*, which *facture* still counts, from the rates (R41)."""
    standing = await _standing(tx, facture)
    unsplit = facture.montant_regle - standing.received
    own = _by_rate(row for row in standing.rows if row.reglement_id == reglement.id)
    moves = repartition.reversal(standing.rates, montant, unsplit, own)
    await _write(tx, facture, standing, reglement.id, moves, clock.today())


async def credited(tx: Transaction, facture: Facture, day: date) -> None:
    """Move what rates have received beyond what an avoir of *day* left to those still owed (R39)."""
    if not facture.montant_regle:
        return
    standing = await _standing(tx, facture)
    moves = repartition.shift(standing.rates)
    if moves:
        await _write(tx, facture, standing, standing.rows[-1].reglement_id, moves, day)


async def _standing(reader: Reader, facture: Facture) -> Standing:
    tva = await reader.all(TVA, facture_id=facture.id)
    earlier = await reader.all(CREDITED_TVA, facture_id=facture.id)
    rows = await reader.all(ENCAISSEMENTS, facture_id=facture.id)
    rates = repartition.postes(parts_of(tva), parts_of(earlier), _by_rate(rows))
    return Standing(rates, {one.taux: one.categorie for one in tva}, rows)


def _by_rate(rows: Iterable[EncaissementTva]) -> Moves:
    sums: Moves = {}
    for row in rows:
        sums[row.taux] = sums.get(row.taux, ZERO) + row.montant
    return sums


async def _write(
    tx: Transaction, facture: Facture, standing: Standing, reglement_id: UUID, moves: Moves, day: date
) -> None:
    mouvement = uuid7()
    rows = [
        EncaissementTva(
            organisation_id=facture.organisation_id,
            facture_id=facture.id,
            reglement_id=reglement_id,
            mouvement=mouvement,
            taux=taux,
            categorie=standing.categories[taux],
            montant=montant,
            date=day,
        )
        for taux, montant in moves.items()
    ]
    for row in rows:
        await tx.insert(row)
    await journal.received(tx, facture, rows)
    await encaissees.owe_212(tx, facture, rows)
