"""A process that is killed between the deposit of an invoice and the note that it was made (R36)."""

import asyncio
import signal

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from service_factures.service import SERVICE
from service_testing import eventually
from service_testing.servers import fresh_folder
from service_testing.site import site_of

# What the making of a document and the identity of its buyer would lead to.
_TO_BE_SENT = (
    """
UPDATE facture SET identite_statut = 'COMPLETE', traitement = 'B2B', statut_transmission = 'A_ENVOYER'""",
    """
INSERT INTO facture_document (facture_id, pdf, xml, sha256, genere_at, organisation_id)
    SELECT id, '%PDF-1.7', '<xml/>', '', now(), organisation_id FROM facture""",
    """
INSERT INTO transmission (facture_id, tracking_id, tentatives, depuis, prochain_essai, organisation_id)
    SELECT id, id::text, 0, now(), now(), organisation_id FROM facture""",
)
_DUE = "UPDATE transmission SET prochain_essai = now()"
_WAYS = "SELECT statut_transmission, tentatives FROM facture JOIN transmission ON facture_id = id"
_NOTED = "SELECT nom FROM transmission_statut"


async def test_R36_a_kill_after_the_deposit_makes_no_second_file() -> None:
    """Not even when people have taken the file away before the next attempt."""
    depot = fresh_folder()
    with site_of(SERVICE, USER_SYNC_ENABLED="false", FACTURES_DEPOT_DIR=str(depot)) as site:
        async with site.running(), site.stub(InvoiceServiceStub, organisation="org-123") as factures:
            request = pb.CreateFactureRequest(client_id="client-123", montant=10)
            facture = await factures.Create(request, timeout=30)
        for statement in _TO_BE_SENT:
            site.query(statement)
        async with site.running(FAILPOINT="transmission.before_noted") as killed:
            async with asyncio.timeout(60):
                assert await killed.wait() == -signal.SIGKILL
        assert site.query(_WAYS) == [("A_ENVOYER", 1)]
        file = depot / "org-123" / "defaut" / f"{facture.numero}.pdf"
        file.unlink()
        site.query(_DUE)
        async with site.running():
            await eventually(lambda: site.query(_WAYS) == [("ENVOYEE", 2)], timeout=60)
        assert site.query(_NOTED) == [("ENVOYEE",)]
        assert not file.exists()
