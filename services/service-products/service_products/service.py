"""The products service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_products.catalogue import CatalogService
from service_products.gammes import GammeService
from service_products.grilles import GrilleTarifaireService
from service_products.models import Base
from service_products.prix_produits import PrixProduitService
from service_products.produits import ProduitService

SERVICE = Service(
    name="products",
    port=50064,
    tables=Base.metadata,
    servicers=(GammeService, ProduitService, GrilleTarifaireService, PrixProduitService, CatalogService),
)
