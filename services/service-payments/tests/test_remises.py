"""RemiseService: the remises of an organisation."""

import pytest
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import RemiseServiceStub
from grpc import StatusCode
from service_testing import refusal


@pytest.mark.parametrize(("nom", "reason"), [("  ", "CHAMP_REQUIS"), ("x" * 101, "TROP_LONG")])
async def test_R1_a_name_has_1_to_100_characters(remises: RemiseServiceStub, nom: str, reason: str) -> None:
    """The refusal names the field."""
    told = await refusal(remises.Create(pb.CreateRemiseRequest(nom=nom)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": "nom"})


async def test_R1_a_name_can_be_changed(remises: RemiseServiceStub, org: str) -> None:
    """What Create and Update answer is what Get finds."""
    former = await remises.Create(pb.CreateRemiseRequest(nom="  Élan "))
    changed = await remises.Update(pb.UpdateRemiseRequest(id=former.id, nom="Essor"))
    expected = pb.Remise(
        id=former.id,
        organisation_id=org,
        nom="Essor",
        created_at=former.created_at,
        updated_at=changed.updated_at,
        version=2,
    )
    assert former.nom == "Élan"
    assert expected == changed == await remises.Get(pb.GetRemiseRequest(id=former.id))


async def test_R2_a_list_is_sorted_and_searched_by_name(remises: RemiseServiceStub) -> None:
    """Without case and accents."""
    for nom in ("Fanny", "Élan", "Devis"):
        await remises.Create(pb.CreateRemiseRequest(nom=nom))
    listed = await remises.List(pb.ListRemisesRequest())
    assert [remise.nom for remise in listed.remises] == ["Devis", "Élan", "Fanny"]
    searched = await remises.List(pb.ListRemisesRequest(search="elan"))
    assert [remise.nom for remise in searched.remises] == ["Élan"]


async def test_R3_a_deleted_remise_is_gone(remises: RemiseServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    remise = await remises.Create(pb.CreateRemiseRequest(nom="Élan"))
    deletions = [await remises.Delete(pb.DeleteRemiseRequest(id=remise.id)) for _ in range(2)]
    assert [deletion.success for deletion in deletions] == [True, False]
    assert (await refusal(remises.Get(pb.GetRemiseRequest(id=remise.id)))).code == StatusCode.NOT_FOUND
    assert not (await remises.List(pb.ListRemisesRequest())).remises
