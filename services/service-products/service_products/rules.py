"""Rules of gammes and products as pure functions: rows and changes from requests, or refusals.

Those of promotions are in `promotions.py`, those of grids and their prices in `tarifs.py`, what a
product costs is in `calcul.py`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from crm.products import products_pb2 as pb
from db_utils import parse_uuid
from grpc_utils import (
    changes,
    currency,
    found,
    free_structure,
    money,
    one_of,
    percentage,
    required,
    web_address,
)
from grpc_utils.errors import FormatInvalide, TransitionInterdite

from service_products import exonerations, promotions
from service_products.models import ACTIF, BROUILLON, GELE, RETIRE, TEST, Gamme, Produit

_CODE = re.compile(r"[A-Za-z0-9._-]{1,50}")
_NORMAL_RATE = Decimal("20.00")  # CGI, article 278
_MOVES: Mapping[str, frozenset[str]] = {
    BROUILLON: frozenset({TEST, ACTIF, RETIRE}),
    TEST: frozenset({BROUILLON, ACTIF, RETIRE}),
    ACTIF: frozenset({GELE, RETIRE}),
    GELE: frozenset({ACTIF, RETIRE}),
    RETIRE: frozenset(),
}
_FIRST = tuple(statut for statut in _MOVES if statut != RETIRE)
_MANDATORY = ("sku", "nom", "categorie", "type", "devise", "statut_cycle")
_UPDATABLE = (
    *_MANDATORY,
    "gamme_id",
    "description",
    "prix",
    "taux_tva",
    "motif_exoneration",
    "image_url",
    "code_externe",
    "actif",
)


def code(text: str, champ: str) -> str:
    """Code of a gamme or sku of a product in capitals (R1). Raises ChampRequis, FormatInvalide."""
    if (capitals := known_code(required(text, champ))) is None:
        raise FormatInvalide("1 à 50 lettres, chiffres et signes . _ -", champ=champ)
    return capitals


def known_code(text: str) -> str | None:
    """Code in capitals that *text* spells, None when it cannot be one: ß is not SS (R1)."""
    return text.upper() if _CODE.fullmatch(text) else None


def new_gamme(request: pb.CreateGammeRequest) -> Gamme:
    """New gamme with the fields of *request* (R1). Raises InvalidArgument."""
    return Gamme(
        organisation_id=request.organisation_id,
        code=code(request.code, "code"),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        icone=request.icone or None,
        ordre=request.ordre,
    )


def gamme_changes(request: pb.UpdateGammeRequest) -> dict[str, Any]:
    """Columns of a gamme that *request* changes. Raises ChampRequis."""
    return changes(request, ("nom", "description", "icone", "ordre", "actif"), mandatory=("nom",))


def new_produit(request: pb.CreateProduitRequest) -> Produit:
    """New product with the fields of *request*; its gamme is not looked up here (R1, R2, R5, R19).

    Raises InvalidArgument, Introuvable.
    """
    taux_tva = percentage(request.taux_tva, "taux_tva") if request.HasField("taux_tva") else _NORMAL_RATE
    motif = request.motif_exoneration or None
    exonerations.check(motif, taux_tva)
    statut_cycle = one_of(request.statut_cycle or ACTIF, _FIRST, "statut_cycle")
    return Produit(
        organisation_id=request.organisation_id,
        sku=code(request.sku, "sku"),
        nom=required(request.nom, "nom"),
        gamme_id=gamme_id(request.gamme_id),
        description=request.description or None,
        categorie=request.categorie or "SERVICE",
        type=request.type or "INTERNE",
        prix=money(request.prix, "prix"),
        taux_tva=taux_tva,
        motif_exoneration=motif,
        devise=currency(request.devise, "devise"),
        statut_cycle=statut_cycle,
        image_url=image_url(request.image_url),
        code_externe=request.code_externe or None,
        metadata_=free_structure(request.metadata, "metadata"),
    )


def produit_changes(produit: Produit, request: pb.UpdateProduitRequest) -> dict[str, Any]:
    """Columns of *produit* that *request* changes, checked as on a new product (R1, R5, R8, R19).

    Raises InvalidArgument, Introuvable, TransitionInterdite.
    """
    changed = changes(request, _UPDATABLE, mandatory=_MANDATORY)
    changed |= {name: form(changed[name]) for name, form in _STORED_FORMS.items() if name in changed}
    if request.HasField("metadata"):
        changed["metadata_"] = free_structure(request.metadata, "metadata")
    exonerations.check(
        changed.get("motif_exoneration", produit.motif_exoneration), changed.get("taux_tva", produit.taux_tva)
    )
    check_move(produit.statut_cycle, changed.get("statut_cycle", produit.statut_cycle))
    if "prix" in changed:
        promotions.check_prix(produit, changed["prix"])
    return changed


def check_move(former: str, wanted: str) -> None:
    """Refuse a move of statut_cycle that R5 does not have. Raises TransitionInterdite, ValeurInconnue."""
    one_of(wanted, _MOVES, "statut_cycle")
    if wanted != former and wanted not in _MOVES[former]:
        raise TransitionInterdite(de=former, vers=wanted)


def gamme_id(text: str | None) -> UUID | None:
    """Id of a gamme, None when empty; a text that is no id names no gamme (R3). Raises Introuvable."""
    if not text:
        return None
    return found(parse_uuid(text), "gamme_id")


def image_url(text: str | None) -> str | None:
    """Absolute http or https address, None when empty. Raises FormatInvalide, TropLong."""
    return web_address(text, "image_url", plain_at=lambda host: True)


_STORED_FORMS: Mapping[str, Callable[[Any], object]] = {
    "sku": lambda text: code(text, "sku"),
    "gamme_id": gamme_id,
    "prix": lambda value: money(value, "prix"),
    "taux_tva": lambda value: percentage(value, "taux_tva"),
    "devise": lambda text: currency(text, "devise"),
    "image_url": image_url,
}
