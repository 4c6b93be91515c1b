"""Processes that are killed while they issue, or while they render: no gap, no double, nothing lost."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from crm.clients.clients_pb2 import Adresse, ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceServicer
from crm.events.business_pb2 import InvoiceCreatedEvent
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from db_utils import clock, uuid7
from grpc import StatusCode
from grpc.aio import AioRpcError
from grpc_utils import Context
from service_factures.service import SERVICE
from service_kit.embedded import free_port
from service_testing import code_of, eventually
from service_testing.double_servers import serving_double
from service_testing.doubles import double
from service_testing.site import Site, site_of
from tests.facturation import SAVED, save

YEAR = clock.today().year
_CLIENTS = f"127.0.0.1:{free_port()}"
_DUE_NOW = "UPDATE document_a_faire SET prochain_essai = now() WHERE organisation_id = '{}'"
_DOCUMENTS = "SELECT facture_id::text, sha256 FROM facture_document WHERE organisation_id = '{}'"
_NOTED = """
SELECT facture_id::text FROM facture_audit WHERE action = 'DOCUMENT' AND organisation_id = '{}'"""
_OWED = "SELECT facture_id::text FROM document_a_faire WHERE organisation_id = '{}'"
_ISSUED = "SELECT numero, id::text FROM facture WHERE organisation_id = '{}' ORDER BY 1"
_KEPT = """
SELECT facture_id::text FROM facture_document WHERE organisation_id = '{0}'
UNION ALL SELECT facture_id::text FROM document_a_faire WHERE organisation_id = '{0}' ORDER BY 1"""


@double
class Clients(ClientBaseServiceServicer):
    """Clients, all of whom are the same person."""

    async def Get(self, request: GetClientBaseRequest, context: Context) -> ClientBase:
        """Answer the person."""
        adresse = Adresse(type="PRINCIPALE", ligne1="1 rue du Lac", code_postal="75002", ville="Paris")
        adresse.pays = "France"
        told = ClientBase(id=request.id, nom="Dupont", prenom="Anne", type_client="PARTICULIER")
        told.adresses.append(adresse)
        return told


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A database and a broker; of the other services there is clients, as long as it is served."""
    with site_of(SERVICE, "clients", USER_SYNC_ENABLED="false", CLIENTS_GRPC_ADDR=_CLIENTS) as site:
        yield site


@pytest.fixture
async def clients(site: Site) -> AsyncIterator[None]:
    """The double of clients, which knows the tokens of the site."""
    people = Clients()  # type: ignore[abstract]  # `double` serves the rest
    async with serving_double("clients", [people], site.secrets, _CLIENTS):
        yield


def issue(of: InvoiceServiceStub, key: str, **more: Any) -> Any:
    """A call for the invoice of *key*; more are options of the call."""
    request = pb.CreateFactureRequest(client_id="client-123", montant=10, idempotency_key=key)
    return of.Create(request, **({"timeout": 30} | more))


def forbidden(of: InvoiceServiceStub) -> Any:
    """A call for an invoice that is due later than the law allows."""
    request = pb.CreateFactureRequest(client_id="client-123", montant=10, date_echeance="2099-01-01")
    return of.Create(request, timeout=30)


@pytest.mark.parametrize(
    "failpoint",
    [
        # Jobs have passed there a few times when the first call comes.
        "transaction.before_commit:15",
        "transaction.after_commit:15",
        "relay.before_publish",
        "relay.in_window:3",
        "relay.after_publish",
        "relay.after_confirm",
    ],
)
async def test_R06_whatever_kills_a_process_there_is_no_gap_and_one_event_each(
    site: Site, failpoint: str
) -> None:
    """Fifty calls at once, of which a third is refused and a third is given up; the rest is repeated.

    Each key then has its invoice, the numbers are those from 1 on, and each invoice has one event.
    """
    organisation = str(uuid7())
    keys = [f"clé {rang}" for rang in range(34)]
    async with site.stub(InvoiceServiceStub, organisation=organisation) as factures:
        async with site.running(FAILPOINT=failpoint) as killed:
            calls = [issue(factures, key) for key in keys[:17]]
            calls += [issue(factures, key, timeout=0.01 * rang) for rang, key in enumerate(keys[17:], 1)]
            codes = await asyncio.gather(*map(code_of, [*calls, *(forbidden(factures) for _ in range(16))]))
            async with asyncio.timeout(30):
                assert await killed.wait() == -signal.SIGKILL
        ended = {StatusCode.OK, StatusCode.UNAVAILABLE}
        assert set(codes[:17]) <= ended
        assert set(codes[34:]) <= {StatusCode.INVALID_ARGUMENT, StatusCode.UNAVAILABLE}
        async with site.running():
            made = await asyncio.gather(*(issue(factures, key, wait_for_ready=True) for key in keys))
            made += await asyncio.gather(*(issue(factures, f"autre {rang}") for rang in range(16)))
            checked = await factures.CheckSequence(pb.CheckSequenceRequest(serie="FACTURE", annee=YEAR))
            events = await site.published(InvoiceCreatedEvent, 50)
    assert sorted(one.numero for one in made) == [f"FAC{YEAR}{rang:06d}" for rang in range(1, 51)]
    assert (checked.premier, checked.dernier, checked.nombre) == (1, 50, 50)
    assert (list(checked.trous), list(checked.doublons), checked.chronologie_ok) == ([], [], True)
    told = [one.invoice_id for one in events if one.organisation_id == organisation]
    assert sorted(told) == sorted(one.id for one in made)


