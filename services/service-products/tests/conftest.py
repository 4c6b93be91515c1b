"""Mesh and stubs of the products service, which runs once for all tests of this folder."""

import pytest
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import (
    CatalogServiceStub,
    GammeServiceStub,
    GrilleTarifaireServiceStub,
    PrixProduitServiceStub,
    ProduitServiceStub,
)
from service_products.service import SERVICE
from service_testing.fixtures import mesh_of, of_member, of_stranger
from tests.making import Catalogue

mesh = mesh_of(SERVICE)
gammes = of_member(GammeServiceStub)
produits = of_member(ProduitServiceStub)
grilles = of_member(GrilleTarifaireServiceStub)
prix = of_member(PrixProduitServiceStub)
catalog = of_member(CatalogServiceStub)
foreign_gammes = of_stranger(GammeServiceStub)
foreign_produits = of_stranger(ProduitServiceStub)
foreign_grilles = of_stranger(GrilleTarifaireServiceStub)


@pytest.fixture
async def produit(produits: ProduitServiceStub) -> pb.Produit:
    """Product of the organisation, at 60.00 and 20 %."""
    return await produits.Create(pb.CreateProduitRequest(sku="assur-01", nom="Assurance", prix=60))


@pytest.fixture
def catalogue(
    produits: ProduitServiceStub, grilles: GrilleTarifaireServiceStub, prix: PrixProduitServiceStub
) -> Catalogue:
    """Maker of products, grids and prices of the organisation."""
    return Catalogue(produits, grilles, prix)
