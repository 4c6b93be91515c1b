"""ContratService: making contracts, reading and listing them."""

from datetime import UTC, datetime

from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from service_testing import Mesh
from tests.en_statut import Contracts


async def test_R02_client_and_product_make_a_signed_contract(
    mesh: Mesh, contrats: ContratServiceStub, org: str, made: Contracts
) -> None:
    """Begun today, paid once, with one line; it is announced."""
    contrat = await made.signed()
    details = await made.details(contrat.id)
    today = datetime.now(UTC).year
    assert contrat.reference == f"CTR-{today}-000001"
    (event,) = await mesh.published(ContractSignedEvent, 1, where=lambda one: one.organisation_id == org)
    assert event.contrat_id == contrat.id
    assert len(details.lignes) == 1
    assert (await contrats.Get(pb.GetContratRequest(id=contrat.id))) == contrat
