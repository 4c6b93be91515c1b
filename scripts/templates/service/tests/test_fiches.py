"""FicheService: the fiches of an organisation."""

import pytest
from crm.registre import registre_pb2 as pb
from crm.registre.registre_pb2_grpc import FicheServiceStub
from grpc import StatusCode
from service_testing import refusal


@pytest.mark.parametrize(("nom", "reason"), [("  ", "CHAMP_REQUIS"), ("x" * 101, "TROP_LONG")])
async def test_R1_a_name_has_1_to_100_characters(fiches: FicheServiceStub, nom: str, reason: str) -> None:
    """The refusal names the field."""
    told = await refusal(fiches.Create(pb.CreateFicheRequest(nom=nom)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": "nom"})


async def test_R1_a_name_can_be_changed(fiches: FicheServiceStub, org: str) -> None:
    """What Create and Update answer is what Get finds."""
    former = await fiches.Create(pb.CreateFicheRequest(nom="  Élan "))
    changed = await fiches.Update(pb.UpdateFicheRequest(id=former.id, nom="Essor"))
    expected = pb.Fiche(
        id=former.id,
        organisation_id=org,
        nom="Essor",
        created_at=former.created_at,
        updated_at=changed.updated_at,
        version=2,
    )
    assert former.nom == "Élan"
    assert expected == changed == await fiches.Get(pb.GetFicheRequest(id=former.id))


async def test_R2_a_list_is_sorted_and_searched_by_name(fiches: FicheServiceStub) -> None:
    """Without case and accents."""
    for nom in ("Fanny", "Élan", "Devis"):
        await fiches.Create(pb.CreateFicheRequest(nom=nom))
    listed = await fiches.List(pb.ListFichesRequest())
    assert [fiche.nom for fiche in listed.fiches] == ["Devis", "Élan", "Fanny"]
    searched = await fiches.List(pb.ListFichesRequest(search="elan"))
    assert [fiche.nom for fiche in searched.fiches] == ["Élan"]


async def test_R3_a_deleted_fiche_is_gone(fiches: FicheServiceStub) -> None:
    """A second Delete finds nothing to delete."""
    fiche = await fiches.Create(pb.CreateFicheRequest(nom="Élan"))
    deletions = [await fiches.Delete(pb.DeleteFicheRequest(id=fiche.id)) for _ in range(2)]
    assert [deletion.success for deletion in deletions] == [True, False]
    assert (await refusal(fiches.Get(pb.GetFicheRequest(id=fiche.id)))).code == StatusCode.NOT_FOUND
    assert not (await fiches.List(pb.ListFichesRequest())).fiches
