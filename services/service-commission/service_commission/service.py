"""The commission service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_commission.acomptes import AcompteService, ReportNegatifService
from service_commission.bordereaux import BordereauService
from service_commission.commissions import CommissionService
from service_commission.journal import CommissionAuditService
from service_commission.kpis import KpiService
from service_commission.models import Base
from service_commission.reprises import RepriseService
from service_commission.resiliations import RESILIATIONS
from service_commission.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="commission",
    port=50054,
    tables=Base.metadata,
    servicers=(
        CommissionService,
        BordereauService,
        RepriseService,
        AcompteService,
        ReportNegatifService,
        KpiService,
        CommissionAuditService,
    ),
    subscriptions=SUBSCRIPTIONS,
    workers=(RESILIATIONS,),
)
