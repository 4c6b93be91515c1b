"""BordereauService: the bordereaux of an organisation."""

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub
from grpc import StatusCode
from service_testing import refusal


@pytest.mark.parametrize(("nom", "reason"), [("  ", "CHAMP_REQUIS"), ("x" * 101, "TROP_LONG")])
async def test_R1_a_name_has_1_to_100_characters(
    bordereaux: BordereauServiceStub, nom: str, reason: str
) -> None:
    """The refusal names the field."""
    told = await refusal(bordereaux.Create(pb.CreateBordereauRequest(nom=nom)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": "nom"})


async def test_R1_a_name_can_be_changed(bordereaux: BordereauServiceStub, org: str) -> None:
    """What Create and Update answer is what Get finds."""
    former = await bordereaux.Create(pb.CreateBordereauRequest(nom="  Élan "))
    changed = await bordereaux.Update(pb.UpdateBordereauRequest(id=former.id, nom="Essor"))
    expected = pb.Bordereau(
        id=former.id,
        organisation_id=org,
        nom="Essor",
        created_at=former.created_at,
        updated_at=changed.updated_at,
        version=2,
    )
    assert former.nom == "Élan"
    assert expected == changed == await bordereaux.Get(pb.GetBordereauRequest(id=former.id))


async def test_R2_a_list_is_sorted_and_searched_by_name(bordereaux: BordereauServiceStub) -> None:
    """Without case and accents."""
    for nom in ("Fanny", "Élan", "Devis"):
        await bordereaux.Create(pb.CreateBordereauRequest(nom=nom))
    listed = await bordereaux.List(pb.ListBordereauxRequest())
    assert [bordereau.nom for bordereau in listed.bordereaux] == ["Devis", "Élan", "Fanny"]
    searched = await bordereaux.List(pb.ListBordereauxRequest(search="elan"))
    assert [bordereau.nom for bordereau in searched.bordereaux] == ["Élan"]


async def test_R3_a_deleted_bordereau_is_gone(bordereaux: BordereauServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    bordereau = await bordereaux.Create(pb.CreateBordereauRequest(nom="Élan"))
    deletions = [await bordereaux.Delete(pb.DeleteBordereauRequest(id=bordereau.id)) for _ in range(2)]
    assert [deletion.success for deletion in deletions] == [True, False]
    assert (
        await refusal(bordereaux.Get(pb.GetBordereauRequest(id=bordereau.id)))
    ).code == StatusCode.NOT_FOUND
    assert not (await bordereaux.List(pb.ListBordereauxRequest())).bordereaux
