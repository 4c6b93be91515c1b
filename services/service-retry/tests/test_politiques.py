"""PolitiqueService: the politiques of an organisation."""

import pytest
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import PolitiqueServiceStub
from grpc import StatusCode
from service_testing import refusal


@pytest.mark.parametrize(("nom", "reason"), [("  ", "CHAMP_REQUIS"), ("x" * 101, "TROP_LONG")])
async def test_R1_a_name_has_1_to_100_characters(
    politiques: PolitiqueServiceStub, nom: str, reason: str
) -> None:
    """The refusal names the field."""
    told = await refusal(politiques.Create(pb.CreatePolitiqueRequest(nom=nom)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": "nom"})


async def test_R1_a_name_can_be_changed(politiques: PolitiqueServiceStub, org: str) -> None:
    """What Create and Update answer is what Get finds."""
    former = await politiques.Create(pb.CreatePolitiqueRequest(nom="  Élan "))
    changed = await politiques.Update(pb.UpdatePolitiqueRequest(id=former.id, nom="Essor"))
    expected = pb.Politique(
        id=former.id,
        organisation_id=org,
        nom="Essor",
        created_at=former.created_at,
        updated_at=changed.updated_at,
        version=2,
    )
    assert former.nom == "Élan"
    assert expected == changed == await politiques.Get(pb.GetPolitiqueRequest(id=former.id))


async def test_R2_a_list_is_sorted_and_searched_by_name(politiques: PolitiqueServiceStub) -> None:
    """Without case and accents."""
    for nom in ("Fanny", "Élan", "Devis"):
        await politiques.Create(pb.CreatePolitiqueRequest(nom=nom))
    listed = await politiques.List(pb.ListPolitiquesRequest())
    assert [politique.nom for politique in listed.politiques] == ["Devis", "Élan", "Fanny"]
    searched = await politiques.List(pb.ListPolitiquesRequest(search="elan"))
    assert [politique.nom for politique in searched.politiques] == ["Élan"]


async def test_R3_a_deleted_politique_is_gone(politiques: PolitiqueServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    politique = await politiques.Create(pb.CreatePolitiqueRequest(nom="Élan"))
    deletions = [await politiques.Delete(pb.DeletePolitiqueRequest(id=politique.id)) for _ in range(2)]
    assert [deletion.success for deletion in deletions] == [True, False]
    assert (
        await refusal(politiques.Get(pb.GetPolitiqueRequest(id=politique.id)))
    ).code == StatusCode.NOT_FOUND
    assert not (await politiques.List(pb.ListPolitiquesRequest())).politiques
