"""The choice of the grid that applies on a day, as SQL (R10); `grilles.py` and `catalogue.py` use it."""

from datetime import date
from uuid import UUID

from sqlalchemy import BindParameter, Select, SQLColumnExpression, and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from service_products.models import GrilleTarifaire

# Under a name of its own, so that a statement may choose a grid and read it.
_candidate = aliased(GrilleTarifaire)


def choice(organisation_id: SQLColumnExpression[str], jour: BindParameter[date]) -> Select[UUID]:
    """Id of the grid of the organisation that applies on *jour*; no row when none does.

    The first of the active grids that are valid then: the latest beginning, then the default one,
    then the newest. Without one the default grid, although it is not valid.
    """
    debut, fin = _candidate.date_debut, _candidate.date_fin
    valid = and_(or_(debut.is_(None), debut <= jour), or_(fin.is_(None), fin >= jour))
    return (
        select(_candidate.id)
        .where(
            _candidate.organisation_id == organisation_id,
            _candidate.actif,
            or_(valid, _candidate.est_par_defaut),
        )
        .order_by(
            valid.desc(),
            debut.desc().nulls_last(),
            _candidate.est_par_defaut.desc(),
            _candidate.created_at.desc(),
            _candidate.id.desc(),
        )
        .limit(1)
    )


APPLICABLE = select(GrilleTarifaire).where(
    GrilleTarifaire.id == choice(bindparam("organisation_id"), bindparam("jour")).scalar_subquery()
)
"""The grid of *organisation_id* that applies on *jour*."""
