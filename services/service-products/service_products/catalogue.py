"""CatalogService: what products cost, one by one and as a list (R13 to R18); `calcul.py` reckons."""

from datetime import date
from uuid import UUID

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import CatalogServiceServicer
from db_utils import Listing, Page, Reader, parse_uuid
from grpc_utils import Context, found, list_answer, page_of, required, to_message
from service_kit import App, Settings
from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, any_, bindparam, or_, select

from service_products import calcul, tarifs
from service_products.calcul import Moment
from service_products.choix_grille import APPLICABLE, choice
from service_products.models import ACTIF, GrilleTarifaire, PrixProduit, Produit
from service_products.produits import message

_GRID = "grille_tarifaire_id"
_FOR_SALE = and_(Produit.actif, Produit.statut_cycle == ACTIF)  # R4
PRODUITS = Listing(
    Produit,
    sorts=("nom",),
    filters={"gamme_id": None, "include_inactive": lambda wanted: or_(_FOR_SALE, wanted)},
)
_PRICES = select(PrixProduit).where(
    PrixProduit.grille_tarifaire_id == bindparam("grille_id"),
    PrixProduit.produit_id == any_(bindparam("produits", type_=ARRAY(Uuid))),
    PrixProduit.actif,
)


def _priced(grille_id: ColumnElement[UUID]) -> Select[Produit, GrilleTarifaire, PrixProduit]:
    """A product with a grid of its organisation and its active price there, in one statement."""
    return (
        select(Produit, GrilleTarifaire, PrixProduit)
        .select_from(Produit)
        .outerjoin(
            GrilleTarifaire,
            and_(GrilleTarifaire.organisation_id == Produit.organisation_id, GrilleTarifaire.id == grille_id),
        )
        .outerjoin(
            PrixProduit,
            and_(
                PrixProduit.grille_tarifaire_id == GrilleTarifaire.id,
                PrixProduit.produit_id == Produit.id,
                PrixProduit.actif,
            ),
        )
        .where(Produit.id == bindparam("produit_id"))
    )


_IN_NAMED_GRID = _priced(bindparam("grille_id", type_=Uuid()))
_IN_APPLICABLE_GRID = _priced(
    choice(Produit.organisation_id, bindparam("jour")).correlate(Produit).scalar_subquery()
)


class CatalogService(CatalogServiceServicer):
    """Prices of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def GetCatalog(self, request: pb.GetCatalogRequest, context: Context) -> pb.GetCatalogResponse:
        """List products for sale by name, with what one piece costs on a day (R14)."""
        at, reader = calcul.moment(request.date), self._db.read()
        grille = await _grille(reader, request, at.jour)
        page = await page_of(PRODUITS, reader, request, include_inactive=request.include_inactive)
        items = await _items(reader, page, grille, at)
        utilisee = None if grille is None else to_message(grille, pb.GrilleTarifaire)
        return list_answer(pb.GetCatalogResponse, page, items, grille_utilisee=utilisee)

    async def CalculatePrice(
        self, request: pb.CalculatePriceRequest, context: Context
    ) -> pb.CalculatePriceResponse:
        """Work out what some pieces of a product cost on a day (R13)."""
        produit_id = required(request.produit_id, "produit_id")
        pieces, additional = calcul.quantity(request.quantite), calcul.discount(request.remise_additionnelle)
        at = calcul.moment(request.date)
        produit, grille, tarif = await self._priced(produit_id, request.grille_tarifaire_id, at)
        calcul.check_for_sale(produit, simulation=request.simulation)
        prix = calcul.price(produit, tarif, at.instant, additional)
        total = calcul.total(prix.final, pieces, produit.taux_tva)
        return calcul.answer(produit, prix, total, "" if grille is None else str(grille.id))

    async def _priced(
        self, produit_id: str, grille_id: str, at: Moment
    ) -> tuple[Produit, GrilleTarifaire | None, PrixProduit | None]:
        """The product with its grid and its price there. Raises Introuvable, GrilleInactive."""
        reader, named = self._db.read(), {"produit_id": found(parse_uuid(produit_id), "produit_id")}
        if not grille_id:
            return found(await reader.one(_IN_APPLICABLE_GRID, jour=at.jour, **named), "produit_id")
        named |= {"grille_id": found(parse_uuid(grille_id), _GRID)}
        produit, grille, tarif = found(await reader.one(_IN_NAMED_GRID, **named), "produit_id")
        return produit, tarifs.check_active(found(grille, _GRID)), tarif


async def _grille(reader: Reader, request: pb.GetCatalogRequest, jour: date) -> GrilleTarifaire | None:
    """The named grid, else the one that applies, if any. Raises Introuvable, GrilleInactive (R18)."""
    if request.grille_tarifaire_id:
        named = await reader.get(GrilleTarifaire, request.grille_tarifaire_id)
        return tarifs.check_active(found(named, _GRID))
    return await reader.one(APPLICABLE, organisation_id=request.organisation_id, jour=jour)


async def _items(
    reader: Reader, page: Page[Produit], grille: GrilleTarifaire | None, at: Moment
) -> list[pb.CatalogItem]:
    """The products of *page* with their prices in *grille* and what they cost."""
    found_prices: list[PrixProduit] = []
    if grille is not None and page.rows:
        ids = [produit.id for produit in page.rows]
        found_prices = await reader.all(_PRICES, grille_id=grille.id, produits=ids)
    prices = {one.produit_id: one for one in found_prices}
    return [_item(produit, prices.get(produit.id), at) for produit in page.rows]


def _item(produit: Produit, tarif: PrixProduit | None, at: Moment) -> pb.CatalogItem:
    prix = calcul.price(produit, tarif, at.instant)
    return pb.CatalogItem(
        produit=message(produit),
        prix=None if tarif is None else to_message(tarif, pb.PrixProduit),
        prix_final=float(prix.final),
        en_promotion=prix.source == "promotion",
    )
