"""GammeService: ranges of products."""

from crm.common.common_pb2 import Pagination
from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GammeServiceStub
from grpc import StatusCode
from service_testing import refusal


async def test_R1_a_gamme_has_a_code_of_its_own(
    gammes: GammeServiceStub, foreign_gammes: GammeServiceStub, org: str
) -> None:
    """Within its organisation, whatever its case; an Update keeps it."""
    habitat = await gammes.Create(
        pb.CreateGammeRequest(code="habitat", nom="Habitat", icone="maison", ordre=2)
    )
    again = await refusal(gammes.Create(pb.CreateGammeRequest(code="HABITAT", nom="Autre")))
    assert (again.code, again.reason) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert again.metadata == {"contrainte": "uq_gamme_code", "id": habitat.id}
    await foreign_gammes.Create(pb.CreateGammeRequest(code="habitat", nom="Habitat"))
    changed = await gammes.Update(
        pb.UpdateGammeRequest(
            id=habitat.id, nom="Maison", icone="", description="Toits", ordre=1, actif=False
        )
    )
    expected = pb.Gamme(
        id=habitat.id,
        organisation_id=org,
        code="HABITAT",
        nom="Maison",
        description="Toits",
        ordre=1,
        actif=False,
        created_at=habitat.created_at,
        updated_at=changed.updated_at,
        version=2,
    )
    assert expected == changed
    assert list((await gammes.List(pb.ListGammesRequest())).gammes) == [expected]


async def test_R3_gammes_come_in_their_order(gammes: GammeServiceStub) -> None:
    """Or by name; those that are switched off can be left out."""
    for code, nom, ordre in (("a", "Zèbre", 1), ("b", "écureuil", 3), ("c", "Daim", 2)):
        await gammes.Create(pb.CreateGammeRequest(code=code, nom=nom, ordre=ordre))
    listed = (await gammes.List(pb.ListGammesRequest())).gammes
    assert [gamme.nom for gamme in listed] == ["Zèbre", "Daim", "écureuil"]
    by_name = await gammes.List(pb.ListGammesRequest(pagination=Pagination(sort_by="nom")))
    assert [gamme.nom for gamme in by_name.gammes] == ["Daim", "écureuil", "Zèbre"]
    await gammes.Update(pb.UpdateGammeRequest(id=listed[0].id, actif=False))
    for actif, noms in ((True, ["Daim", "écureuil"]), (False, ["Zèbre"])):
        answer = await gammes.List(pb.ListGammesRequest(actif=actif))
        assert [gamme.nom for gamme in answer.gammes] == noms
