"""The status 212 on its way (R40): after its invoice, once, and what becomes of each answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from db_utils import clock
from service_factures.cycles import send_cycles
from service_factures.transmission.cdar import statuts
from starlette.responses import JSONResponse, Response
from tests.alertes import Told
from tests.transmission.cdar_samples import received
from tests.transmission.comptable import Comptable
from tests.transmission.fausse_plateforme import DEPOSER, FaussePlateforme

Issue = Callable[..., Awaitable[pb.Facture]]
pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def paid(comptable: Comptable, fausse: FaussePlateforme, sold: Issue) -> pb.Facture:
    """An invoice that is paid before the platform has it."""
    await comptable.connect(fausse)
    facture = await sold(montant=100.0)
    await comptable.pay(facture, "pay-1", 60.0)
    return facture


@contextmanager
def later(**time: float) -> Iterator[None]:
    """Be so much later."""
    with clock.frozen_at(clock.now() + timedelta(**time)):
        yield


async def told_of(comptable: Comptable, facture: pb.Facture) -> list[str]:
    """Where its statuses stand."""
    return [one.statut for one in await comptable.cycles(facture)]


async def test_R40_it_waits_for_its_invoice(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture
) -> None:
    """Then it follows, by itself."""
    await comptable.tell()
    assert fausse.asked(DEPOSER) == []
    await comptable.send(paid)
    await comptable.tell()
    invoice, status = fausse.deposes
    (cycle,) = await comptable.cycles(paid)
    assert invoice.info["flowSyntax"] == "Factur-X"
    assert status.content == cycle.cdar
    assert {
        name: status.info.get(name) for name in ("name", "flowSyntax", "processingRule", "trackingId")
    } == {
        "name": f"{paid.numero}-212-1.xml",
        "flowSyntax": "CDAR",
        "processingRule": "B2B",
        "trackingId": str(cycle.id),
    }
    assert (cycle.statut, cycle.flow_id, cycle.prochain_essai) == ("ENVOYE", status.flow_id, None)


async def test_R37_it_stands_in_the_history_of_its_invoice(comptable: Comptable, paid: pb.Facture) -> None:
    """As one of ours."""
    await comptable.send(paid)
    with later(minutes=1):
        await comptable.pay(paid, "pay-2", 40.0)
        await comptable.tell()
    way = await comptable.way(paid)
    assert [(one.nom, one.origine) for one in way.historique if one.code] == [("ENCAISSEE", "SERVICE")] * 2
    assert way.statut_transmission == "ENCAISSEE"


@pytest.mark.parametrize(("code", "motif"), [("213", "REJ_SEMAN"), ("501", "IRR_SYNTAX")])
async def test_R40_it_is_dropped_with_its_invoice(
    code: str, motif: str, comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture
) -> None:
    """What the platform has rejected was not received."""
    await comptable.send(paid)
    fausse.arriver(received(paid.numero, code, motif=motif))
    await comptable.read()
    await comptable.tell()
    assert await told_of(comptable, paid) == ["ABANDONNE"]
    assert len(fausse.deposes) == 1


async def test_R40_it_is_sent_after_all_with_an_invoice_that_is_sent_again(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture
) -> None:
    """Once that one has arrived."""
    await comptable.send(paid)
    fausse.deposes[0].acknowledgement = {"status": "Error"}
    await comptable.read()
    await comptable.tell()
    with later(minutes=1):
        await comptable.transmissions.Transmit(pb.TransmitRequest(facture_id=paid.id))
        await comptable.tell()
        assert await told_of(comptable, paid) == ["EN_ATTENTE"]
        await comptable.send(paid)
        await comptable.tell()
    assert await told_of(comptable, paid) == ["ENVOYE"]
    assert [one.info["flowSyntax"] for one in fausse.deposes] == ["Factur-X", "Factur-X", "CDAR"]


async def test_R40_a_lost_answer_leaves_one_flow(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture
) -> None:
    """It is looked for before it is sent again."""
    await comptable.send(paid)
    fausse.couper(DEPOSER)
    await comptable.tell()
    assert await told_of(comptable, paid) == ["EN_ATTENTE"]
    with later(hours=1):
        await comptable.tell()
    assert await told_of(comptable, paid) == ["ENVOYE"]
    assert len(fausse.asked(DEPOSER)) == len(fausse.deposes) == 2


async def test_R40_two_instances_send_it_once(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture, app: Any
) -> None:
    """Whoever begins an attempt has it alone."""
    await comptable.send(paid)
    await asyncio.gather(*(send_cycles(app) for _ in range(4)))
    assert len(fausse.asked(DEPOSER)) == 2
    assert await told_of(comptable, paid) == ["ENVOYE"]


async def test_R40_patience_grows_and_is_told_in_the_end(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture, told: Told
) -> None:
    """The finance team hears of it once, after three days."""
    await comptable.send(paid)
    fausse.repondre(DEPOSER, *[Response(status_code=503)] * 4)
    waits = []
    for hours in (0, 1, 73, 75):
        with later(hours=hours):
            await comptable.tell()
            (cycle,) = await comptable.cycles(paid)
            assert cycle.prochain_essai is not None
            waits.append((cycle.prochain_essai - clock.now()).total_seconds())
    assert waits == [5, 10, 20, 40]
    assert [key for key in await told() if key.startswith("cycle:")] == [f"cycle:{cycle.id}:attente"]


async def test_R40_an_account_that_is_refused_is_tried_every_hour(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture, told: Told, org: str
) -> None:
    """The finance team hears of it once a day."""
    await comptable.send(paid)
    fausse.repondre(DEPOSER, Response(status_code=403))
    await comptable.tell()
    (cycle,) = await comptable.cycles(paid)
    assert cycle.prochain_essai == clock.now() + timedelta(hours=1)
    assert await told() == [f"transmission:acces:{org}::{clock.today()}"]


async def test_R40_a_status_that_is_refused_is_told(
    comptable: Comptable, fausse: FaussePlateforme, paid: pb.Facture, told: Told
) -> None:
    """It is for people to declare it."""
    await comptable.send(paid)
    fausse.repondre(DEPOSER, JSONResponse({"errorCode": "InvoiceLCRuleError"}, 422))
    await comptable.tell()
    (cycle,) = await comptable.cycles(paid)
    assert (cycle.statut, cycle.motif_code) == ("REFUSE", "InvoiceLCRuleError")
    assert await told() == [f"cycle:{cycle.id}:refus"]
    assert (await comptable.way(paid)).statut_transmission == "ENVOYEE"


@pytest.mark.parametrize(
    ("acknowledgement", "statut"),
    [
        ({"status": "Pending"}, "ENVOYE"),
        ({"status": "Ok"}, "ACCEPTE"),
        ({"status": "Error", "details": [{"reasonCode": "InvoiceLCAmountError"}]}, "REFUSE"),
    ],
)
async def test_R40_what_the_platform_says_of_it_later(
    acknowledgement: dict[str, Any],
    statut: str,
    comptable: Comptable,
    fausse: FaussePlateforme,
    paid: pb.Facture,
    told: Told,
) -> None:
    """An error is told to the finance team."""
    await comptable.send(paid)
    await comptable.tell()
    fausse.deposes[1].acknowledgement = acknowledgement
    for _ in range(2):
        await comptable.read()
    (cycle,) = await comptable.cycles(paid)
    assert cycle.statut == statut
    refused = [f"cycle:{cycle.id}:refus"] if statut == "REFUSE" else []
    assert [key for key in await told() if key.startswith("cycle:")] == refused


async def test_R40_a_folder_gets_each_status_once(
    comptable: Comptable, sold: Issue, app: Any, org: str
) -> None:
    """Under the number of its invoice and its own."""
    facture = await sold(montant=100.0)
    await comptable.send(facture)
    for payment in ("pay-1", "pay-2"):
        await comptable.pay(facture, payment, 30.0)
    for _ in range(2):
        await comptable.tell()
    root: Path = app.settings.factures_depot_dir
    dropped = sorted((root / org / "defaut").glob("*.xml"))
    assert [one.name for one in dropped] == [f"{facture.numero}-212-{rang}.xml" for rang in (1, 2)]
    assert [statuts(one.read_bytes())[0].numero for one in dropped] == [facture.numero] * 2


async def test_R40_without_a_way_out_it_waits(comptable: Comptable, sold: Issue, app: Any) -> None:
    """No attempt is counted."""
    facture = await sold(montant=100.0)
    await comptable.send(facture)
    await comptable.pay(facture, "pay-1", 30.0)
    nowhere = replace(app, settings=app.settings.model_copy(update={"factures_depot_dir": None}))
    await send_cycles(nowhere)
    (cycle,) = await comptable.cycles(facture)
    assert (cycle.statut, cycle.tentatives) == ("EN_ATTENTE", 0)
    assert cycle.prochain_essai == clock.now() + timedelta(minutes=5)
