"""The commission service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_commission import bordereau_models
from service_commission.models import Base

assert bordereau_models  # its tables belong to Base.metadata

SERVICE = Service(
    name="commission",
    port=50054,
    tables=Base.metadata,
    servicers=(),
)