@pytest.mark.usefixtures("clients")
async def test_R30_a_process_that_is_killed_before_it_stores_a_document_leaves_one(site: Site) -> None:
    """The next process makes it, once; a download gives what is stored."""
    organisation = str(uuid7())

    def rows(statement: str) -> list[tuple[str, ...]]:
        return site.query(statement.format(organisation))

    async with (
        site.stub(InvoiceServiceStub, organisation=organisation) as factures,
        site.stub(FactureSettingsServiceStub, organisation=organisation) as reglages,
    ):
        async with site.running(FAILPOINT="document.before_stored") as killed:
            await reglages.Save(save(**SAVED))
            request = pb.CreateFactureRequest(client_id=str(uuid7()), montant=10)
            facture = await factures.Create(request, timeout=30)
            assert facture.identite_statut == "COMPLETE", facture.avertissements
            async with asyncio.timeout(60):
                assert await killed.wait() == -signal.SIGKILL
        assert rows(_DOCUMENTS) == []
        assert rows(_OWED) == [(facture.id,)]
        rows(_DUE_NOW)
        async with site.running():
            await eventually(lambda: rows(_OWED) == [], timeout=60)
            wanted = pb.DownloadFactureRequest(id=facture.id)
            given = await factures.Download(wanted, timeout=30, wait_for_ready=True)
            after = await factures.Get(pb.GetFactureRequest(id=facture.id))
    assert rows(_DOCUMENTS) == [(facture.id, given.sha256)]
    assert rows(_NOTED) == [(facture.id,)]
    assert after.numero == facture.numero


@pytest.mark.usefixtures("clients")
async def test_R06_a_process_that_is_asked_to_end_under_load_loses_nothing(site: Site) -> None:
    """Thirty-two callers, documents in the background: what was answered is there.

    Calls that come too late are refused, by gRPC as CANCELLED when it had heard them; each invoice has
    its number, its event, and its document or the row that owes it, also one whose answer was cut off.
    """
    organisation, client = str(uuid7()), str(uuid7())
    made: list[pb.Facture] = []
    ends: list[StatusCode] = []

    async def call(factures: InvoiceServiceStub) -> None:
        while not ends:
            try:
                request = pb.CreateFactureRequest(client_id=client, montant=10)
                made.append(await factures.Create(request, timeout=30))
            except AioRpcError as error:
                ends.append(error.code())

    async with (
        site.stub(InvoiceServiceStub, organisation=organisation) as factures,
        site.stub(FactureSettingsServiceStub, organisation=organisation) as reglages,
    ):
        async with site.running() as ended:
            await reglages.Save(save(**SAVED))
            calls = [asyncio.create_task(call(factures)) for _ in range(32)]
            await eventually(lambda: len(made) >= 50, timeout=60)
            ended.terminate()
            await asyncio.gather(*calls)
            assert await ended.wait() == 0
        stored = site.query(_ISSUED.format(organisation))
        kept = site.query(_KEPT.format(organisation))
        async with site.running():
            events = await site.published(InvoiceCreatedEvent, len(stored))
    assert set(ends) <= {StatusCode.UNAVAILABLE, StatusCode.CANCELLED}
    assert {(one.numero, one.id) for one in made} <= set(stored)
    assert [numero for numero, _ in stored] == [f"FAC{YEAR}{rang:06d}" for rang in range(1, len(stored) + 1)]
    told = [one.invoice_id for one in events if one.organisation_id == organisation]
    assert sorted(told) == sorted(facture for _, facture in stored) == [facture for (facture,) in kept]
