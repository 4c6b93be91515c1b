"""The life of a contract: every operation in every statut."""

from collections.abc import Awaitable, Callable
from itertools import product
from uuid import UUID

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils.errors import TransitionInterdite
from service_contrats import statuts
from service_contrats.models import STATUTS, Contrat
from service_testing import refusal
from tests.en_statut import Contracts

Operation = Callable[[ContratServiceStub, ContractOrchestrationServiceStub, str], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {
    "SIGNE": lambda contrats, _, one: contrats.Signer(pb.SignerContratRequest(id=one)),
    "ANNULE": lambda contrats, _, one: contrats.Annuler(pb.AnnulerContratRequest(id=one, motif="erreur")),
    "ACTIF": lambda _, calls, one: calls.Activer(pb.ActiverContratRequest(contrat_id=one)),
    "SUSPENDU": lambda _, calls, one: calls.Suspendre(
        pb.SuspendreContratRequest(contrat_id=one, motif="impayé")
    ),
    "RESILIE": lambda _, calls, one: calls.Resilier(
        pb.ResilierContratRequest(contrat_id=one, motif="départ")
    ),
}
POSSIBLE = {
    ("BROUILLON", "SIGNE"),
    ("BROUILLON", "ANNULE"),
    ("SIGNE", "ACTIF"),
    ("SIGNE", "ANNULE"),
    ("ACTIF", "SUSPENDU"),
    ("ACTIF", "RESILIE"),
    ("SUSPENDU", "ACTIF"),
    ("SUSPENDU", "RESILIE"),
}
# Operations that answer OK and change nothing: Signer of what is signed, and an orchestration done before.
NOTHING = {
    ("SIGNE", "SIGNE"),
    ("ACTIF", "SIGNE"),
    ("SUSPENDU", "SIGNE"),
    ("ACTIF", "ACTIF"),
    ("SUSPENDU", "SUSPENDU"),
    ("RESILIE", "RESILIE"),
}
BY_JOB = {("ACTIF", "EXPIRE"), ("SUSPENDU", "EXPIRE")}
CALLS = list(product(STATUTS, OPERATIONS))
FORBIDDEN = [call for call in CALLS if call not in POSSIBLE | NOTHING]


@pytest.mark.parametrize(("de", "vers"), list(product(STATUTS, STATUTS)))
def test_R05_a_statut_follows_only_some(de: str, vers: str) -> None:
    """Of 49 pairs ten are possible, two of them for the job alone."""
    contrat = Contrat(
        id=UUID(int=1),
        organisation_id="org-1",
        reference="R",
        client_id="client-123",
        statut=de,
        date_debut=clock.today(),
    )
    if (de, vers) in POSSIBLE | BY_JOB:
        statuts.check_transition(contrat, vers)
        return
    with pytest.raises(TransitionInterdite) as refused:
        statuts.check_transition(contrat, vers)
    assert refused.value.metadata == {"de": de, "vers": vers}


@pytest.mark.parametrize(("de", "vers"), FORBIDDEN)
async def test_R05_a_forbidden_operation_is_refused(
    made: Contracts,
    contrats: ContratServiceStub,
    orchestrations: ContractOrchestrationServiceStub,
    de: str,
    vers: str,
) -> None:
    """The contract and the history of its statut stay as they were."""
    contrat = await made.in_statut(de)
    before = await made.details(contrat.id)
    told = await refusal(OPERATIONS[vers](contrats, orchestrations, contrat.id))
    assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")
    assert told.metadata == {"de": de, "vers": vers}
    assert await made.details(contrat.id) == before


@pytest.mark.parametrize(("de", "vers"), sorted(POSSIBLE))
async def test_R06_an_operation_adds_a_line_to_the_history(
    made: Contracts,
    contrats: ContratServiceStub,
    orchestrations: ContractOrchestrationServiceStub,
    de: str,
    vers: str,
) -> None:
    """With both statuts and the author; the first line of all is the creation."""
    contrat = await made.in_statut(de)
    before = await made.details(contrat.id)
    await OPERATIONS[vers](contrats, orchestrations, contrat.id)
    after = await made.details(contrat.id)
    *former, last = after.historique
    assert former == list(before.historique)
    assert former[0].ancien_statut == ""
    assert (last.ancien_statut, last.nouveau_statut, last.auteur_id) == (de, vers, "demo")
    assert after.contrat.statut == vers


@pytest.mark.parametrize(("de", "vers"), sorted(NOTHING))
async def test_R16_what_is_done_is_not_done_again(
    made: Contracts,
    contrats: ContratServiceStub,
    orchestrations: ContractOrchestrationServiceStub,
    de: str,
    vers: str,
) -> None:
    """It is OK; contract and history stay."""
    contrat = await made.in_statut(de)
    before = await made.details(contrat.id)
    await OPERATIONS[vers](contrats, orchestrations, contrat.id)
    assert await made.details(contrat.id) == before
