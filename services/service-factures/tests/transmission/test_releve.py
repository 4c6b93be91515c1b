"""What platforms say of invoices, as it is fetched (R37): found, kept, once, and nobody else's."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, clock, within
from pydantic import SecretStr
from service_factures.models import Facture
from service_factures.plateforme_models import ConnexionPlateforme
from service_factures.releve import Account, read_account, read_statuses
from service_testing import Mesh
from sqlalchemy import update
from starlette.responses import JSONResponse, Response
from tests.alertes import Told
from tests.facturation import SAVED, save
from tests.transmission.cdar_samples import received
from tests.transmission.comptable import Comptable
from tests.transmission.fausse_plateforme import CHERCHER, DEPOSER, TELECHARGER, FaussePlateforme

Issue = Callable[..., Awaitable[pb.Facture]]
pytestmark = pytest.mark.usefixtures("noon")
_SPOILT = (
    update(ConnexionPlateforme)
    .where(ConnexionPlateforme.societe_id == "a-key")
    .values(client_secret="v1.k9.x.y")
)
SENT = ["A_ENVOYER", "ENVOYEE"]


@pytest.fixture
async def sent(comptable: Comptable, fausse: FaussePlateforme, sold: Issue) -> pb.Facture:
    """An invoice that the platform has."""
    await comptable.connect(fausse)
    facture = await sold()
    assert (await comptable.send(facture)).statut_transmission == "ENVOYEE"
    return facture


def day(number: int) -> str:
    """Some time of a day of February, as a message writes it."""
    return f"202602{number:02}101500"


async def test_R37_the_way_of_an_invoice_from_pending_to_refused(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture, told: Told
) -> None:
    """Pending, then Ok, then statuses over two pages; the finance team hears of the refusal."""
    await comptable.read()
    fausse.deposes[0].acknowledgement = {"status": "Ok"}
    await comptable.read()
    assert await comptable.names(sent) == SENT
    fausse.page = 3
    for number, code in enumerate(("200", "203", "205"), 1):
        fausse.arriver(received(sent.numero, code, date=day(number)))
    last = fausse.arriver(
        received(sent.numero, "210", date=day(4), motif="TX_TVA_ERR", texte="Le taux est faux")
    )
    await comptable.read()
    way = await comptable.way(sent)
    assert [one.nom for one in way.historique] == [
        *SENT,
        "DEPOSEE",
        "MISE_A_DISPOSITION",
        "APPROUVEE",
        "REFUSEE",
    ]
    assert (way.statut_transmission, way.code, way.motif_code) == ("REFUSEE", 210, "TX_TVA_ERR")
    assert way.historique[-1].texte == "Le taux est faux"
    assert way.historique[-1].origine == "PLATEFORME"
    assert last.flow_id != way.flow_id == "out-0"
    assert [key for key in await told() if ":210:" in key] == [
        f"transmission:{sent.id}:210:2026-02-04T10:15:00+01:00"
    ]


async def test_R37_what_is_read_again_is_kept_once(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """As after a crash between a status and the cursor."""
    for _ in range(2):
        fausse.arriver(received(sent.numero, "205"))
    for _ in range(2):
        await comptable.read()
    assert await comptable.names(sent) == [*SENT, "APPROUVEE"]


@pytest.mark.parametrize("suite", [True, False])
async def test_R37_it_goes_on_where_it_was(
    suite: bool, comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """By the cursor, or by the last change for a platform that gives none after the last page."""
    fausse.suite, fausse.page = suite, 1
    first = [fausse.arriver(received(sent.numero, code)).flow_id for code in ("200", "201")]
    await comptable.read()
    before = len(fausse.asked(TELECHARGER))
    third = fausse.arriver(received(sent.numero, "202", date=day(1))).flow_id
    await comptable.read()
    fetched = [one.path.rpartition("/")[2] for one in fausse.asked(TELECHARGER)]
    assert (fetched[:before], fetched[-1]) == (first, third)
    assert len(fetched) - before == (1 if suite else 2)  # the last change itself is told again
    assert (await comptable.way(sent)).statut_transmission == "RECUE"


async def test_R37_a_page_that_was_not_read_to_its_end_is_read_again(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """Nothing is left out."""
    for number, code in enumerate(("200", "203", "205"), 1):
        fausse.arriver(received(sent.numero, code, date=day(number)))
    fausse.couper(TELECHARGER)
    await comptable.read()
    assert await comptable.names(sent) == SENT
    fausse.repondre(TELECHARGER, Response(status_code=503))
    await comptable.read()
    await comptable.read()
    assert (await comptable.names(sent))[2:] == ["DEPOSEE", "MISE_A_DISPOSITION", "APPROUVEE"]


async def test_R37_a_cursor_that_is_no_longer_known_is_done_without(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """What has changed since the last change is read."""
    fausse.suite = True
    fausse.arriver(received(sent.numero, "200"))
    await comptable.read()
    fausse.arriver(received(sent.numero, "205", date=day(1)))
    fausse.repondre(CHERCHER, JSONResponse({"errorCode": "CursorExpired"}, 400))
    await comptable.read()
    assert (await comptable.way(sent)).statut_transmission == "APPROUVEE"
    where = [json.loads(one.body)["where"] for one in fausse.asked(CHERCHER)]
    assert any("updatedAfter" in one for one in where)


async def test_R37_another_account_is_read_from_its_beginning(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """A cursor of the former one says nothing there."""
    fausse.suite = True
    fausse.arriver(received(sent.numero, "200"))
    await comptable.read()
    fausse.client_id = "un-autre"
    await comptable.connect(fausse)
    before = len(fausse.asked(CHERCHER))
    await comptable.read()
    assert "cursor" not in json.loads(fausse.asked(CHERCHER)[before].body)


STRANGE: dict[str, bytes] = {
    "not XML": b"bonjour",
    "an invoice that nobody knows": received("FAC2026009999", "210"),
    "another seller": received("FAC2026000001", "210", siren="443061841"),
}


@pytest.mark.parametrize("name", STRANGE)
async def test_R37_what_is_about_none_of_ours_is_logged_and_left(
    name: str,
    comptable: Comptable,
    fausse: FaussePlateforme,
    sent: pb.Facture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The next one counts."""
    strange = fausse.arriver(STRANGE[name])
    fausse.arriver(received(sent.numero, "205"))
    with caplog.at_level(logging.WARNING):
        await comptable.read()
    assert f"flow {strange.flow_id} is" in caplog.text
    assert await comptable.names(sent) == [*SENT, "APPROUVEE"]


