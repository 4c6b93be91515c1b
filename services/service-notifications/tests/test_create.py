"""NotificationService/Create, called by services and by users."""

import asyncio
from typing import Any

import grpc
import pytest
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import clock
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Identity
from grpc_utils.errors import InvalidArgument
from service_notifications.notifications import PER_MINUTE
from service_notifications.rules import new_notification
from service_testing import Mesh, refusal, refused

INVALID = grpc.StatusCode.INVALID_ARGUMENT
REUSED = (grpc.StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
USER = Identity(kind="user", subject="marie", organisation_id="org-1")


def asked(**fields: Any) -> pb.CreateNotificationRequest:
    """A request to alert the sales team; *fields* replace the usual ones."""
    usual = {"destinataire_type": "EQUIPE", "destinataire_id": "COMMERCIAL", "type": "ALERTE"}
    return pb.CreateNotificationRequest(**{**usual, "titre": "Titre", "message": "Message", **fields})


def of(mesh: Mesh, org: str, user: str = "marie") -> NotificationServiceStub:
    """A stub of the service for a user of *org*."""
    return mesh.stub(NotificationServiceStub, organisation=org, user=user)


async def stored(mesh: Mesh, org: str) -> list[pb.Notification]:
    """The notifications that everybody in *org* sees."""
    return list((await of(mesh, org).List(pb.ListNotificationsRequest())).notifications)


async def test_a_service_notifies_a_team(mesh: Mesh, org: str) -> None:
    """The answer is the stored notification, which the team sees unread."""
    clients = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    metadata = Struct()
    metadata.update({"message_id": "7", "tentatives": 1})
    created = await clients.Create(
        asked(organisation_id=org, niveau="avertissement", metadata=metadata, lien_url="/emails/7")
    )
    assert (created.organisation_id, created.niveau, created.lien_url) == (org, "avertissement", "/emails/7")
    assert (created.metadata, created.lu) == (metadata, False)
    assert await stored(mesh, org) == [created]


async def test_R08_C21_a_key_makes_one_notification(mesh: Mesh, org: str) -> None:
    """Parallel calls with one content get one notification; another content is refused."""
    marie = of(mesh, org)
    created = await asyncio.gather(*(marie.Create(asked(cle_idempotence="k")) for _ in range(5)))
    assert len({one.id for one in created}) == 1
    assert await refused(marie.Create(asked(cle_idempotence="k", titre="Autre"))) == REUSED
    assert [one.id for one in await stored(mesh, org)] == [created[0].id]


async def test_R16_a_user_creates_sixty_in_a_minute(mesh: Mesh, org: str) -> None:
    """Refused calls use up the rate too; a service has no rate."""
    hasty = of(mesh, org, user=f"hasty-{org}")
    with clock.frozen_at(clock.now()):  # or the bucket would fill again on a slow machine
        ended = [await refused(hasty.Create(asked(titre=""))) for _ in range(PER_MINUTE)]
        told = await refusal(hasty.Create(asked()))
    assert set(ended) == {(INVALID, "CHAMP_REQUIS")}
    assert (told.code, told.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TROP_DE_REQUETES")
    assert told.metadata["retry_after_s"] == "1"
    clients = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    for _ in range(PER_MINUTE + 1):
        await clients.Create(asked(organisation_id=org, cle_idempotence="k"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"titre": "x" * 256}, "TROP_LONG"),
        ({"message": "x" * 2001}, "TROP_LONG"),
        ({"cle_idempotence": "x" * 161}, "TROP_LONG"),
        ({"lien_url": "/" + "x" * 500}, "TROP_LONG"),
        ({"type": "AUTRE"}, "VALEUR_INCONNUE"),
        ({"niveau": "grave"}, "VALEUR_INCONNUE"),
        ({"destinataire_type": "TOUS", "destinataire_id": ""}, "VALEUR_INCONNUE"),
    ],
)
async def test_R19_what_the_table_refuses(mesh: Mesh, org: str, fields: dict[str, Any], reason: str) -> None:
    """Longer texts than the columns take, and values outside a list, are refused with their reason."""
    clients = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    assert await refused(clients.Create(asked(organisation_id=org, **fields))) == (INVALID, reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"destinataire_type": ""}, "CHAMP_REQUIS"),
        ({"type": ""}, "CHAMP_REQUIS"),
        ({"titre": ""}, "CHAMP_REQUIS"),
        ({"message": ""}, "CHAMP_REQUIS"),
        ({"destinataire_id": ""}, "CHAMP_REQUIS"),
        ({"destinataire_id": "VENTES"}, "VALEUR_INCONNUE"),
        ({"destinataire_type": "UTILISATEUR", "destinataire_id": ""}, "CHAMP_REQUIS"),
        ({"destinataire_type": "UTILISATEUR", "destinataire_id": "a b"}, "FORMAT_INVALIDE"),
        ({"destinataire_type": "ORGANISATION"}, "FORMAT_INVALIDE"),
        ({"metadata": {"grand": "x" * 8192}}, "TROP_LONG"),
        ({"metadata": {"nombre": float("nan")}}, "FORMAT_INVALIDE"),
        ({"type": "SYSTEME"}, "TYPE_RESERVE"),
    ],
)
def test_R06_R17_R19_what_the_rules_refuse(fields: dict[str, Any], reason: str) -> None:
    """Addressees that do not fit, missing texts, too large metadata and reserved types are refused."""
    with pytest.raises(InvalidArgument) as refusal:
        new_notification(asked(**fields), USER)
    assert refusal.value.reason == reason


def test_R17_services_may_say_systeme() -> None:
    """The type that is refused to users is open to services."""
    service = Identity(kind="service", subject="service:email")
    assert new_notification(asked(type="SYSTEME"), service).type == "SYSTEME"


@pytest.mark.parametrize("link", ["", "/", "/clients/7?a=b#c", "https://exemple.fr", "https://exemple.fr/a"])
def test_R07_links_lead_into_the_application_or_to_https(link: str) -> None:
    """Accepted links are stored as they are."""
    assert new_notification(asked(lien_url=link), USER).lien_url == (link or None)


@pytest.mark.parametrize(
    "link", ["//exemple.fr", "clients/7", "http://exemple.fr", "ftp://exemple.fr", "/a b", "https://"]
)
def test_R07_other_links_are_refused(link: str) -> None:
    """Other schemes, hosts without a scheme, relative paths and spaces are FORMAT_INVALIDE."""
    with pytest.raises(InvalidArgument):
        new_notification(asked(lien_url=link), USER)
