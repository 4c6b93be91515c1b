"""Pages of List calls: filters, search and page come from the fields of the request (C8)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.clients.clients_pb2 import CreateClientBaseRequest
from crm.common.common_pb2 import Pagination
from crm.email.email_pb2 import ListMessagesRequest
from crm.notifications.notifications_pb2 import ListNotificationsRequest
from crm.organisations.organisations_pb2 import ListOrganisationsRequest
from db_utils import Database, Listing, Reader, clock
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import page_of, timestamp
from grpc_utils.errors import DateInvalide
from service_clients.models import ClientBase
from service_clients.rules import new_client
from service_testing import fresh_database

JANUARY, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
LISTING = Listing(
    ClientBase,
    sorts=("created_at",),
    filters={
        "statut": None,
        "actif": lambda value: (ClientBase.statut == "ACTIF") == value,
        "non_lues": lambda value: ClientBase.statut == value,
        "du": lambda value: ClientBase.created_at >= value,
        "au": lambda value: ClientBase.created_at <= value,
    },
    search=ClientBase.recherche_cle,
)


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[Reader]:
    """Reads of two clients: Ancien of January, ACTIF, and Nouveau of February, PROSPECT."""
    database = Database(fresh_database(), "clients")
    await database.open()
    for nom, instant, statut in (("Ancien", JANUARY, "ACTIF"), ("Nouveau", FEBRUARY, "PROSPECT")):
        request = CreateClientBaseRequest(organisation_id="org-1", nom=nom, prenom="Jean", statut=statut)
        with clock.frozen_at(instant):
            client = new_client(request, f"CLI-{nom}")
        async with database.transaction() as tx:
            await tx.insert(client)
    yield database.read()
    await database.close()


async def listed(reader: Reader, request: Any, **filters: Any) -> list[str]:
    """The names on the page that *request* asks for."""
    return [client.nom for client in (await page_of(LISTING, reader, request, **filters)).rows]


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (ListMessagesRequest(), ["Ancien", "Nouveau"]),
        (ListMessagesRequest(statut="ACTIF"), ["Ancien"]),
        (ListMessagesRequest(statut="ACTIF", search="nouveau"), []),
        (ListMessagesRequest(search="NOUV"), ["Nouveau"]),
        (ListMessagesRequest(destinataire="jean"), ["Ancien", "Nouveau"]),  # no filter has this name
        (ListMessagesRequest(du=timestamp(FEBRUARY)), ["Nouveau"]),
        (ListMessagesRequest(au=timestamp(JANUARY)), ["Ancien"]),
        (ListOrganisationsRequest(actif=True), ["Ancien"]),
        (ListOrganisationsRequest(actif=False), ["Nouveau"]),  # optional: false is sent
        (ListNotificationsRequest(non_lues=False), ["Ancien", "Nouveau"]),  # false is no filter
    ],
)
async def test_C8_fields_that_are_present_filter(reader: Reader, request_: Any, names: list[str]) -> None:
    """Each goes to the filter of its name, a period as instants; absent ones filter nothing."""
    assert await listed(reader, request_) == names


@pytest.mark.parametrize(
    ("statut", "names"),
    [("PROSPECT", ["Nouveau"]), (None, ["Ancien", "Nouveau"]), ("", ["Ancien", "Nouveau"])],
)
async def test_a_value_of_the_service_replaces_that_of_the_request(
    reader: Reader, statut: str | None, names: list[str]
) -> None:
    """A service decides on a filter by naming it, also that it filters nothing."""
    assert await listed(reader, ListMessagesRequest(statut="ACTIF"), statut=statut) == names


async def test_C8_the_page_is_that_of_the_request(reader: Reader) -> None:
    """Size, order and total are asked for by the request's pagination."""
    asked = Pagination(page_size=1, sort_order="desc", with_total=True)
    page = await page_of(LISTING, reader, ListMessagesRequest(pagination=asked))
    assert ([client.nom for client in page.rows], page.total, bool(page.next_token)) == (["Nouveau"], 2, True)


async def test_C3_an_instant_outside_the_calendar_is_refused(reader: Reader) -> None:
    """A Timestamp can hold years that no instant of ours can."""
    with pytest.raises(DateInvalide):
        await page_of(LISTING, reader, ListMessagesRequest(du=Timestamp(seconds=10**15)))
