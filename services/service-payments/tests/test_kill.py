"""Processes that are killed while they emit or import: nothing is lost, and nothing is done twice."""

import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from crm.calendar.calendar_pb2 import AddBusinessDaysRequest, AddBusinessDaysResponse
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceServicer
from crm.events.business_pb2 import PaymentReceivedEvent
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, SepaServiceStub
from db_utils import clock, uuid7
from grpc import StatusCode
from grpc_utils import Context
from nats_utils import event_type
from service_kit.embedded import free_port
from service_payments import emission_rules
from service_payments.service import SERVICE
from service_testing import code_of, eventually
from service_testing.double_servers import serving_double
from service_testing.doubles import double
from service_testing.site import Site, site_of
from tests.bank_files import camt, detail, entry
from tests.debits_due import CREANCIER, SIGNED

_CALENDAR = f"127.0.0.1:{free_port()}"
_DEBIT = """
INSERT INTO payment (id, organisation_id, societe_id, client_id, moyen, provider, montant, montant_rembourse,
    statut, date_prelevement, end_to_end_id, updated_at)
VALUES ('{id}', '{organisation}', 'soc-1', 'client-123', 'SEPA_DEBIT', 'SEPA_FILE', 49.90, 0,
    '{statut}', '{day}', '{name}', now())"""
_STATUTS = "SELECT statut, count(*) FROM payment WHERE organisation_id = '{}' GROUP BY 1"
_FILES = """
SELECT msg_id, contenu FROM remise JOIN remise_fichier ON remise_id = remise.id
WHERE remise.organisation_id = '{}'"""
_DEBITS = 20
_ENDED = {StatusCode.UNAVAILABLE, StatusCode.ABORTED}


@double
class Calendar(CalendarEngineServiceServicer):
    """A calendar in which every day is a business day."""

    async def AddBusinessDays(
        self, request: AddBusinessDaysRequest, context: Context
    ) -> AddBusinessDaysResponse:
        """Count days."""
        day = clock.today() + timedelta(days=request.days)
        return AddBusinessDaysResponse(date=day.isoformat())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("remises")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    """A database and a broker; of the other services there is the calendar, as long as it is served."""
    with site_of(SERVICE, "calendar", CALENDAR_GRPC_ADDR=_CALENDAR, REMISES_DIR=str(folder)) as site:
        yield site


@pytest.fixture(autouse=True)
async def calendar(site: Site) -> AsyncIterator[None]:
    calendar = Calendar()  # type: ignore[abstract]  # `double` serves the rest
    async with serving_double("calendar", [calendar], site.secrets, _CALENDAR):
        yield


async def prepared(site: Site, organisation: str) -> None:
    """Save a creditor and a mandate of *organisation*, then have its debits wait."""
    async with site.running():
        async with site.stub(SepaServiceStub, organisation=organisation) as sepa:
            await sepa.SaveCreancier(pb.SaveCreancierRequest(societe_id="soc-1", **CREANCIER), timeout=30)
        async with site.stub(MandateServiceStub, organisation=organisation) as mandats:
            told = {"client_id": "client-123", "societe_id": "soc-1"} | SIGNED
            await mandats.Create(pb.CreateMandateRequest(**told), timeout=30)
    debits(site, organisation, "PENDING")


def debits(site: Site, organisation: str, statut: str) -> list[str]:
    """Store debits of today; their EndToEndIds."""
    names = []
    for _ in range(_DEBITS):
        payment_id, day = uuid7(), clock.today()
        names.append(emission_rules.end_to_end_id(payment_id))
        site.query(
            _DEBIT.format(id=payment_id, organisation=organisation, statut=statut, day=day, name=names[-1])
        )
    return names


