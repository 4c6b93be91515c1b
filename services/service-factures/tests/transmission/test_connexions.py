"""Accounts of sociétés on their platforms: what may be in them, who uses them, and that secrets stay so."""

import logging
from dataclasses import replace
from typing import Any, Final

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import TransmissionServiceStub
from db_utils import Scope, Undecipherable, within
from grpc import StatusCode
from pydantic import SecretStr
from service_factures import connexions, ports
from service_factures.plateforme_models import ConnexionPlateforme
from service_factures.transmission import Dossier
from service_factures.transmission.plateforme import Compte, Plateforme
from service_kit import App
from service_testing import Mesh, code_of, refusal, refused
from service_testing.fixtures import of_stranger
from sqlalchemy import bindparam, select
from tests.transmission.accounts import connexion

COMPTE: Final = Compte(
    "https://localhost:9/flow",
    "https://localhost:9/directory",
    "https://localhost:9/token",
    "crm",
    "le-secret-du-compte",
    "ORG-7",
)
_ROWS = select(ConnexionPlateforme).where(ConnexionPlateforme.organisation_id == bindparam("organisation_id"))
foreign_transmissions = of_stranger(TransmissionServiceStub)


async def test_R36_an_account_is_kept_without_showing_its_secret(
    transmissions: TransmissionServiceStub, org: str
) -> None:
    """Saved and read, it is the same."""
    saved = await transmissions.SaveConnexion(connexion(COMPTE))
    read = await transmissions.GetConnexion(pb.GetConnexionRequest())
    assert read == saved
    assert (read.organisation_id, read.societe_id, read.version) == (org, "", 1)
    assert (read.flow_url, read.directory_url, read.token_url, read.client_id, read.organisation) == (
        COMPTE.flow_url,
        COMPTE.directory_url,
        COMPTE.token_url,
        "crm",
        "ORG-7",
    )
    assert b"secret" not in read.SerializeToString()


async def test_R36_a_second_account_replaces_the_first(transmissions: TransmissionServiceStub) -> None:
    """Each société has one."""
    first = await transmissions.SaveConnexion(connexion(COMPTE))
    other = await transmissions.SaveConnexion(connexion(COMPTE, client_id="autre", directory_url=""))
    assert (other.id, other.version, other.client_id, other.directory_url) == (first.id, 2, "autre", "")


