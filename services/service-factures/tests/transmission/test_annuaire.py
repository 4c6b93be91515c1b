"""The directory of the platforms, asked through the account of a société."""

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import TransmissionServiceStub
from grpc import StatusCode
from service_testing import refusal, refused
from starlette.responses import JSONResponse, Response
from tests.transmission.accounts import connexion
from tests.transmission.cdar_samples import BUYER
from tests.transmission.fausse_plateforme import ANNUAIRE, FaussePlateforme

ASKED = pb.LookupAddressRequest(siren="732 829 320")


@pytest.fixture
async def connected(fausse: FaussePlateforme, transmissions: TransmissionServiceStub) -> FaussePlateforme:
    """The platform, where the default société has an account."""
    await transmissions.SaveConnexion(connexion(fausse.compte))
    return fausse


async def test_R26_addresses_of_a_company_are_looked_up(
    connected: FaussePlateforme, transmissions: TransmissionServiceStub
) -> None:
    """Those at which it receives invoices now; the SIREN may have spaces."""
    line = {
        "addressingIdentifier": BUYER,
        "siren": BUYER,
        "directoryLineStatus": "Enabled",
        "platformType": "WK",
    }
    service = {"addressingIdentifier": f"{BUYER}_ACHATS", "siret": f"{BUYER}00012"}
    connected.lignes = [line, line | service, line | {"directoryLineStatus": "Disabled"}]
    told = await transmissions.LookupAddress(ASKED)
    whole = pb.AdresseAnnuaire(adresse_electronique=f"0225:{BUYER}", statut="Enabled", plateforme="WK")
    part = pb.AdresseAnnuaire(
        adresse_electronique=f"0225:{BUYER}_ACHATS", siret=f"{BUYER}00012", statut="Enabled", plateforme="WK"
    )
    assert told == pb.LookupAddressResponse(adresses=[whole, part])


async def test_R26_a_company_without_address_has_none(
    connected: FaussePlateforme, transmissions: TransmissionServiceStub
) -> None:
    """As one that is not in the directory."""
    assert await transmissions.LookupAddress(ASKED) == pb.LookupAddressResponse()


@pytest.mark.parametrize("siren", ["", "732829321", "abc", "000000000"])
async def test_a_wrong_siren_is_not_asked_for(
    siren: str, connected: FaussePlateforme, transmissions: TransmissionServiceStub
) -> None:
    """The platform hears nothing of it."""
    told = await refusal(transmissions.LookupAddress(pb.LookupAddressRequest(siren=siren)))
    assert (told.code, told.fields) == (StatusCode.INVALID_ARGUMENT, ("siren",))
    assert connected.asked(ANNUAIRE) == []


@pytest.mark.parametrize(
    "answer",
    [Response(status_code=503), Response(status_code=403), JSONResponse({"errorCode": "X"}, 400)],
)
async def test_a_directory_that_does_not_answer_is_unavailable(
    answer: Response, connected: FaussePlateforme, transmissions: TransmissionServiceStub
) -> None:
    """Whatever it says."""
    connected.repondre(ANNUAIRE, answer)
    told = (StatusCode.UNAVAILABLE, "ANNUAIRE_INDISPONIBLE")
    assert await refused(transmissions.LookupAddress(ASKED)) == told


async def test_a_societe_without_directory_is_told_so(
    connected: FaussePlateforme, transmissions: TransmissionServiceStub
) -> None:
    """Whether it drops files in a folder or has an account without one."""
    request = pb.LookupAddressRequest(siren=BUYER, societe_id="soc-2")
    told = (StatusCode.FAILED_PRECONDITION, "ANNUAIRE_NON_CONFIGURE")
    assert await refused(transmissions.LookupAddress(request)) == told
    await transmissions.SaveConnexion(connexion(connected.compte, societe_id="soc-2", directory_url=""))
    assert await refused(transmissions.LookupAddress(request)) == told
