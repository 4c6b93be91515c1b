"""What platforms say of invoices, as it is fetched (R37): found, kept, once, and nobody else's."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, within
from service_factures.models import Facture
from service_testing import Mesh
from starlette.responses import JSONResponse, Response
from tests.alertes import Told
from tests.facturation import SAVED, save
from tests.transmission.cdar_samples import received
from tests.transmission.comptable import Comptable
from tests.transmission.fausse_plateforme import CHERCHER, TELECHARGER, FaussePlateforme

Issue = Callable[..., Awaitable[pb.Facture]]
pytestmark = pytest.mark.usefixtures("noon")
SENT = ["A_ENVOYER", "ENVOYEE"]


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
