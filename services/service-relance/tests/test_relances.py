"""RelanceService as its users call it."""

from datetime import date
from typing import Any

import grpc
import pytest
from crm.common.common_pb2 import Pagination
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from service_testing import Mesh, refused
from tests.rappels import planned

NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "INTROUVABLE")


def of(mesh: Mesh, org: str | None) -> RelanceServiceStub:
    """RelanceService as a user of *org* sees it."""
    return mesh.stub(RelanceServiceStub, organisation=org)


async def listed(stub: RelanceServiceStub, **filters: Any) -> list[str]:
    """Ids that a list answers, in its order."""
    return [relance.id for relance in (await stub.List(pb.ListRelancesRequest(**filters))).relances]


async def test_a_reminder_is_read_by_its_id(mesh: Mesh, org: str) -> None:
    """Get answers the planned fields and leaves those of the execution empty."""
    (relance_id,) = await planned(mesh, org, {"societe_id": "soc-1"})
    read = await of(mesh, org).Get(pb.GetRelanceRequest(id=relance_id))
    assert read == pb.Relance(
        id=relance_id,
        organisation_id=org,
        societe_id="soc-1",
        regle_id=read.regle_id,
        declencheur="NOUVEAU_CLIENT",
        client_id="client-123",
        date_prevue="2026-01-15",
        statut="PLANIFIEE",
        cle="cle-0",
        created_at=read.created_at,
        updated_at=read.created_at,
        version=1,
    )


async def test_a_reminder_of_another_organisation_does_not_exist(mesh: Mesh, org: str) -> None:
    """Get is NOT_FOUND for it, as for a malformed id, and List leaves it out."""
    (theirs,) = await planned(mesh, f"{org}-other", {})
    stub = of(mesh, org)
    answers = [await refused(stub.Get(pb.GetRelanceRequest(id=one))) for one in (theirs, "x")]
    assert (answers, await listed(stub)) == ([NOT_FOUND, NOT_FOUND], [])


async def test_a_caller_without_organisation_sees_an_empty_page(mesh: Mesh, org: str) -> None:
    """List answers no reminder and no error to a caller without organisation."""
    await planned(mesh, org, {})
    assert await listed(of(mesh, None)) == []


async def test_a_list_begins_with_what_comes_next(mesh: Mesh, org: str) -> None:
    """Lists are sorted by planned day, or by creation when that is asked for."""
    late, early = await planned(mesh, org, {"date_prevue": date(2026, 2, 2)}, {})
    stub = of(mesh, org)
    by_creation = Pagination(sort_by="created_at", sort_order="desc")
    assert await listed(stub) == [early, late]
    assert await listed(stub, pagination=Pagination(sort_order="desc")) == [late, early]
    assert await listed(stub, pagination=by_creation) == [early, late]


async def test_pages_hold_everything_once(mesh: Mesh, org: str) -> None:
    """Pages meet each reminder once, also those planned for one day."""
    ids, stub = await planned(mesh, org, {}, {}, {}), of(mesh, org)
    first = await stub.List(pb.ListRelancesRequest(pagination=Pagination(page_size=2, with_total=True)))
    token = first.pagination.next_page_token
    last = await stub.List(pb.ListRelancesRequest(pagination=Pagination(page_size=2, page_token=token)))
    assert [one.id for one in (*first.relances, *last.relances)] == ids
    assert (first.pagination.total, last.pagination.next_page_token) == (3, "")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"client_id": "client-456"}, [1]),
        ({"statut": "ANNULEE"}, [2]),
        ({"declencheur": "IMPAYE"}, [2]),
        ({"date_from": "2026-01-16"}, [1, 2]),
        ({"date_to": "2026-01-16"}, [0, 1]),
        ({"date_from": "2026-01-16", "date_to": "2026-01-16"}, [1]),
        ({"client_id": "client 456"}, []),
    ],
)
async def test_a_list_is_narrowed_by_client_status_trigger_and_days(
    mesh: Mesh, org: str, filters: dict[str, str], expected: list[int]
) -> None:
    """Filters narrow the list; both bounds of the days are included."""
    ids = await planned(
        mesh,
        org,
        {},
        {"client_id": "client-456", "date_prevue": date(2026, 1, 16)},
        {"statut": "ANNULEE", "declencheur": "IMPAYE", "date_prevue": date(2026, 1, 19)},
    )
    assert await listed(of(mesh, org), **filters) == [ids[position] for position in expected]


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"statut": "planifiee"}, "VALEUR_INCONNUE"),
        ({"declencheur": "AUTRE"}, "VALEUR_INCONNUE"),
        ({"date_from": "2026-02-30"}, "DATE_INVALIDE"),
        ({"date_to": "demain"}, "DATE_INVALIDE"),
        ({"pagination": Pagination(sort_by="cle")}, "PAGE_INVALIDE"),
    ],
)
async def test_filters_that_make_no_sense_are_refused(
    mesh: Mesh, org: str, filters: dict[str, Any], reason: str
) -> None:
    """Each unknown value, date or sort is INVALID_ARGUMENT with its reason."""
    call = of(mesh, org).List(pb.ListRelancesRequest(**filters))
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
