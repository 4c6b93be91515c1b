"""A process that is killed between a commit and the publication of its event (R10)."""

import asyncio
import signal

import grpc
import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from service_contrats.service import SERVICE
from service_testing import code_of
from service_testing.site import site_of
from tests.en_statut import SHORT


@pytest.mark.parametrize("failpoint", ["relay.before_publish", "relay.after_publish"])
async def test_R10_a_kill_neither_loses_nor_repeats_the_event(failpoint: str) -> None:
    """It goes out after the restart, once, under the id that the contract holds.

    The call is answered, or its process is killed before it can be.
    """
    with site_of(SERVICE) as site:
        async with site.running(FAILPOINT=failpoint) as killed, site.stub(ContratServiceStub) as contrats:
            answer = await code_of(contrats.Create(pb.CreateContratRequest(**SHORT), timeout=30))
            assert answer in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
            async with asyncio.timeout(30):
                assert await killed.wait() == -signal.SIGKILL
        async with site.running():
            events = await site.published(ContractSignedEvent, 1)
            stored = site.query("SELECT signature_event_id::text FROM contrats")
    assert [(one.event_id,) for one in events] == stored
    assert len(events) == 1
