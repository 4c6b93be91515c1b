"""TacheService: new tasks, changes, keys, lists (R7, R11, R16, R18, R19)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TacheServiceStub
from crm.common.common_pb2 import Pagination
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, pages, refusal, refused
from tests.requetes import new_tache

NINE = datetime(2026, 3, 27, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNKNOWN = (StatusCode.NOT_FOUND, "INTROUVABLE")
REUSED = (StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


def update(tache: pb.Tache, **fields: Any) -> pb.UpdateTacheRequest:
    """Request that changes *fields* of *tache*."""
    return pb.UpdateTacheRequest(id=tache.id, **fields)


def nested(depth: int) -> Struct:
    """So many objects within each other."""
    content: dict[str, Any] = {}
    for _ in range(depth - 1):
        content = {"a": content}
    metadata = Struct()
    metadata.update(content)
    return metadata


async def titles(taches: TacheServiceStub, **asked: Any) -> list[str]:
    """The titles of the tasks that a list of the organisation has, on all of its pages."""
    walked = pages(taches.List, pb.ListTachesRequest(**asked))
    return [tache.titre async for page in walked for tache in page.taches]


async def test_R07_a_task_begins_with_its_defaults(mesh: Mesh, org: str) -> None:
    """Create, Get and List answer alike; who made it is the caller."""
    taches = mesh.stub(TacheServiceStub, organisation=org, user="marie")
    made = await taches.Create(new_tache())
    expected = pb.Tache(
        id=made.id,
        organisation_id=org,
        titre="Rappeler",
        type="autre",
        priorite="normale",
        statut="a_faire",
        cree_par="marie",
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
    )
    listed = (await taches.List(pb.ListTachesRequest())).taches
    assert [expected] * 3 == [made, await taches.Get(pb.GetTacheRequest(id=made.id)), *listed]


async def test_R07_a_service_makes_tasks_in_its_own_name(mesh: Mesh, org: str) -> None:
    """All fields are kept; one that is due in the past is late at once."""
    service = mesh.service_stub(TacheServiceStub, caller="notifications", organisation=org)
    metadata = Struct()
    metadata.update({"relance": {"rang": 2, "taux": 0.5}, "notes": ["a", None, True]})
    asked: dict[str, Any] = {
        "description": "Facture impayée\n\N{FAMILY}",
        "type": "relance",
        "priorite": "urgente",
        "date_echeance": NINE,
        "client_id": "client-1",
        "contrat_id": "contrat-1",
        "facture_id": "facture-1",
        "regle_relance_id": "regle-1",
        "metadata": metadata,
        "cle_idempotence": "relance:1",
    }
    made = await service.Create(pb.CreateTacheRequest(titre="Relancer", **asked))
    expected = pb.Tache(
        id=made.id,
        organisation_id=org,
        titre="Relancer",
        statut="a_faire",
        cree_par="service:notifications",
        en_retard=True,
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
        **asked,
    )
    assert expected == made


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"titre": ""}, "CHAMP_REQUIS", "titre"),
        ({"titre": "x" * 256}, "TROP_LONG", "titre"),
        ({"description": "x" * 10_001}, "TROP_LONG", "description"),
        ({"type": "Relance"}, "VALEUR_INCONNUE", "type"),
        ({"priorite": "moyenne"}, "VALEUR_INCONNUE", "priorite"),
        ({"assigne_a": "a b"}, "FORMAT_INVALIDE", "assigne_a"),
        ({"facture_id": "x" * 65}, "FORMAT_INVALIDE", "facture_id"),
        ({"regle_relance_id": "-"}, "FORMAT_INVALIDE", "regle_relance_id"),
        ({"cle_idempotence": "k" * 129}, "TROP_LONG", "cle_idempotence"),
        ({"metadata": {"a": "x" * 8192}}, "TROP_LONG", "metadata"),
        ({"metadata": {"a": float("nan")}}, "FORMAT_INVALIDE", "metadata"),
        ({"metadata": {"a": [float("inf")]}}, "FORMAT_INVALIDE", "metadata"),
        ({"metadata": nested(11)}, "FORMAT_INVALIDE", "metadata"),
    ],
)
async def test_R07_a_refusal_names_the_field(
    taches: TacheServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """Every one is INVALID_ARGUMENT, and nothing is stored."""
    answer = await refusal(taches.Create(pb.CreateTacheRequest(**({"titre": "Rappeler"} | fields))))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert await titles(taches) == []


async def test_R07_the_deepest_metadata_is_stored(taches: TacheServiceStub) -> None:
    """Ten objects within each other, and a title of 255 characters."""
    made = await taches.Create(new_tache("é" * 255, metadata=nested(10)))
    assert (made.metadata, len(made.titre)) == (nested(10), 255)


async def test_R11_an_update_changes_all_but_the_statut(taches: TacheServiceStub) -> None:
    """What is present and empty is cleared; the metadata are replaced as a whole."""
    made = await taches.Create(new_tache(due=NINE, client_id="client-1", metadata=nested(2)))
    fields: dict[str, Any] = {"description": "Demain", "type": "suivi", "priorite": "haute"}
    changed = await taches.Update(
        update(made, date_echeance=Timestamp(), client_id="", metadata=nested(1), **fields)
    )
    expected = pb.Tache(
        id=made.id,
        organisation_id=made.organisation_id,
        titre="Rappeler",
        statut="a_faire",
        cree_par=made.cree_par,
        created_at=made.created_at,
        updated_at=changed.updated_at,
        version=2,
        **fields,
    )
    assert expected == changed == await taches.Get(pb.GetTacheRequest(id=made.id))


@pytest.mark.parametrize("field", ["titre", "type", "priorite"])
async def test_R11_a_task_keeps_what_it_needs(taches: TacheServiceStub, field: str) -> None:
    """An Update that would clear it is CHAMP_REQUIS."""
    made = await taches.Create(new_tache())
    answer = await refusal(taches.Update(update(made, **{field: ""})))
    assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": field})


async def test_R11_the_same_metadata_are_no_change(taches: TacheServiceStub) -> None:
    """The version stays."""
    metadata = Struct()
    metadata.update({"rang": 2, "taux": 0.5})
    made = await taches.Create(new_tache(metadata=metadata))
    assert (await taches.Update(update(made, metadata=metadata))).version == 1


async def test_R11_a_closed_task_is_not_changed(taches: TacheServiceStub) -> None:
    """Neither one that is terminee nor one that is annulee, until it is open again."""
    made, other = await taches.Create(new_tache()), await taches.Create(new_tache())
    await taches.MarquerTerminee(pb.MarquerTermineeRequest(id=made.id))
    await taches.MarquerAnnulee(pb.MarquerAnnuleeRequest(id=other.id))
    for tache in (made, other):
        answer = await refused(taches.Update(update(tache, titre="Autre")))
        assert answer == (StatusCode.FAILED_PRECONDITION, "TACHE_CLOSE")
    await taches.MarquerEnCours(pb.MarquerEnCoursRequest(id=made.id))
    assert (await taches.Update(update(made, titre="Autre"))).titre == "Autre"


async def test_R16_a_key_makes_one_task(taches: TacheServiceStub) -> None:
    """The same content is answered with the task as it is now; other content is refused."""
    asked = new_tache(cle_idempotence="k", metadata=nested(3))
    made = await asyncio.gather(*(taches.Create(asked) for _ in range(5)))
    assert {one.id for one in made} == {made[0].id}
    changed = await taches.Update(update(made[0], titre="Rappeler demain"))
    assert await taches.Create(asked) == changed
    for other in (new_tache("Autre", cle_idempotence="k"), new_tache(cle_idempotence="k")):
        assert await refused(taches.Create(other)) == REUSED
    assert await titles(taches) == ["Rappeler demain"]


async def test_R16_a_key_belongs_to_its_organisation(mesh: Mesh, org: str, taches: TacheServiceStub) -> None:
    """Another organisation makes a task of its own under it."""
    asked = new_tache(cle_idempotence="k")
    other = mesh.stub(TacheServiceStub, organisation=f"{org}-autre")
    assert (await taches.Create(asked)).id != (await other.Create(asked)).id


async def test_R19_a_deleted_task_is_gone_and_its_key_is_free(taches: TacheServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    made = await taches.Create(new_tache(cle_idempotence="k"))
    deletions = [await taches.Delete(pb.DeleteTacheRequest(id=made.id)) for _ in range(2)]
    assert [one.success for one in deletions] == [True, False]
    assert await refused(taches.Get(pb.GetTacheRequest(id=made.id))) == UNKNOWN
    assert (await taches.Create(new_tache("Autre", cle_idempotence="k"))).titre == "Autre"


@pytest.mark.parametrize("order", ["", "desc"])
async def test_R18_priorities_have_their_order(taches: TacheServiceStub, order: str) -> None:
    """The urgent ones first, or last, on whatever page; a change counts at once."""
    for priorite in ("normale", "urgente", "basse", "basse"):
        await taches.Create(new_tache(priorite, priorite=priorite))
    changed = (await taches.List(pb.ListTachesRequest(priorite="basse"))).taches[0]
    await taches.Update(update(changed, titre="haute", priorite="haute"))
    by_priority = Pagination(page_size=1, sort_by="priorite", sort_order=order)
    expected = ["urgente", "haute", "normale", "basse"]
    assert await titles(taches, pagination=by_priority) == expected
    by_priority = Pagination(page_size=1, sort_by="priorite", sort_order="asc")
    assert await titles(taches, pagination=by_priority) == expected[::-1]


async def test_R18_tasks_without_a_due_date_come_last(taches: TacheServiceStub) -> None:
    """Unless another sort is asked for."""
    for titre, due in (("jamais", None), ("tard", NINE + HOUR), ("tôt", NINE)):
        await taches.Create(new_tache(titre, due))
    assert await titles(taches, pagination=Pagination(page_size=1)) == ["tôt", "tard", "jamais"]
    assert await titles(taches, pagination=Pagination(sort_by="created_at")) == ["jamais", "tard", "tôt"]


async def test_R18_filters_and_searches(taches: TacheServiceStub) -> None:
    """By each field; by words of the title and of the end of the description."""
    fields: dict[str, Any] = {"type": "rappel", "priorite": "haute", "assigne_a": "paul"}
    fields |= {"client_id": "c", "contrat_id": "k", "facture_id": "f"}
    await taches.Create(new_tache("Élan", description="mot " * 2_400 + "Œuvre", **fields))
    await taches.Create(new_tache("Devis"))
    for field, value in (fields | {"search": "oeuvre elan"}).items():
        assert (field, await titles(taches, **{field: value})) == (field, ["Élan"])
    assert await titles(taches, statut="a_faire") == ["Élan", "Devis"]
    assert await titles(taches, statut="en_cours") == []
    answer = await refusal(taches.List(pb.ListTachesRequest(priorite="moyenne")))
    assert (answer.reason, answer.metadata) == ("VALEUR_INCONNUE", {"champ": "priorite"})


async def test_an_instant_is_kept_to_the_microsecond(taches: TacheServiceStub) -> None:
    """At the ends of the calendar, too."""
    for due in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)):
        made = await taches.Create(new_tache(due=due))
        assert made.date_echeance == timestamp(due)
