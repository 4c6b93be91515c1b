"""Who manages whom, and who is therefore not deleted (R5, R7)."""

import asyncio

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import refusal
from service_testing.refusals import read
from tests.equipe import UNKNOWN, New

CYCLE = (StatusCode.FAILED_PRECONDITION, "CYCLE", {"champ": "manager_id"})


def under(apporteur: pb.Apporteur, manager: pb.Apporteur) -> pb.UpdateApporteurRequest:
    """Request that puts *apporteur* under *manager*."""
    return pb.UpdateApporteurRequest(id=apporteur.id, manager_id=manager.id)


async def test_R05_a_manager_is_an_apporteur_of_the_organisation(
    apporteurs: ApporteurServiceStub, foreign_apporteurs: ApporteurServiceStub, new: New
) -> None:
    """An unknown, a malformed and a foreign manager are refused alike, in Create and in Update."""
    foreign = await foreign_apporteurs.Create(pb.CreateApporteurRequest(nom="Autre", prenom="Luc"))
    made = await new("Martin")
    for manager_id in (UNKNOWN, "x", foreign.id):
        for call in (
            new("Petit", manager_id=manager_id),
            apporteurs.Update(pb.UpdateApporteurRequest(id=made.id, manager_id=manager_id)),
        ):
            answer = await refusal(call)
            assert (answer.code, answer.reason, answer.metadata) == (
                StatusCode.FAILED_PRECONDITION,
                "REFERENCE_INCONNUE",
                {"champ": "manager_id"},
            )


async def test_R05_a_manager_is_active(apporteurs: ApporteurServiceStub, new: New) -> None:
    """An inactive apporteur gets nobody to manage, and keeps those whom he manages."""
    boss = await new("Chef")
    made = await new("Martin", manager_id=boss.id)
    await apporteurs.Desactiver(pb.DesactiverApporteurRequest(id=boss.id))
    answer = await refusal(new("Petit", manager_id=boss.id))
    assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "MANAGER_INACTIF")
    request = under(made, boss)
    request.telephone = "01 40 00 00 00"
    kept = await apporteurs.Update(request)
    assert (kept.manager_id, kept.telephone) == (boss.id, request.telephone)


@pytest.mark.parametrize("length", [1, 2, 4])
async def test_R05_nobody_manages_himself(apporteurs: ApporteurServiceStub, new: New, length: int) -> None:
    """A cycle of any length is refused, and nothing is changed."""
    chain = [await new("Un")]
    for number in range(1, length):
        chain.append(await new(f"Suivant {number}", manager_id=chain[-1].id))
    answer = await refusal(apporteurs.Update(under(chain[0], chain[-1])))
    assert (answer.code, answer.reason, answer.metadata) == CYCLE
    assert chain[0] == await apporteurs.Get(pb.GetApporteurRequest(id=chain[0].id))


async def test_R05_a_manager_can_be_taken_away(apporteurs: ApporteurServiceStub, new: New) -> None:
    """Somebody without a manager may manage his former one."""
    boss = await new("Chef")
    made = await new("Martin", manager_id=boss.id)
    free = await apporteurs.Update(pb.UpdateApporteurRequest(id=made.id, manager_id=""))
    turned = await apporteurs.Update(under(boss, made))
    assert (free.manager_id, turned.manager_id) == ("", made.id)


@pytest.mark.parametrize("attempt", range(5))
async def test_R05_two_changes_at_once_close_no_cycle(
    apporteurs: ApporteurServiceStub, new: New, attempt: int
) -> None:
    """Of A under B and B under A at once, one is refused."""
    a, b = await new("A"), await new("B")
    changes = (apporteurs.Update(under(a, b)), apporteurs.Update(under(b, a)))
    answers = await asyncio.gather(*changes, return_exceptions=True)
    assert [read(one).reason for one in answers if isinstance(one, AioRpcError)] == ["CYCLE"]


async def test_R07_a_manager_is_not_deleted(apporteurs: ApporteurServiceStub, new: New) -> None:
    """A manager can be deleted once he manages nobody; his name is free then."""
    boss = await new("Chef")
    made = await new("Martin", manager_id=boss.id)
    answer = await refusal(apporteurs.Delete(pb.DeleteApporteurRequest(id=boss.id)))
    assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    for one in (made, boss):
        assert (await apporteurs.Delete(pb.DeleteApporteurRequest(id=one.id))).success
    assert (await new("Chef")).id != boss.id


@pytest.mark.parametrize("attempt", range(5))
async def test_R07_nobody_is_left_with_a_deleted_manager(
    apporteurs: ApporteurServiceStub, new: New, attempt: int
) -> None:
    """Of a deletion and a new subordinate at once, one is refused."""
    boss = await new("Chef")
    answers = await asyncio.gather(
        new("Martin", manager_id=boss.id),
        apporteurs.Delete(pb.DeleteApporteurRequest(id=boss.id)),
        return_exceptions=True,
    )
    (refused,) = [read(one).reason for one in answers if isinstance(one, AioRpcError)]
    managed = (await apporteurs.List(pb.ListApporteursRequest(manager_id=boss.id))).apporteurs
    assert refused == ("ENCORE_UTILISE" if managed else "REFERENCE_INCONNUE")
