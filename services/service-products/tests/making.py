"""Products, grids and prices for tests, made as a client makes them."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import (
    GrilleTarifaireServiceStub,
    PrixProduitServiceStub,
    ProduitServiceStub,
)


def item(produit: pb.Produit, prix_unitaire: float = 10, **terms: Any) -> pb.PrixProduitItem:
    """What BulkSet takes for one product."""
    return pb.PrixProduitItem(produit_id=produit.id, prix_unitaire=prix_unitaire, **terms)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What an organisation sells, and at which prices."""

    produits: ProduitServiceStub
    grilles: GrilleTarifaireServiceStub
    prix: PrixProduitServiceStub
    _numbers: Any = field(default_factory=lambda: count(1))

    async def produit(self, **fields: Any) -> pb.Produit:
        """A new product, at 60.00 unless *fields* say otherwise."""
        usual: dict[str, Any] = {"sku": f"SKU-{next(self._numbers)}", "nom": "Produit", "prix": 60}
        return await self.produits.Create(pb.CreateProduitRequest(**(usual | fields)))

    async def grille(self, **fields: Any) -> pb.GrilleTarifaire:
        """A new grid."""
        usual: dict[str, Any] = {"nom": f"Grille {next(self._numbers)}"}
        return await self.grilles.Create(pb.CreateGrilleTarifaireRequest(**(usual | fields)))

    async def set(
        self, grille: pb.GrilleTarifaire, *items: pb.PrixProduitItem
    ) -> pb.BulkSetPrixProduitsResponse:
        """Prices of *grille*."""
        return await self.prix.BulkSet(
            pb.BulkSetPrixProduitsRequest(grille_tarifaire_id=grille.id, items=items)
        )
