"""Running services for tests: real gRPC, real PostgreSQL, real NATS, nothing simulated.

async with running(SERVICE) as mesh:
    client = await mesh.stub(ClientBaseServiceStub).Create(...)
    (event,) = await mesh.published(ClientCreatedEvent, 1)
"""

from service_testing.mesh import Mesh, running
from service_testing.metrics import metric
from service_testing.pages import pages
from service_testing.refusals import Refusal, code_of, refusal, refused
from service_testing.servers import empty_database, fresh_database, fresh_nats
from service_testing.upgrades import Upgrade
from service_testing.waiting import eventually

__all__ = [
    "Mesh",
    "Refusal",
    "Upgrade",
    "code_of",
    "empty_database",
    "eventually",
    "fresh_database",
    "fresh_nats",
    "metric",
    "oauth",
    "oidc",
    "pages",
    "refusal",
    "refused",
    "running",
]
