"""Invoices that leave (R36): what is sent, what becomes of each answer, and that nothing is sent twice."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub, TransmissionServiceStub
from db_utils import Scope, clock, within
from grpc_utils import instant
from service_factures.envois import envoi_of, hand_over, send_invoices, take
from service_factures.transmission import FlowInfo, NonAutorisee, Refusee, Tardive, TransmissionError
from service_factures.transmission_models import Transmission
from service_kit import App
from service_testing import Mesh
from tests.alertes import Told
from tests.facturation import app_of
from tests.plateforme import Plateforme

Issue = Callable[..., Awaitable[pb.Facture]]
Way = Callable[[pb.Facture], Awaitable[pb.Transmission]]
BUSY = Tardive("429")


@pytest.fixture
def way(transmissions: TransmissionServiceStub) -> Way:
    """Reader of how far an invoice has come."""

    async def read(facture: pb.Facture) -> pb.Transmission:
        return await transmissions.GetTransmission(pb.GetTransmissionRequest(facture_id=facture.id))

    return read


@pytest.fixture
async def due(sold: Issue, factures: InvoiceServiceStub) -> pb.Facture:
    """An invoice that has its document and is to be sent."""
    facture = await sold()
    await factures.Download(pb.DownloadFactureRequest(id=facture.id))
    return facture


async def attempt(mesh: Mesh, plateforme: Plateforme, facture: pb.Facture) -> None:
    """Make the attempts that are due, of which that of *facture* is made through *plateforme*."""
    app = app_of(mesh)
    while due := await take(app.database):
        for one in due:
            if str(one.facture_id) == facture.id:
                with within(Scope(one.organisation_id)):
                    await hand_over(app.database, plateforme, await envoi_of(app.database.read(), one))


def folder_of(mesh: Mesh, org: str, societe: str = "defaut") -> Path:
    """Where the files of a société are dropped."""
    root = app_of(mesh).settings.factures_depot_dir
    assert root is not None
    return root / org / societe


def dropped(folder: Path) -> list[str]:
    """What people see in *folder*."""
    return sorted(one.name for one in folder.glob("[!.]*"))


async def test_R36_a_folder_gets_the_document_once(
    mesh: Mesh, org: str, due: pb.Facture, way: Way, factures: InvoiceServiceStub
) -> None:
    """Under its number; then it is ENVOYEE, and so it stays."""
    for _ in range(2):
        await send_invoices(app_of(mesh))
    folder = folder_of(mesh, org)
    assert dropped(folder) == [f"{due.numero}.pdf"]
    document = await factures.Download(pb.DownloadFactureRequest(id=due.id))
    assert (folder / f"{due.numero}.pdf").read_bytes() == document.content
    told = await way(due)
    assert [one.nom for one in told.historique] == ["A_ENVOYER", "ENVOYEE"]
    assert (told.statut_transmission, told.flow_id, told.code) == ("ENVOYEE", "", 0)
    assert told.HasField("deposee_le")
    assert not told.HasField("prochain_essai")


async def test_R36_what_has_no_document_waits(mesh: Mesh, org: str, sold: Issue, way: Way) -> None:
    """No attempt is counted."""
    facture = await sold()
    await send_invoices(app_of(mesh))
    told = await way(facture)
    assert told.statut_transmission == "A_ENVOYER"
    assert instant(told.prochain_essai) <= clock.now()
    assert not folder_of(mesh, org).exists()


async def test_R36_without_a_folder_it_waits(mesh: Mesh, due: pb.Facture, way: Way, told: Told) -> None:
    """No attempt is counted, nothing is lost; the finance team is told after 72 h all the same."""
    app = app_of(mesh)
    lost = App(app.settings.model_copy(update={"factures_depot_dir": None}), app.database, app.peers)
    now = clock.now()
    for hours in (0, 73, 74):
        with clock.frozen_at(now + timedelta(hours=hours)):
            await send_invoices(lost)
    with within(Scope(due.organisation_id)):
        row = await app.database.read().get(Transmission, UUID(due.id))
    assert row is not None
    assert row.tentatives == 0
    (alert,) = await told()
    assert alert.startswith(f"transmission:attente:{due.id}:")
    with clock.frozen_at(now + timedelta(hours=75)):
        await send_invoices(app)
    assert (await way(due)).statut_transmission == "ENVOYEE"


async def test_R36_two_instances_make_one_file(
    mesh: Mesh, org: str, sold: Issue, factures: InvoiceServiceStub, way: Way
) -> None:
    """Three invoices, two runs of the job at once."""
    invoices = [await sold() for _ in range(3)]
    for one in invoices:
        await factures.Download(pb.DownloadFactureRequest(id=one.id))
    await asyncio.gather(*(send_invoices(app_of(mesh)) for _ in range(2)))
    assert dropped(folder_of(mesh, org)) == sorted(f"{one.numero}.pdf" for one in invoices)
    for one in invoices:
        assert [status.nom for status in (await way(one)).historique] == ["A_ENVOYER", "ENVOYEE"]


async def test_R36_a_platform_is_told_what_it_gets(mesh: Mesh, due: pb.Facture, way: Way) -> None:
    """The tracking id is the id of the invoice."""
    plateforme = Plateforme()
    await attempt(mesh, plateforme, due)
    (content,) = plateforme.files.values()
    assert plateforme.flows == {
        "flux-1": FlowInfo(
            tracking_id=due.id,
            name=f"{due.numero}.pdf",
            processing_rule="B2B",
            flow_syntax="Factur-X",
            flow_profile="CIUS",
            sha256=hashlib.sha256(content).hexdigest(),
        )
    }
    assert (await way(due)).flow_id == "flux-1"


@pytest.mark.parametrize("lost", [{"after": [Tardive("cut")]}, {"after": [BUSY], "before": [BUSY, BUSY]}])
async def test_R36_a_lost_answer_makes_no_second_flow(
    mesh: Mesh, due: pb.Facture, way: Way, lost: dict[str, Any]
) -> None:
    """What the platform has is found by its tracking id before it is sent again."""
    plateforme, now = Plateforme(**lost), clock.now()
    for hours in range(len(lost["after"]) + len(lost.get("before", [])) + 1):
        assert (await way(due)).statut_transmission == "A_ENVOYER"
        with clock.frozen_at(now + timedelta(hours=hours)):
            await attempt(mesh, plateforme, due)
    assert ((await way(due)).statut_transmission, (await way(due)).flow_id) == ("ENVOYEE", "flux-1")
    assert list(plateforme.flows) == ["flux-1"]


async def test_R36_a_question_that_is_refused_refuses_no_invoice(
    mesh: Mesh, due: pb.Facture, way: Way
) -> None:
    """The deposit tells."""
    plateforme = Plateforme(before=[BUSY], unknown_question=Refusee("BAD_FILTER"))
    for hours in range(2):
        with clock.frozen_at(clock.now() + timedelta(hours=hours)):
            await attempt(mesh, plateforme, due)
    assert (await way(due)).statut_transmission == "ENVOYEE"


@pytest.mark.parametrize(
    ("failures", "wait"),
    [
        ([BUSY], timedelta(seconds=5)),
        ([BUSY, BUSY, BUSY], timedelta(seconds=20)),
        ([BUSY] * 20, timedelta(hours=1)),
        ([Tardive("503", timedelta(minutes=2))], timedelta(minutes=2)),
        ([Tardive("503", timedelta(days=2))], timedelta(hours=1)),
        ([NonAutorisee("401")], timedelta(hours=1)),
    ],
)
async def test_R36_it_is_tried_again_later_and_later(
    mesh: Mesh, due: pb.Facture, way: Way, failures: list[TransmissionError], wait: timedelta
) -> None:
    """From 5 s to an hour, not before the platform wants it, and each hour while the account is refused."""
    plateforme, now = Plateforme(before=[*failures]), clock.now()
    for number in range(len(failures)):
        with clock.frozen_at(now + timedelta(hours=number)):
            await attempt(mesh, plateforme, due)
    last = now + timedelta(hours=len(failures) - 1)
    assert instant((await way(due)).prochain_essai) == last + wait
    assert (await way(due)).statut_transmission == "A_ENVOYER"


async def test_R36_R38_a_refusal_is_for_ever(mesh: Mesh, due: pb.Facture, way: Way, told: Told) -> None:
    """IRRECEVABLE with the platform's reason; the finance team reads it once; no more attempts."""
    plateforme = Plateforme(before=[Refusee("IRR_SYNTAX", "the file cannot be read")])
    await attempt(mesh, plateforme, due)
    with clock.frozen_at(clock.now() + timedelta(days=2)):
        await attempt(mesh, plateforme, due)
    now = await way(due)
    assert (now.statut_transmission, now.code, now.motif_code) == ("IRRECEVABLE", 501, "IRR_SYNTAX")
    assert not now.HasField("prochain_essai")
    assert plateforme.flows == {}
    (alert,) = await told()
    assert alert.startswith(f"transmission:{due.id}:501:")


