"""Running services for tests: real gRPC, real PostgreSQL, real NATS, nothing simulated.

async with running(SERVICE) as mesh:
    client = await mesh.stub(ClientBaseServiceStub).Create(...)
    (event,) = await mesh.published(ClientCreatedEvent, 1)
"""

from service_kit.testing.mesh import Mesh, running
from service_kit.testing.pages import pages
from service_kit.testing.refusals import Refusal, code_of, refusal, refused
from service_kit.testing.servers import fresh_database, fresh_nats
from service_kit.testing.upgrades import Upgrade
from service_kit.testing.waiting import eventually

__all__ = [
    "Mesh",
    "Refusal",
    "Upgrade",
    "code_of",
    "eventually",
    "fresh_database",
    "fresh_nats",
    "pages",
    "refusal",
    "refused",
    "running",
]
