"""ActiviteService: what an activity needs, when it took place, lists (R4, R5, R6, R19)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import ActiviteServiceStub, TypeActiviteServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc_utils import timestamp
from service_testing import Mesh, refusal, refused
from tests.requetes import new_activite, new_type

NINE = datetime(2026, 3, 27, 9, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
UNKNOWN = (StatusCode.NOT_FOUND, "INTROUVABLE")


async def subjects(activites: ActiviteServiceStub, **asked: Any) -> list[str]:
    """The subjects of the activities that a list of the organisation has."""
    return [one.sujet for one in (await activites.List(pb.ListActivitesRequest(**asked))).activites]


def update(activite: pb.Activite, **fields: Any) -> pb.UpdateActiviteRequest:
    """Request that changes *fields* of *activite*."""
    return pb.UpdateActiviteRequest(id=activite.id, **fields)


async def test_R04_an_activity_is_answered_with_its_type(
    mesh: Mesh, org: str, types: TypeActiviteServiceStub
) -> None:
    """Create, Get and List answer alike; the author is the caller."""
    activites = mesh.stub(ActiviteServiceStub, organisation=org, user="marie")
    appel = await types.Get(pb.GetTypeActiviteRequest(code="APPEL"))
    asked: dict[str, Any] = {
        "commentaire": "Rappeler\nlundi",
        "contrat_id": "contrat-7",
        "client_partenaire_id": "p-1",
        "date_activite": NINE,
        "echeance": NINE + HOUR,
    }
    made = await activites.Create(new_activite(type_code="appel", **asked))
    expected = pb.Activite(
        id=made.id,
        organisation_id=org,
        type_id=appel.id,
        type_code="APPEL",
        type_nom="Appel",
        sujet="Premier appel",
        client_base_id="client-123",
        auteur_id="marie",
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
        **asked,
    )
    listed = (await activites.List(pb.ListActivitesRequest())).activites
    assert [expected] * 3 == [made, await activites.Get(pb.GetActiviteRequest(id=made.id)), *listed]


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"type_code": ""}, "CHAMP_REQUIS", "type_code"),
        ({"type_id": "x", "type_code": "APPEL"}, "DESIGNATION_AMBIGUE", "type_code"),
        ({"sujet": " "}, "CHAMP_REQUIS", "sujet"),
        ({"sujet": "x" * 256}, "TROP_LONG", "sujet"),
        ({"commentaire": "x" * 10_001}, "TROP_LONG", "commentaire"),
        ({"client_base_id": ""}, "RATTACHEMENT_REQUIS", None),
        ({"client_base_id": "-1"}, "FORMAT_INVALIDE", "client_base_id"),
        ({"contrat_id": "x" * 65}, "FORMAT_INVALIDE", "contrat_id"),
        ({"date_activite": NINE, "echeance": NINE - MICRO}, "ECHEANCE_ANTERIEURE", "echeance"),
        ({"date_activite": Timestamp(seconds=10**12)}, "DATE_INVALIDE", None),
    ],
)
async def test_R04_R05_a_refusal_names_the_field(
    activites: ActiviteServiceStub, fields: dict[str, Any], reason: str, champ: str | None
) -> None:
    """Every one is INVALID_ARGUMENT, and nothing is stored."""
    answer = await refusal(activites.Create(new_activite(**fields)))
    assert (answer.code, answer.reason, answer.metadata.get("champ")) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        champ,
    )
    assert await subjects(activites) == []


async def test_R04_the_longest_texts_are_stored(activites: ActiviteServiceStub) -> None:
    """A subject of 255 characters and a comment of 10,000."""
    made = await activites.Create(new_activite(sujet="é" * 255, commentaire="œ" * 10_000))
    assert (len(made.sujet), len(made.commentaire)) == (255, 10_000)


async def test_R04_the_type_of_others_is_not_found(
    activites: ActiviteServiceStub, foreign_types: TypeActiviteServiceStub
) -> None:
    """Neither by its id nor by its code, for a new activity or another one."""
    foreign, made = await foreign_types.Create(new_type()), await activites.Create(new_activite())
    for fields in ({"type_id": foreign.id}, {"type_code": "VISITE"}, {"type_id": "x"}):
        assert await refused(activites.Create(new_activite(**fields))) == UNKNOWN
    assert await refused(activites.Update(update(made, type_id=foreign.id))) == UNKNOWN


@pytest.mark.parametrize("field", ["client_base_id", "contrat_id", "client_partenaire_id"])
async def test_R04_one_of_three_is_enough(activites: ActiviteServiceStub, field: str) -> None:
    """A client, a contract or a partner of a client."""
    made = await activites.Create(new_activite(**({"client_base_id": ""} | {field: "ext|7"})))
    assert getattr(made, field) == "ext|7"


async def test_R04_an_update_may_give_another_type(
    activites: ActiviteServiceStub, types: TypeActiviteServiceStub
) -> None:
    """The answer has the code and the name of the new one."""
    made, visite = await activites.Create(new_activite()), await types.Create(new_type())
    changed = await activites.Update(update(made, type_id=visite.id, sujet="Sur place"))
    assert (changed.type_code, changed.type_nom, changed.sujet) == ("VISITE", "Visite", "Sur place")
    empty = await refusal(activites.Update(update(made, type_id="")))
    assert (empty.reason, empty.metadata) == ("CHAMP_REQUIS", {"champ": "type_id"})


async def test_R05_an_activity_is_of_now_unless_it_says_otherwise(mesh: Mesh, org: str) -> None:
    """A service is named as the author of what it notes."""
    with clock.frozen_at(NINE):
        service = mesh.service_stub(ActiviteServiceStub, caller="notifications", organisation=org)
        made = await service.Create(new_activite())
    assert (made.date_activite, made.auteur_id) == (timestamp(NINE), "service:notifications")


async def test_R05_an_activity_may_be_planned_and_due_at_once(activites: ActiviteServiceStub) -> None:
    """A meeting of the next century, whose follow-up is due at its own instant."""
    far = datetime(2126, 1, 1, tzinfo=UTC)
    made = await activites.Create(new_activite(date_activite=far, echeance=far))
    assert made.date_activite == made.echeance == timestamp(far)


async def test_R05_an_update_is_compared_with_what_stays(activites: ActiviteServiceStub) -> None:
    """Either instant alone may not pass the other."""
    made = await activites.Create(new_activite(date_activite=NINE, echeance=NINE + HOUR))
    for fields in ({"date_activite": NINE + 2 * HOUR}, {"echeance": NINE - MICRO}):
        answer = await refused(activites.Update(update(made, **fields)))
        assert answer == (StatusCode.INVALID_ARGUMENT, "ECHEANCE_ANTERIEURE")
    moved = await activites.Update(update(made, date_activite=NINE + HOUR))
    assert moved.date_activite == moved.echeance == timestamp(NINE + HOUR)


async def test_R05_an_empty_instant_removes_what_may_be_missing(activites: ActiviteServiceStub) -> None:
    """An activity always has its own date."""
    made = await activites.Create(new_activite(date_activite=NINE, echeance=NINE))
    changed = await activites.Update(update(made, echeance=Timestamp(), commentaire=""))
    assert (changed.HasField("echeance"), changed.version) == (False, 2)
    answer = await refusal(activites.Update(update(made, date_activite=Timestamp())))
    assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": "date_activite"})


async def test_R06_both_ends_are_included(activites: ActiviteServiceStub) -> None:
    """To the microsecond; the latest activity comes first."""
    instants = {"avant": NINE - MICRO, "a": NINE, "b": NINE + HOUR, "apres": NINE + HOUR + MICRO}
    for sujet, instant in instants.items():
        await activites.Create(new_activite(sujet=sujet, date_activite=instant))
    assert await subjects(activites, du=NINE, au=NINE + HOUR) == ["b", "a"]
    assert await subjects(activites, du=NINE, au=NINE) == ["a"]
    assert await subjects(activites, du=NINE) == ["apres", "b", "a"]
    answer = await refused(
        activites.List(pb.ListActivitesRequest(du=timestamp(NINE + MICRO), au=timestamp(NINE)))
    )
    assert answer == (StatusCode.INVALID_ARGUMENT, "PERIODE_INVALIDE")


async def test_R06_filters_and_searches(
    activites: ActiviteServiceStub, types: TypeActiviteServiceStub
) -> None:
    """By type, client and contract; by words of the subject and of the end of the comment."""
    appel = await types.Get(pb.GetTypeActiviteRequest(code="APPEL"))
    await activites.Create(new_activite(sujet="Élan", contrat_id="c-1", commentaire="mot " * 2_400 + "Œuvre"))
    await activites.Create(new_activite(sujet="Devis", type_code="NOTE", client_base_id="client-9"))
    assert await subjects(activites, type_id=appel.id) == ["Élan"]
    assert await subjects(activites, type_id="x") == []
    assert await subjects(activites, client_base_id="client-9") == ["Devis"]
    assert await subjects(activites, contrat_id="c-1", client_base_id="client-9") == []
    assert await subjects(activites, search="oeuvre elan") == ["Élan"]


async def test_R06_activities_without_a_deadline_come_last(activites: ActiviteServiceStub) -> None:
    """In the order of `echeance`; the other direction is the reverse."""
    for sujet, echeance in (("sans", None), ("tard", NINE + HOUR), ("tôt", NINE)):
        await activites.Create(new_activite(sujet=sujet, date_activite=NINE, echeance=echeance))
    for order, expected in (("", ["tôt", "tard", "sans"]), ("desc", ["sans", "tard", "tôt"])):
        page = Pagination(sort_by="echeance", sort_order=order)
        assert await subjects(activites, pagination=page) == expected


async def test_R19_a_deleted_activity_is_gone(activites: ActiviteServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    made = await activites.Create(new_activite())
    deletions = [await activites.Delete(pb.DeleteActiviteRequest(id=made.id)) for _ in range(2)]
    assert [one.success for one in deletions] == [True, False]
    assert await refused(activites.Get(pb.GetActiviteRequest(id=made.id))) == UNKNOWN
