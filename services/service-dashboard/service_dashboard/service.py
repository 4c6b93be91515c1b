"""The dashboard service as data: what it is made of. Start reading here."""

from db_utils import purge_job
from service_kit import Service

from service_dashboard.alertes import AlertesService
from service_dashboard.commerciaux import KpisCommerciauxService
from service_dashboard.evolution import EvolutionCaService
from service_dashboard.kpis import DashboardKpisService
from service_dashboard.models import Base
from service_dashboard.objectifs import ObjectifService
from service_dashboard.projections import REBUILDING, ProjectionService
from service_dashboard.rattrapage import RETRYING
from service_dashboard.repartition import RepartitionProduitsService
from service_dashboard.societes import StatsSocietesService
from service_dashboard.sources import RETENTION
from service_dashboard.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="dashboard",
    port=50056,
    tables=Base.metadata,
    servicers=(
        DashboardKpisService,
        EvolutionCaService,
        RepartitionProduitsService,
        StatsSocietesService,
        AlertesService,
        KpisCommerciauxService,
        ObjectifService,
        ProjectionService,
    ),
    subscriptions=SUBSCRIPTIONS,
    workers=(REBUILDING, RETRYING, purge_job(RETENTION)),
)
