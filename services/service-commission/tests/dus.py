"""Commissions and reprises of a beneficiary, put where receipts and returns put them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

from db_utils import Scope, within
from service_commission.models import COMMERCIAL, INITIALE, Commission, Reprise
from service_commission.periodes import after, periode_of
from service_testing import Mesh
from sqlalchemy import bindparam, select

_BY_REFERENCE = select(Commission).where(Commission.reference == bindparam("reference"))
FEVRIER = date(2026, 2, 5)


@dataclass
class Dus:
    """What is due in the organisation *org*."""

    mesh: Mesh
    org: str
    _numbers: Any = field(default_factory=lambda: count(1))

    def row(self, montant: str = "4.16", beneficiaire: str = "app-1", **fields: Any) -> Commission:
        """A commission that is not stored yet."""
        day = fields.pop("date_encaissement", FEVRIER)
        number = next(self._numbers)
        told: dict[str, Any] = {
            "organisation_id": self.org,
            "reference": f"COM-{periode_of(day)}-{number:06d}",
            "type": INITIALE,
            "role": COMMERCIAL,
            "beneficiaire_id": beneficiaire,
            "contrat_id": "contrat-1",
            "payment_id": f"payment-{number}",
            "base_ht": Decimal("41.58"),
            "taux": Decimal("10.00"),
            "montant": Decimal(montant),
            "periode": periode_of(day),
            "date_encaissement": day,
            "bareme_code": "STANDARD",
            "bareme_version": 1,
        }
        return Commission(**(told | fields))

    async def commission(
        self, montant: str = "4.16", beneficiaire: str = "app-1", **fields: Any
    ) -> Commission:
        """A commission that waits for its bordereau."""
        (row,) = await self.commissions([self.row(montant, beneficiaire, **fields)])
        return row

    async def commissions(self, rows: Sequence[Commission]) -> Sequence[Commission]:
        """*rows*, stored."""
        with within(Scope(self.org)):
            async with self.mesh.database("commission").transaction() as tx:
                for row in rows:
                    await tx.insert(row)
        return rows

    async def reprise(self, of: Commission, montant: str = "4.16", **fields: Any) -> Reprise:
        """A reprise of a commission, to be applied from the month after its event on."""
        day = fields.pop("date_evenement", date(2026, 1, 20))
        told: dict[str, Any] = {
            "organisation_id": self.org,
            "commission_id": of.id,
            "type": "IMPAYE",
            "beneficiaire_id": of.beneficiaire_id,
            "contrat_id": of.contrat_id,
            "montant": Decimal(montant),
            "taux_reprise": Decimal("100.00"),
            "date_evenement": day,
            "periode_origine": of.periode,
            "periode_application": after(periode_of(day)),
            "motif": "MD06",
            "cle": f"retour:{next(self._numbers)}",
        }
        row = Reprise(**(told | fields))
        with within(Scope(self.org)):
            async with self.mesh.database("commission").transaction() as tx:
                await tx.insert(row)
                stored = await tx.get(Commission, of.id, lock=True)
                assert stored is not None
                await tx.update(stored, montant_repris=stored.montant_repris + row.montant)
        return row

    async def change(self, row: Any, **changes: Any) -> None:
        """Change *row* as it is stored now."""
        with within(Scope(self.org)):
            async with self.mesh.database("commission").transaction() as tx:
                stored = await tx.get(type(row), row.id, lock=True)
                assert stored is not None
                await tx.update(stored, **changes)

    async def stored(self, row: Any) -> Any:
        """*row* as it is stored now."""
        with within(Scope(self.org)):
            found = await self.mesh.database("commission").read().get(type(row), row.id)
        assert found is not None
        return found

    async def all(self, model: Any) -> list[Any]:
        """All rows of *model* of the organisation, the oldest first."""
        with within(Scope(self.org)):
            return await self.mesh.database("commission").read().all(select(model).order_by(model.id))