async def test_C15_the_secret_lies_sealed(
    transmissions: TransmissionServiceStub,
    mesh: Mesh,
    app: App[Any],
    org: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Bound to its row; neither the database nor a log has it."""
    with caplog.at_level(logging.DEBUG):
        await transmissions.SaveConnexion(connexion(COMPTE))
    (row,) = await mesh.database("factures").read().all(_ROWS, organisation_id=org)
    assert row.client_secret.startswith("v1.")
    assert "le-secret-du-compte" not in row.client_secret + caplog.text
    assert await ports.compte_of(app, org, "") == COMPTE


async def test_C15_a_secret_of_another_row_does_not_open(
    transmissions: TransmissionServiceStub, mesh: Mesh, app: App[Any], org: str
) -> None:
    """Whoever could write the database would not get it sent to himself."""
    await transmissions.SaveConnexion(connexion(COMPTE))
    await transmissions.SaveConnexion(connexion(COMPTE, societe_id="soc-2"))
    database = mesh.database("factures")
    first, second = await database.read().all(_ROWS, organisation_id=org)
    async with database.transaction() as tx:
        await tx.update(second, client_secret=first.client_secret)
    with pytest.raises(Undecipherable):
        await ports.compte_of(app, org, second.societe_id)
    told = await refusal(
        transmissions.LookupAddress(pb.LookupAddressRequest(siren="732829320", societe_id=second.societe_id))
    )
    assert (told.code, told.reason) == (StatusCode.INTERNAL, "DECHIFFREMENT")


WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no flow_url": ({"flow_url": ""}, "CHAMP_REQUIS"),
    "no token_url": ({"token_url": ""}, "CHAMP_REQUIS"),
    "no client_id": ({"client_id": ""}, "CHAMP_REQUIS"),
    "no client_secret": ({"client_secret": ""}, "CHAMP_REQUIS"),
    "http": ({"flow_url": "http://api.exemple.fr"}, "ADRESSE_NON_SURE"),
    "http for tokens": ({"token_url": "http://login.exemple.fr"}, "ADRESSE_NON_SURE"),
    "http for the directory": ({"directory_url": "http://api.exemple.fr"}, "ADRESSE_NON_SURE"),
    "a file": ({"flow_url": "file:///srv"}, "ADRESSE_NON_SURE"),
    "words": ({"flow_url": "exemple.fr"}, "ADRESSE_NON_SURE"),
    "a password": ({"flow_url": "https://moi:secret@api.exemple.fr"}, "FORMAT_INVALIDE"),
    "a name for the directory": ({"directory_url": "https://moi@api.exemple.fr"}, "FORMAT_INVALIDE"),
    "a line break": ({"organisation": "ORG-7\r\nx: y"}, "FORMAT_INVALIDE"),
    "an accent": ({"client_id": "société"}, "FORMAT_INVALIDE"),
    "too long": ({"client_secret": "s" * 1001}, "TROP_LONG"),
    "no société": ({"societe_id": "s" * 65}, "FORMAT_INVALIDE"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_account_that_cannot_be_used_is_refused(
    name: str, transmissions: TransmissionServiceStub
) -> None:
    """Https only, but to this machine; what goes into headers fits there."""
    fields, reason = WRONG[name]
    told = await refused(transmissions.SaveConnexion(connexion(COMPTE, **fields)))
    assert told == (StatusCode.INVALID_ARGUMENT, reason)


async def test_http_to_this_machine_is_admitted(transmissions: TransmissionServiceStub) -> None:
    """As to a proxy beside the service."""
    saved = await transmissions.SaveConnexion(connexion(COMPTE, flow_url="http://127.0.0.1:8080/flow"))
    assert saved.flow_url == "http://127.0.0.1:8080/flow"


def test_R36_in_production_nobody_points_an_account_at_this_machine() -> None:
    """What listens beside the service is no platform of a tenant."""
    asked = connexion(COMPTE, flow_url="http://127.0.0.1:8080/flow")
    assert connexions.told_by(asked, plain_here=True)["flow_url"] == asked.flow_url
    with pytest.raises(connexions.AdresseNonSure):
        connexions.told_by(asked, plain_here=False)
    assert connexions.told_by(connexion(COMPTE), plain_here=False)["flow_url"] == COMPTE.flow_url


async def test_C06_an_account_is_nobody_elses(
    transmissions: TransmissionServiceStub, foreign_transmissions: TransmissionServiceStub
) -> None:
    """Another organisation has none, and makes one of its own."""
    first = await transmissions.SaveConnexion(connexion(COMPTE))
    assert await code_of(foreign_transmissions.GetConnexion(pb.GetConnexionRequest())) == StatusCode.NOT_FOUND
    other = await foreign_transmissions.SaveConnexion(connexion(COMPTE, client_id="autre"))
    assert other.id != first.id
    assert await transmissions.GetConnexion(pb.GetConnexionRequest()) == first


async def _port(app: App[Any], organisation_id: str, societe_id: str = "") -> object:
    with within(Scope(organisation_id)):
        return await ports.port_of(app, organisation_id, societe_id)


def _with(app: App[Any], **told: Any) -> App[Any]:
    return replace(app, settings=app.settings.model_copy(update=told))


async def test_R36_a_saved_account_wins_over_folder_and_environment(
    transmissions: TransmissionServiceStub, app: App[Any], org: str
) -> None:
    """For its société alone; its token is kept from call to call."""
    await transmissions.SaveConnexion(connexion(COMPTE, societe_id="soc-1"))
    port = await _port(app, org, "soc-1")
    assert isinstance(port, Plateforme)
    assert port.compte == COMPTE
    assert await _port(app, org, "soc-1") is port
    assert isinstance(await _port(app, org, "soc-2"), Dossier)
    await transmissions.SaveConnexion(connexion(COMPTE, societe_id="soc-1", client_secret="un-autre"))
    changed = await _port(app, org, "soc-1")
    assert isinstance(changed, Plateforme)
    assert changed.compte.client_secret == "un-autre"


async def test_R36_the_account_of_the_environment_is_of_one_organisation(app: App[Any], org: str) -> None:
    """No invoice of another one leaves through it: those wait."""
    told = {
        "factures_transmission": "plateforme",
        "default_organisation_id": org,
        "factures_pa_flow_url": COMPTE.flow_url,
        "factures_pa_directory_url": COMPTE.directory_url,
        "factures_pa_token_url": COMPTE.token_url,
        "factures_pa_client_id": COMPTE.client_id,
        "factures_pa_client_secret": SecretStr(COMPTE.client_secret),
        "factures_pa_organisation": COMPTE.organisation,
    }
    app = _with(app, **told)
    port = await _port(app, org, "soc-1")
    assert isinstance(port, Plateforme)
    assert port.compte == COMPTE
    assert await _port(app, f"{org}-autre") is None
    assert isinstance(await _port(_with(app, factures_transmission="dossier"), org), Dossier)
    assert await _port(_with(app, factures_pa_flow_url=""), org) is None


async def test_R36_without_folder_nothing_leaves(app: App[Any], org: str) -> None:
    """Nothing is lost either: invoices wait."""
    assert await _port(_with(app, factures_depot_dir=None), org) is None
