"""Taking commissions back: before and after a bordereau (R19)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub
from db_utils import Scope, within
from service_commission import audit
from service_commission.models import Commission, Reprise
from service_commission.retenues import left_of, take_back
from service_testing import Mesh
from tests.dus import Dus

pytestmark = pytest.mark.usefixtures("mars")


async def taken(mesh: Mesh, row: Commission, montant: str, day: date = date(2026, 3, 20)) -> Reprise | None:
    """What is made when *montant* of *row* is taken back."""
    told: dict[str, Any] = {"type": "IMPAYE", "taux": Decimal("100.00"), "date_evenement": day}
    with within(Scope(row.organisation_id)):
        async with mesh.database("commission").transaction() as tx:
            locked = await tx.get(Commission, row.id, lock=True)
            assert locked is not None
            return await take_back(
                tx,
                locked,
                montant=Decimal(montant),
                motif="MD06",
                cle=f"retour:{montant}",
                acteur=audit.SYSTEME,
                **told,
            )


async def test_R19_a_commission_that_waits_is_hit_itself(mesh: Mesh, dus: Dus) -> None:
    """Its rest stays due, and nothing left is annulled; nothing is taken back of it later."""
    row = await dus.commission("4.16")
    assert await taken(mesh, row, "1.67") is None
    half = await dus.stored(row)
    assert (half.statut, half.montant_repris, left_of(half)) == (
        "EN_ATTENTE",
        Decimal("1.67"),
        Decimal("2.49"),
    )
    assert await taken(mesh, row, "2.49") is None
    whole = await dus.stored(row)
    assert (whole.statut, left_of(whole)) == ("ANNULEE", Decimal("0.00"))
    assert await dus.all(Reprise) == []


async def test_R19_a_validated_commission_has_a_reprise_of_the_month_after(
    mesh: Mesh, bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """The common story: MD06 of 20 March is taken from April on; of December, from the next January on."""
    row = await dus.commission("4.16")
    draft = await bordereaux.Generer(pb.GenererBordereauRequest(beneficiaire_id="app-1", periode="2026-02"))
    await bordereaux.Valider(pb.ValiderBordereauRequest(id=draft.id, version=draft.version))
    made = [await taken(mesh, row, "4.00"), await taken(mesh, row, "0.16", date(2026, 12, 15))]
    assert [(one.montant, one.periode_application, one.statut) for one in made if one] == [
        (Decimal("4.00"), "2026-04", "EN_ATTENTE"),
        (Decimal("0.16"), "2027-01", "EN_ATTENTE"),
    ]
    after = await dus.stored(row)
    assert (after.statut, after.montant_repris) == ("VALIDEE", Decimal("4.16"))
