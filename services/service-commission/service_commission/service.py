"""The commission service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_commission.acomptes import AcompteService, ReportNegatifService
from service_commission.bordereaux import BordereauService
from service_commission.models import Base

SERVICE = Service(
    name="commission",
    port=50054,
    tables=Base.metadata,
    servicers=(BordereauService, AcompteService, ReportNegatifService),
)
