"""What platforms say of our own files, and accounts that are refused, away, or of several sociétés (R36)."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from db_utils import Scope, clock, within
from pydantic import SecretStr
from service_factures.plateforme_models import ConnexionPlateforme
from service_factures.releve import Account, read_account, read_statuses
from sqlalchemy import update
from tests.alertes import Told
from tests.facturation import SAVED, save
from tests.transmission.cdar_samples import received
from tests.transmission.comptable import Comptable
from tests.transmission.fausse_plateforme import CHERCHER, DEPOSER, FaussePlateforme

Issue = Callable[..., Awaitable[pb.Facture]]
pytestmark = pytest.mark.usefixtures("noon")
_SPOILT = (
    update(ConnexionPlateforme)
    .where(ConnexionPlateforme.societe_id == "a-key")
    .values(client_secret="v1.k9.x.y")
)
SENT = ["A_ENVOYER", "ENVOYEE"]


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
    with within(Scope(org)):
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
