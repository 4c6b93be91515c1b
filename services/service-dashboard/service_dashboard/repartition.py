"""RepartitionProduitsService: what each product has brought in contracts signed in a period (R8)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from crm.contrats.contrats_pb2 import StatistiquesProduit
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import RepartitionProduitsServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_dashboard import annuaires, contrats, rules
from service_dashboard.demandes import Demande, demande
from service_dashboard.reponses import Reponses
from service_dashboard.sources import Sources

COULEURS: Final = (
    "#3B82F6",
    "#10B981",
    "#F59E0B",
    "#EF4444",
    "#8B5CF6",
    "#EC4899",
    "#06B6D4",
    "#F97316",
    "#6366F1",
    "#84CC16",
)


class RepartitionProduitsService(RepartitionProduitsServiceServicer):
    """Revenue of the caller's organisation by product."""

    def __init__(self, app: App[Settings]) -> None:
        self._reponses = app.part(Reponses)

    async def GetRepartitionProduits(
        self, request: pb.DashboardFilters, context: Context
    ) -> pb.GetRepartitionProduitsResponse:
        """Split what was signed in the period by product (R8). Raises like GetKpis."""
        kind = pb.GetRepartitionProduitsResponse
        return await self._reponses.answer(demande(request), kind, _figures, "produit_id")


async def _figures(asked: Demande, sources: Sources) -> Mapping[str, Any]:
    told = await contrats.of_period(sources, asked)
    names = await annuaires.produits(sources, asked, [one.produit_id for one in told.par_produit])
    parts = split(told.par_produit, names)
    total = sum((rules.exact(one.montant_total) for one in told.par_produit), Fraction())
    wanted = [one for one in parts if asked.produit_id in ("", one.produit_id)]
    return {"ca_total": rules.two_decimals(total), "produits": wanted}


def split(told: Sequence[StatistiquesProduit], names: Mapping[str, str]) -> list[pb.PartProduit]:
    """The part of each product in all of *told*, the largest first, with its colour (R8)."""
    amounts = {one.produit_id: rules.exact(one.montant_total) for one in told}
    total = sum(amounts.values(), Fraction())
    ordered = sorted(amounts, key=lambda produit_id: (-amounts[produit_id], produit_id))
    return [
        pb.PartProduit(
            produit_id=one,
            nom_produit=names.get(one) or (f"Produit {one}" if one else "Sans produit"),
            ca=rules.two_decimals(amounts[one]),
            pourcentage=rules.two_decimals(100 * amounts[one] / total if total else Fraction()),
            couleur=COULEURS[place % len(COULEURS)],
        )
        for place, one in enumerate(ordered)
    ]