async def test_R37_a_flow_that_is_gone_is_left(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """Or nothing would ever be read after it."""
    fausse.arriver(received(sent.numero, "200"))
    fausse.arriver(received(sent.numero, "205", date=day(1)))
    fausse.repondre(TELECHARGER, JSONResponse({"errorCode": "NotFound"}, 404))
    await comptable.read()
    assert await comptable.names(sent) == [*SENT, "APPROUVEE"]


async def test_R37_without_seller_the_flow_tells_the_invoice(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """That in which it has left."""
    message = received("une autre forme", "205", siren="")
    fausse.arriver(message).flow_id = (await comptable.way(sent)).flow_id
    await comptable.read()
    assert await comptable.names(sent) == SENT, "the platform's own file comes first under that id"
    fausse.flows.pop(0)
    fausse.arriver(received(sent.numero, "206", siren=""))
    await comptable.read()
    assert (await comptable.names(sent))[:3] == [*SENT, "APPROUVEE"]


async def test_R37_the_same_number_elsewhere_is_another_invoice(
    comptable: Comptable,
    fausse: FaussePlateforme,
    sent: pb.Facture,
    foreign_factures: InvoiceServiceStub,
    mesh: Mesh,
) -> None:
    """Every organisation has its first one; a platform tells of those of its account."""
    other = await foreign_factures.Create(pb.CreateFactureRequest(client_id="client-9", montant=10.0))
    assert other.numero == sent.numero
    with within(Scope(other.organisation_id)):
        async with mesh.database("factures").transaction() as tx:
            row = await tx.get(Facture, other.id)
            assert row is not None
            await tx.update(row, vendeur_snapshot={"siren": "552100554"}, traitement="B2B")
    fausse.arriver(received(sent.numero, "210"))
    await comptable.read()
    assert (await comptable.way(sent)).statut_transmission == "REFUSEE"
    read = await foreign_factures.Get(pb.GetFactureRequest(id=other.id))
    assert read.statut_transmission == "SANS_OBJET"


async def test_R37_a_number_of_two_societes_of_one_siren_is_left(
    comptable: Comptable,
    fausse: FaussePlateforme,
    sent: pb.Facture,
    sold: Issue,
    reglages: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody could say which of the two it is."""
    await reglages.Save(save(**SAVED, societe_id="soc-2", emission_obligatoire_le="2026-01-01"))
    twin = await sold(societe_id="soc-2")
    assert twin.numero == sent.numero
    fausse.arriver(received(sent.numero, "210"))
    await comptable.read()
    assert "is about 2 invoices of ours" in caplog.text
    assert await comptable.names(sent) == SENT


async def test_R36_an_invoice_that_the_platform_cannot_read_is_irrecevable(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture, told: Told
) -> None:
    """With the code of the first error; nothing is noted twice."""
    error = {"level": "Error", "item": "xml", "reasonCode": "InvalidSchema", "reasonMessage": "illisible"}
    fausse.deposes[0].acknowledgement = {"status": "Error", "details": [error]}
    for _ in range(2):
        await comptable.read()
    way = await comptable.way(sent)
    assert (way.statut_transmission, way.code, way.motif_code) == ("IRRECEVABLE", 501, "InvalidSchema")
    assert [one.nom for one in way.historique] == [*SENT, "IRRECEVABLE"]
    assert len([key for key in await told() if ":501:" in key]) == 1


async def test_R36_it_is_asked_for_after_a_receipt_too(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """Our own 212 says nothing of what the platform makes of the invoice."""
    await comptable.pay(sent, "pay-1", 10.0)
    await comptable.tell()
    assert (await comptable.way(sent)).statut_transmission == "ENCAISSEE"
    fausse.deposes[0].acknowledgement = {"status": "Error", "details": [{"reasonCode": "VirusFound"}]}
    with clock.frozen_at(clock.now() + timedelta(minutes=10)):
        await comptable.read()
    assert (await comptable.way(sent)).motif_code == "VirusFound"


async def test_R36_what_the_platform_has_spoken_of_is_not_asked_for(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture
) -> None:
    """Its statuses say more."""
    fausse.arriver(received(sent.numero, "200"))
    await comptable.read()
    await comptable.read()
    asked = [json.loads(one.body)["where"] for one in fausse.asked(CHERCHER)]
    assert [one for one in asked if "trackingId" in one] == []


async def test_R36_a_refused_account_is_told_once_a_day(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture, org: str, told: Told
) -> None:
    """Statuses would otherwise stay away without a word."""
    fausse.revoquer()
    fausse.client_secret = "un-autre"
    for _ in range(2):
        await comptable.read()
    assert await told() == [f"transmission:acces:{org}::{clock.today()}"]
    assert await comptable.names(sent) == SENT


async def test_R37_accounts_that_fail_do_not_hold_up_the_others(
    comptable: Comptable, fausse: FaussePlateforme, sent: pb.Facture, app: Any, org: str
) -> None:
    """One whose secret cannot be opened, one that is away."""
    await comptable.connect(fausse, societe_id="a-key", client_id="x")
    await comptable.connect(fausse, societe_id="b-away", flow_url="http://127.0.0.1:9/flow")
    async with app.database.transaction() as tx:
        await tx.execute(_SPOILT)
    fausse.arriver(received(sent.numero, "205"))
    await read_statuses(app)
    assert (await comptable.way(sent)).statut_transmission == "APPROUVEE"


async def test_R37_the_account_of_the_environment_is_read_for_all_without_one(
    comptable: Comptable, fausse: FaussePlateforme, sold: Issue, app: Any, org: str, reglages: Any
) -> None:
    """Once for all of them; what left through another account is asked for there."""
    of_environment = {
        "factures_transmission": "plateforme",
        "default_organisation_id": org,
        "factures_pa_flow_url": fausse.compte.flow_url,
        "factures_pa_token_url": fausse.compte.token_url,
        "factures_pa_client_id": fausse.client_id,
        "factures_pa_client_secret": SecretStr(fausse.client_secret),
        "factures_pa_organisation": fausse.organisation,
    }
    app = replace(app, settings=app.settings.model_copy(update=of_environment))
    comptable = replace(comptable, app=app)
    first = await sold()
    await reglages.Save(save(**SAVED, societe_id="soc-2", emission_obligatoire_le="2026-01-01"))
    second = await sold(societe_id="soc-2")
    for facture in (first, second):
        assert (await comptable.send(facture)).statut_transmission == "ENVOYEE"
    await comptable.connect(fausse, societe_id="soc-2")
    for flow in fausse.deposes:
        flow.acknowledgement = {"status": "Error", "details": [{"reasonCode": "InvalidSchema"}]}
    await read_account(app, Account(org, "", of_environment=True))
    told = [(await comptable.way(one)).statut_transmission for one in (first, second)]
    assert told == ["IRRECEVABLE", "ENVOYEE"]


async def test_R36_a_cut_connection_leaves_one_flow(
    comptable: Comptable, fausse: FaussePlateforme, sold: Issue
) -> None:
    """Over HTTP and with the job: the file is looked for before it is sent again."""
    await comptable.connect(fausse)
    facture = await sold()
    fausse.couper(DEPOSER)
    assert (await comptable.send(facture)).statut_transmission == "A_ENVOYER"
    way = await comptable.way(facture)
    with clock.frozen_at(way.prochain_essai.ToDatetime(clock.now().tzinfo)):
        assert (await comptable.send(facture)).statut_transmission == "ENVOYEE"
    assert (len(fausse.deposes), len(fausse.asked(DEPOSER))) == (1, 1)
