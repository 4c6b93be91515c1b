"""The payments service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_payments.models import Base
from service_payments.remises import RemiseService

SERVICE = Service(
    name="payments",
    port=50063,
    tables=Base.metadata,
    servicers=(RemiseService,),
)
