"""The port over HTTP, towards a platform that is well."""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from db_utils import clock
from service_factures.transmission import Acquittement, Adresse, Flux
from service_factures.transmission.dossier import AnnuaireNonConfigure
from service_factures.transmission.plateforme import Compte, Plateforme
from tests.transmission.cdar_samples import BUYER, received
from tests.transmission.depots import PDF, info
from tests.transmission.fausse_plateforme import ANNUAIRE, CHERCHER, DEPOSER, JETON, FaussePlateforme


async def test_R36_an_invoice_is_sent_as_the_standard_has_it(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Two parts, with what is told of the file, under the names of the account and of the request."""
    flux = await plateforme.deposer(PDF, info())
    (flow,), (request,) = fausse.deposes, fausse.asked(DEPOSER)
    assert flow.content == PDF
    assert flow.info == {
        "trackingId": "facture-1",
        "name": "FAC2026000001.pdf",
        "processingRule": "B2B",
        "flowSyntax": "Factur-X",
        "flowProfile": "CIUS",
        "sha256": info().sha256,
    }
    assert b"Content-Type: application/pdf" in request.body
    assert request.headers["organization-id"] == "ORG-7"
    assert len(request.headers["request-id"]) == 36
    assert flux == Flux(flow_id="out-0", tracking_id="facture-1", depose_le=flow.at)


async def test_R40_a_status_is_sent_as_xml_without_profile(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Like an invoice otherwise."""
    content = received("FAC2026000001", "205")
    told = info(content, flow_syntax="CDAR", flow_profile="", name="FAC2026000001-212-1.xml")
    await plateforme.deposer(content, told)
    assert "flowProfile" not in fausse.deposes[0].info
    assert b"Content-Type: application/xml" in fausse.asked(DEPOSER)[0].body


async def test_R36_what_the_platform_has_already_is_accepted(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The flow that is there is answered, and is the only one."""
    first = await plateforme.deposer(PDF, info())
    again = await plateforme.deposer(PDF, info())
    assert (again.flow_id, len(fausse.deposes)) == (first.flow_id, 1)


async def test_R36_a_file_is_found_by_our_id(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """With what the platform says of it."""
    await plateforme.deposer(PDF, info())
    fausse.deposes[0].acknowledgement = {
        "status": "Error",
        "details": [
            {"level": "Warning", "item": "BT-13", "reasonCode": "Hint", "reasonMessage": "à revoir"},
            {"level": "Error", "item": "BT-1", "reasonCode": "InvalidSchema", "reasonMessage": "illisible"},
        ],
    }
    ((found,), _) = await plateforme.chercher(tracking_id="facture-1")
    assert found.acquittement == Acquittement(etat="Error", code="InvalidSchema", texte="illisible")
    assert await plateforme.chercher(tracking_id="facture-2") == ([], "")


async def test_R37_statuses_come_page_by_page(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """Files that we have sent are not among them."""
    fausse.page = 2
    await plateforme.deposer(PDF, info())
    sent = [fausse.arriver(received("FAC1", code)).flow_id for code in ("200", "203", "205")]
    first, cursor = await plateforme.chercher()
    second, end = await plateforme.chercher(cursor)
    assert [one.flow_id for one in (*first, *second)] == sent
    assert (cursor != "", end) == (True, "")
    asked = [json.loads(one.body) for one in fausse.asked(CHERCHER)]
    where = {"flowDirection": ["In"], "flowType": ["CustomerInvoiceLC"]}
    assert asked == [{"limit": 100, "where": where}, {"limit": 100, "where": where, "cursor": cursor}]


async def test_R37_statuses_since_a_time(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """For a platform that gives no cursor after the last page."""
    first, second = fausse.arriver(b"1"), fausse.arriver(b"2")
    found, _ = await plateforme.chercher(depuis=second.at)
    assert [(one.flow_id, one.modifie_le) for one in found] == [(second.flow_id, second.at)]
    assert first.at < second.at


async def test_R37_the_content_of_a_status_comes_as_it_is(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Bytes for bytes."""
    flow = fausse.arriver(received("FAC1", "205"))
    assert await plateforme.telecharger(flow.flow_id) == flow.content


async def test_a_content_that_is_too_large_is_none(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """No status has a megabyte."""
    flow = fausse.arriver(b"x" * (1024 * 1024 + 1))
    assert await plateforme.telecharger(flow.flow_id) == b""


LIGNE = {
    "addressingIdentifier": f"{BUYER}_00012",
    "siren": BUYER,
    "siret": f"{BUYER}00012",
    "directoryLineStatus": "Enabled",
    "platformType": "WK",
}


async def test_addresses_in_use_are_found_in_the_directory(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Former and future ones are left out."""
    others: list[dict[str, Any]] = [
        LIGNE | {"directoryLineStatus": status} for status in ("Disabled", "Upcoming")
    ]
    fausse.lignes = [LIGNE, *others, LIGNE | {"siren": "552100554"}]
    found = Adresse(
        adresse_electronique=f"0225:{BUYER}_00012",
        siren=BUYER,
        siret=f"{BUYER}00012",
        statut="Enabled",
        plateforme="WK",
    )
    assert await plateforme.chercher_adresse(BUYER) == [found]
    (asked,) = (json.loads(one.body) for one in fausse.asked(ANNUAIRE))
    assert asked == {"filters": {"siren": {"op": "strict", "value": BUYER}}, "limit": 50, "ignore": 0}


async def test_an_account_without_directory_has_none(fausse: FaussePlateforme) -> None:
    """Nobody is asked."""
    compte = fausse.compte
    without = Compte(compte.flow_url, "", compte.token_url, compte.client_id, compte.client_secret)
    with pytest.raises(AnnuaireNonConfigure):
        await Plateforme(without).chercher_adresse(BUYER)
    assert fausse.asked(ANNUAIRE) == []


async def test_a_token_is_kept_until_it_expires(
    plateforme: Plateforme, fausse: FaussePlateforme, noon: datetime
) -> None:
    """Thirty seconds early, so that it does not expire on its way; calls at one time ask for it once."""
    await asyncio.gather(*(plateforme.chercher(tracking_id=f"facture-{one}") for one in range(5)))
    with clock.frozen_at(noon + timedelta(seconds=fausse.duree - 31)):
        await plateforme.chercher()
    assert len(fausse.asked(JETON)) == 1
    with clock.frozen_at(noon + timedelta(seconds=fausse.duree - 30)):
        await plateforme.chercher()
    assert len(fausse.asked(JETON)) == 2


async def test_a_token_that_was_revoked_is_replaced(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """The request is sent again with the new one."""
    await plateforme.chercher()
    fausse.revoquer()
    await plateforme.deposer(PDF, info())
    assert (len(fausse.deposes), len(fausse.asked(JETON))) == (1, 2)


async def test_no_secret_is_logged(
    plateforme: Plateforme, fausse: FaussePlateforme, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither that of the account nor a token, nor does a value show it."""
    with caplog.at_level(logging.DEBUG):
        await plateforme.deposer(PDF, info())
        fausse.client_secret = "un-autre"
        fausse.revoquer()
        with pytest.raises(Exception, match="401") as error:
            await plateforme.chercher()
    told = caplog.text + repr(error.value) + repr(plateforme.compte)
    assert ("le-secret-du-compte" in told, "jeton-1" in told) == (False, False)
