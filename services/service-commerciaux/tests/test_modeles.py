"""ModeleDistributionService: codes, and models in use (R8)."""

import asyncio

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub, ModeleDistributionServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import refusal
from service_testing.refusals import read
from tests.equipe import UNKNOWN, New


@pytest.fixture
async def reseau(modeles: ModeleDistributionServiceStub) -> pb.ModeleDistribution:
    """Model of the organisation."""
    return await modeles.Create(pb.CreateModeleDistributionRequest(code="reseau-1", nom="Réseau"))


async def test_R08_a_code_is_stored_in_capitals_and_occurs_once(
    modeles: ModeleDistributionServiceStub, reseau: pb.ModeleDistribution
) -> None:
    """A second model of the code is refused with the id of the first."""
    assert reseau.code == "RESEAU-1"
    request = pb.CreateModeleDistributionRequest(code="Reseau-1", nom="Autre")
    answer = await refusal(modeles.Create(request))
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_modele_distribution_code", "id": reseau.id},
    )


async def test_R08_organisations_do_not_share_codes(
    foreign_modeles: ModeleDistributionServiceStub, reseau: pb.ModeleDistribution
) -> None:
    """Another organisation may have a model of the code."""
    request = pb.CreateModeleDistributionRequest(code=reseau.code, nom="Le nôtre")
    assert (await foreign_modeles.Create(request)).code == reseau.code


async def test_a_model_can_be_renamed(
    modeles: ModeleDistributionServiceStub, reseau: pb.ModeleDistribution
) -> None:
    """Name and description change, the code stays; the list shows it."""
    request = pb.UpdateModeleDistributionRequest(id=reseau.id, nom="Élan", description="Par des tiers")
    changed = await modeles.Update(request)
    assert (changed.code, changed.nom, changed.version) == (reseau.code, "Élan", 2)
    listed = await modeles.List(pb.ListModelesDistributionRequest(search="elan RES"))
    assert list(listed.modeles) == [changed]


async def test_R08_a_model_in_use_is_not_deleted(
    apporteurs: ApporteurServiceStub,
    modeles: ModeleDistributionServiceStub,
    reseau: pb.ModeleDistribution,
    new: New,
) -> None:
    """A model can be deleted once no apporteur has it."""
    made = await new("Martin", modele_distribution_id=reseau.id)
    assert made.modele_distribution_id == reseau.id
    deletion = pb.DeleteModeleDistributionRequest(id=reseau.id)
    answer = await refusal(modeles.Delete(deletion))
    assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    await apporteurs.Update(pb.UpdateApporteurRequest(id=made.id, modele_distribution_id=""))
    assert (await modeles.Delete(deletion)).success


async def test_R08_an_apporteur_has_a_model_of_his_organisation(
    apporteurs: ApporteurServiceStub, foreign_modeles: ModeleDistributionServiceStub, new: New
) -> None:
    """An unknown, a malformed and a foreign model are refused alike, in Create and in Update."""
    foreign = await foreign_modeles.Create(pb.CreateModeleDistributionRequest(code="X", nom="X"))
    made = await new("Martin")
    for modele_id in (UNKNOWN, "x", foreign.id):
        update = pb.UpdateApporteurRequest(id=made.id, modele_distribution_id=modele_id)
        for call in (new("Petit", modele_distribution_id=modele_id), apporteurs.Update(update)):
            answer = await refusal(call)
            assert (answer.reason, answer.metadata) == (
                "REFERENCE_INCONNUE",
                {"champ": "modele_distribution_id"},
            )


@pytest.mark.parametrize("attempt", range(5))
async def test_R08_nobody_is_left_with_a_deleted_model(
    apporteurs: ApporteurServiceStub,
    modeles: ModeleDistributionServiceStub,
    reseau: pb.ModeleDistribution,
    new: New,
    attempt: int,
) -> None:
    """Of a deletion and an apporteur who gets the model at once, one is refused."""
    answers = await asyncio.gather(
        new("Martin", modele_distribution_id=reseau.id),
        modeles.Delete(pb.DeleteModeleDistributionRequest(id=reseau.id)),
        return_exceptions=True,
    )
    (refused,) = [read(one).reason for one in answers if isinstance(one, AioRpcError)]
    used = (await apporteurs.List(pb.ListApporteursRequest())).apporteurs
    assert refused == ("ENCORE_UTILISE" if used else "REFERENCE_INCONNUE")
