"""Choice of the one version that applies to a sale (R17, R18), as a statement."""

from functools import reduce
from operator import add
from typing import Any, Final

from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import UnknownChoice, clock
from grpc_utils import civil_date
from grpc_utils.errors import NotFound
from sqlalchemy import ColumnElement, Date, and_, bindparam, case, or_, select

from service_commerciaux.models import CANAUX, Bareme

# What a criterion that a barème has weighs: each more than all of the following ones together.
WEIGHTS: Final = {"societe_id": 8, "type_produit": 4, "profil_remuneration": 2, "canal_vente": 1}


class AucunBareme(NotFound):
    """Aucun barème ne s'applique à cette vente."""


def in_force(day: Any) -> ColumnElement[bool]:
    """Criterion of the versions whose period contains *day*, a bound parameter."""
    return and_(Bareme.date_effet <= day, or_(Bareme.date_fin.is_(None), Bareme.date_fin >= day))


def wanted(request: pb.GetBaremeApplicableRequest) -> dict[str, object]:
    """Values of the parameters of `APPLICABLE`. Raises DateInvalide, UnknownChoice."""
    if request.canal_vente and request.canal_vente not in CANAUX:
        raise UnknownChoice("canal_vente")
    criteria: dict[str, object] = {name: getattr(request, name) or None for name in WEIGHTS}
    day = civil_date(request.date, "date") if request.date else clock.today()
    return {**criteria, "organisation_id": request.organisation_id, "day": day}


def _fits(name: str) -> ColumnElement[bool]:
    column = Bareme.__table__.columns[name]
    return or_(column.is_(None), column == bindparam(name, type_=column.type))


def _weight(name: str) -> ColumnElement[int]:
    return case((Bareme.__table__.columns[name].is_not(None), WEIGHTS[name]), else_=0)


_weight_of_all = reduce(add, map(_weight, WEIGHTS))
APPLICABLE = (
    select(Bareme)
    .where(
        Bareme.organisation_id == bindparam("organisation_id"),
        Bareme.actif,
        in_force(bindparam("day", type_=Date)),
        *map(_fits, WEIGHTS),
    )
    .order_by(_weight_of_all.desc(), Bareme.date_effet.desc(), Bareme.version_bareme.desc(), Bareme.code)
    .limit(1)
)