async def test_R36_finance_is_told_once_after_three_days(
    mesh: Mesh, due: pb.Facture, way: Way, told: Told
) -> None:
    """And the invoice is not given up."""
    plateforme, now = Plateforme(before=[Tardive("503")] * 4), clock.now()
    alerts: list[int] = []
    for hours in (0, 71, 73, 75, 77):
        with clock.frozen_at(now + timedelta(hours=hours)):
            await attempt(mesh, plateforme, due)
        alerts.append(len(await told()))
    assert alerts == [0, 0, 1, 1, 1]
    assert (await way(due)).statut_transmission == "ENVOYEE"


async def test_R36_finance_is_told_each_day_of_a_refused_account(
    mesh: Mesh, due: pb.Facture, told: Told
) -> None:
    """Not of each hour."""
    noon = clock.midnight(clock.today() + timedelta(days=1)) + timedelta(hours=12)
    plateforme = Plateforme(before=[NonAutorisee("401")] * 3)
    for hours in (0, 2, 24):
        with clock.frozen_at(noon + timedelta(hours=hours)):
            await attempt(mesh, plateforme, due)
    days = (noon.date() + timedelta(days=number) for number in range(2))
    assert await told() == [f"transmission:acces:{due.organisation_id}::{day}" for day in days]


async def test_R36_one_that_fails_holds_up_nobody(
    mesh: Mesh, org: str, sold: Issue, factures: InvoiceServiceStub, way: Way
) -> None:
    """A folder that cannot take one invoice takes the others."""
    first, second = [await sold() for _ in range(2)]
    for one in (first, second):
        await factures.Download(pb.DownloadFactureRequest(id=one.id))
    folder = folder_of(mesh, org)
    folder.mkdir(parents=True)
    (folder / f"{first.numero}.pdf").write_bytes(b"of somebody else")
    await send_invoices(app_of(mesh))
    assert ((await way(first)).statut_transmission, (await way(second)).statut_transmission) == (
        "A_ENVOYER",
        "ENVOYEE",
    )
    assert (folder / f"{first.numero}.pdf").read_bytes() == b"of somebody else"
