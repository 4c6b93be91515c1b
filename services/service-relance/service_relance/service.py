"""The relance service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_relance.execution import EXECUTION
from service_relance.models import Base
from service_relance.relances import RelanceService
from service_relance.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="relance",
    port=50066,
    tables=Base.metadata,
    servicers=(RelanceService,),
    subscriptions=SUBSCRIPTIONS,
    workers=(EXECUTION,),
)
