"""Filters of a request, checked, as the days, the société and the wishes that they mean (R2, R9, R19)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from crm.dashboard import dashboard_pb2 as pb
from db_utils import clock
from grpc_utils import at_most, opaque_id

from service_dashboard import periods
from service_dashboard.periods import Periode

_LONGEST_CANAL = 64


@dataclass(frozen=True, slots=True)
class Demande:
    """What is asked: the figures of *organisation_id*, "" for nobody's, in *periode*, as of *today*.

    *societe_id*, *produit_id* and *canal* limit them, "" for all.
    """

    organisation_id: str
    societe_id: str
    produit_id: str
    canal: str
    periode: Periode
    today: date

    @property
    def ended(self) -> bool:
        """Whether the period is over, so that its figures seldom change (R16)."""
        return self.periode.fin < self.today


def demande(
    filters: pb.DashboardFilters,
    period: Callable[[pb.DashboardFilters, date], Periode] = periods.asked_for,
) -> Demande:
    """What *filters* mean now, their days found by *period*.

    Raises ValeurInconnue, DateInvalide, PeriodeInvalide, FormatInvalide, TropLong.
    """
    today = clock.today()
    return Demande(
        organisation_id=filters.organisation_id,
        societe_id=opaque_id(filters.societe_id, "societe_id") or "",
        produit_id=opaque_id(filters.produit_id, "produit_id") or "",
        canal=at_most(filters.canal, _LONGEST_CANAL, "canal"),
        periode=period(filters, today),
        today=today,
    )