async def emit(site: Site, organisation: str, *, wait_for_ready: bool = True) -> None:
    """Ask for a run; the job may have begun one, and the process may end under it."""
    async with site.stub(SepaServiceStub, organisation=organisation) as sepa:
        call = sepa.EmitDue(pb.EmitDueRequest(societe_id="soc-1"), timeout=30, wait_for_ready=wait_for_ready)
        assert await code_of(call) in _ENDED | {StatusCode.OK}


@pytest.mark.parametrize(
    ("failpoint", "statut", "files"),
    [("emission.before_commit", "PENDING", 0), ("emission.after_commit", "SUBMITTED", 1)],
)
async def test_R17_a_run_that_is_killed_leaves_all_or_nothing(
    site: Site, folder: Path, failpoint: str, statut: str, files: int
) -> None:
    """Before the commit nothing is SUBMITTED and the file is dropped; after it the file is not built again.

    Either way each debit is in one file in the end, and the folder has that file alone.
    """
    organisation = str(uuid7())
    await prepared(site, organisation)
    async with site.running(FAILPOINT=failpoint) as killed:

        async def ended() -> bool:
            await emit(site, organisation, wait_for_ready=False)
            return killed.returncode is not None

        await eventually(ended, timeout=60)
        assert await killed.wait() == -signal.SIGKILL
    assert site.query(_STATUTS.format(organisation)) == [(statut, _DEBITS)]
    kept = site.query(_FILES.format(organisation))
    assert len(kept) == files

    def done() -> bool:
        return site.query(_STATUTS.format(organisation)) == [("SUBMITTED", _DEBITS)] and not hidden(folder)

    async with site.running():
        await emit(site, organisation)
        await eventually(done, timeout=60)
        await emit(site, organisation)
    (written,) = site.query(_FILES.format(organisation))
    assert kept in ([], [written])
    assert (folder / f"{written[0]}.xml").read_bytes() == bytes(written[1])  # small


def hidden(folder: Path) -> bool:
    """Whether a file lies there that is not ready."""
    return any(path.name.startswith(".") for path in folder.iterdir())


@pytest.mark.parametrize(
    ("failpoint", "statut", "known"),
    [("rapport.before_commit", "SUBMITTED", False), ("rapport.after_commit", "PAID", True)],
)
async def test_R23_an_import_that_is_killed_is_done_once_by_the_same_file_again(
    site: Site, failpoint: str, statut: str, known: bool
) -> None:
    """Before the commit nothing of it is there, after it all; again and again, each debit is told once."""
    organisation = str(uuid7())
    names = debits(site, organisation, "SUBMITTED")
    today = clock.today().isoformat()
    report = camt(*(entry("49.90", "CRDT", detail(name), day=today) for name in names))

    async def imported() -> pb.ImportReportResponse:
        async with site.stub(SepaServiceStub, organisation=organisation) as sepa:
            asked = pb.ImportReportRequest(content=report, file_name="banque.xml")
            return await sepa.ImportReport(asked, timeout=30, wait_for_ready=True)

    async with site.running(FAILPOINT=failpoint) as killed:
        assert await code_of(imported()) == StatusCode.UNAVAILABLE
        assert await killed.wait() == -signal.SIGKILL
    assert site.query(_STATUTS.format(organisation)) == [(statut, _DEBITS)]
    async with site.running():
        first, again = await imported(), await imported()
    assert (first.deja_importe, first.nb_regles, again.deja_importe) == (known, _DEBITS, True)
    assert site.query(_STATUTS.format(organisation)) == [("PAID", _DEBITS)]
    assert sorted(emission_rules.end_to_end_id(UUID(one)) for one in received(site, organisation)) == names


def received(site: Site, organisation: str) -> list[str]:
    """The payments of *organisation* of which `payment.received` is recorded."""
    subject = event_type(PaymentReceivedEvent).subject
    rows = site.query(f"SELECT payload FROM outbox WHERE subject = '{subject}'")
    events = [PaymentReceivedEvent.FromString(bytes(payload)) for (payload,) in rows]
    return [event.payment_id for event in events if event.organisation_id == organisation]
