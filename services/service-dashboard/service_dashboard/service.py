"""The dashboard service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_dashboard.evolution import EvolutionCaService
from service_dashboard.kpis import DashboardKpisService
from service_dashboard.models import Base
from service_dashboard.projections import REBUILDING, ProjectionService
from service_dashboard.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="dashboard",
    port=50056,
    tables=Base.metadata,
    servicers=(DashboardKpisService, EvolutionCaService, ProjectionService),
    subscriptions=SUBSCRIPTIONS,
    workers=(REBUILDING,),
)
