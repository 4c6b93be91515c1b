"""The retry service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_retry.models import Base
from service_retry.policies import RetryPolicyService

SERVICE = Service(
    name="retry",
    port=50070,
    tables=Base.metadata,
    servicers=(RetryPolicyService,),
)
