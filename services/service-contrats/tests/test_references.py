"""References: given by hand, or numbered without gaps (R1)."""

import asyncio
from datetime import UTC, datetime

import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, refusal
from tests.en_statut import SHORT, Contracts

YEAR = clock.today().year


async def test_R01_fifty_calls_at_once_make_fifty_numbers(made: Contracts) -> None:
    """From 1 to 50, each once."""
    contrats = await asyncio.gather(*(made.signed() for _ in range(50)))
    references = sorted(one.reference for one in contrats)
    assert references == [f"CTR-{YEAR}-{number:06d}" for number in range(1, 51)]


async def test_R01_a_call_that_fails_leaves_no_gap(made: Contracts, contrats: ContratServiceStub) -> None:
    """Half of the calls give a reference that is taken; the numbers of the others follow each other."""
    await made.signed(reference="DOSSIER")
    calls = [made.signed(reference="DOSSIER" if rang % 2 else "") for rang in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    numbered = sorted(one.reference for one in answers if isinstance(one, pb.Contrat))
    assert numbered == [f"CTR-{YEAR}-{number:06d}" for number in range(1, 11)]


async def test_R01_a_number_given_by_hand_is_skipped(made: Contracts) -> None:
    """Not refused: nobody has asked for it."""
    await made.signed(reference=f"CTR-{YEAR}-000002")
    await made.signed(reference=f"CTR-{YEAR}-000003")
    numbered = [(await made.signed()).reference for _ in range(3)]
    assert numbered == [f"CTR-{YEAR}-{number:06d}" for number in (1, 4, 5)]


async def test_R01_numbers_given_at_the_same_time_by_hand_are_skipped(made: Contracts) -> None:
    """Every call is answered, and no reference occurs twice."""
    calls = [made.signed(reference=f"CTR-{YEAR}-{number:06d}") for number in range(1, 21)]
    answers = await asyncio.gather(*calls, *(made.signed() for _ in range(20)), return_exceptions=True)
    contrats = [one.reference for one in answers if isinstance(one, pb.Contrat)]
    assert len(set(contrats)) == len(contrats)
    assert all(isinstance(one, pb.Contrat) for one in answers[20:])


async def test_R01_a_reference_is_taken_once(made: Contracts, contrats: ContratServiceStub) -> None:
    """By a new contract and by a changed one; the refusal names who has it."""
    first = await made.draft(reference="DOSSIER 7")
    second = await made.draft()
    for call in (
        contrats.Create(pb.CreateContratRequest(**SHORT, reference=" DOSSIER 7 ")),
        contrats.Update(pb.UpdateContratRequest(id=second.id, reference="DOSSIER 7")),
    ):
        told = await refusal(call)
        assert (told.code, told.metadata["contrainte"], told.metadata["id"]) == (
            StatusCode.ALREADY_EXISTS,
            "uq_contrat_reference",
            first.id,
        )


@pytest.mark.parametrize(
    ("instant", "reference"),
    [
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), "CTR-2026-000002"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "CTR-2027-000001"),
    ],
)
async def test_R01_the_year_is_that_of_Paris(mesh: Mesh, org: str, instant: datetime, reference: str) -> None:
    """The numbers of a new year begin at 1."""
    for moment in (datetime(2026, 6, 1, tzinfo=UTC), instant):
        with clock.frozen_at(moment):
            contrats = mesh.stub(ContratServiceStub, organisation=org)
            contrat = await contrats.Create(pb.CreateContratRequest(**SHORT))
    assert contrat.reference == reference


async def test_R01_a_contract_is_found_by_its_reference(
    made: Contracts, contrats: ContratServiceStub
) -> None:
    """Unless it is deleted."""
    draft = await made.draft(reference="DOSSIER 7")
    request = pb.GetContratByReferenceRequest(reference=" DOSSIER 7")
    assert await contrats.GetByReference(request) == draft
    await contrats.Delete(pb.DeleteContratRequest(id=draft.id))
    assert (await refusal(contrats.GetByReference(request))).code == StatusCode.NOT_FOUND
