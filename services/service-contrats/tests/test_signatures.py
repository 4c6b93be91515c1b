"""Signer, Annuler, and contract.signed, which goes out once in the life of a contract (R9, R10)."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import grpc
import pytest
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import ContractSignedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from service_contrats.models import Contrat
from service_testing import Mesh, eventually, refusal
from service_testing.refusals import read
from sqlalchemy import func, select, text
from tests.en_statut import Contracts

pytestmark = pytest.mark.usefixtures("noon")
WAITING = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))


async def events_of(mesh: Mesh, contrat: pb.Contrat, at_least: int = 1) -> list[ContractSignedEvent]:
    """The events about *contrat*."""
    return await mesh.published(ContractSignedEvent, at_least, where=lambda one: one.contrat_id == contrat.id)


async def row_of(mesh: Mesh, contrat: pb.Contrat) -> Contrat:
    """The stored contract."""
    row = await mesh.database("contrats").read().get(Contrat, contrat.id)
    assert row is not None
    return row


async def test_R09_a_signature_tells_when_by_whom_and_where(
    contrats: ContratServiceStub, draft: pb.Contrat, noon: datetime
) -> None:
    """The file becomes the document of the contract."""
    signed_at, document_id = timestamp(noon - timedelta(hours=1)), str(uuid7())
    contrat = await contrats.Signer(
        pb.SignerContratRequest(
            id=draft.id, date_signature=signed_at, signataire_nom="Jeanne Martin", document_id=document_id
        )
    )
    assert (contrat.statut, contrat.date_signature, contrat.signataire_nom, contrat.document_url) == (
        "SIGNE",
        signed_at,
        "Jeanne Martin",
        f"documents:{document_id}",
    )
    assert (contrat.date_debut, contrat.version) == (draft.date_debut, draft.version + 1)


async def test_R09_a_signature_without_words_is_of_now(
    contrats: ContratServiceStub, made: Contracts, noon: datetime
) -> None:
    """Name and document of the draft stay."""
    draft = await made.draft(signataire_nom="Jeanne", document_url="https://exemple.fr/c.pdf")
    contrat = await contrats.Signer(pb.SignerContratRequest(id=draft.id))
    assert contrat.date_signature == timestamp(noon)
    assert (contrat.signataire_nom, contrat.document_url) == ("Jeanne", "https://exemple.fr/c.pdf")


@pytest.mark.parametrize("statut", ["SIGNE", "ACTIF", "SUSPENDU"])
async def test_R09_what_is_signed_is_answered_as_it_is(
    mesh: Mesh, contrats: ContratServiceStub, made: Contracts, statut: str
) -> None:
    """Whatever the request says; there is no second event."""
    contrat = await made.in_statut(statut)
    request = pb.SignerContratRequest(id=contrat.id, signataire_nom="Un autre", document_id="doc-1")
    assert await contrats.Signer(request) == contrat == await made.read(contrat.id)
    marker = await made.signed()  # what Signer had published would be before its event
    await events_of(mesh, marker)
    assert len(await events_of(mesh, contrat)) == 1


async def test_R09_two_signatures_at_once_are_one(
    mesh: Mesh, contrats: ContratServiceStub, made: Contracts
) -> None:
    """Both are OK: one line in the history, one event. Ten contracts, signed twice each."""
    drafts = [await made.draft() for _ in range(10)]
    calls = [contrats.Signer(pb.SignerContratRequest(id=one.id)) for one in drafts for _ in range(2)]
    answers = await asyncio.gather(*calls)
    assert {one.statut for one in answers} == {"SIGNE"}
    for draft in drafts:
        history = [one.nouveau_statut for one in (await made.details(draft.id)).historique]
        assert history == ["BROUILLON", "SIGNE"]
    await events_of(mesh, await made.signed())
    assert [len(await events_of(mesh, one)) for one in drafts] == [1] * 10


async def test_R09_of_a_signature_and_a_cancellation_at_once_one_wins(
    mesh: Mesh, contrats: ContratServiceStub, made: Contracts
) -> None:
    """Both meet at the row, which is held until they wait; a cancelled draft is not announced."""
    draft = await made.draft()
    held = select(Contrat.id).where(Contrat.id == UUID(draft.id)).with_for_update()
    database = mesh.database("contrats")
    async with database.transaction() as tx:
        await tx.all(held)
        calls = [
            asyncio.ensure_future(contrats.Signer(pb.SignerContratRequest(id=draft.id))),
            asyncio.ensure_future(contrats.Annuler(pb.AnnulerContratRequest(id=draft.id, motif="erreur"))),
        ]

        async def both_wait() -> bool:
            return await database.read().one(WAITING) == 2

        await eventually(both_wait)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    won = [one.statut for one in answers if isinstance(one, pb.Contrat)]
    lost = [read(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert (len(won), len(lost)) == (1, 1)
    assert lost[0] in ("TRANSITION_INTERDITE", "VERSION_PERIMEE")
    assert (await made.read(draft.id)).statut == won[0]
    await events_of(mesh, await made.signed())
    assert len(await events_of(mesh, draft, 0)) == (won[0] == "SIGNE")


@pytest.mark.parametrize("by_create", [True, False])
async def test_R10_the_event_tells_what_is_stored(
    mesh: Mesh, contrats: ContratServiceStub, made: Contracts, org: str, by_create: bool
) -> None:
    """Under the id that the contract holds; the product is that of the first line if it has none."""
    fields = {
        "produit_id": "",
        "societe_id": "soc-1",
        "signataire_nom": "Jeanne Martin",
        "lignes": [{"produit_id": "a", "prix_unitaire": 49.90}, {"produit_id": "b", "prix_unitaire": 0}],
        "frequence_facturation": "MENSUELLE",
    }
    contrat = await made.signed(**fields, statut_initial="" if by_create else "BROUILLON")
    if not by_create:
        contrat = await contrats.Signer(pb.SignerContratRequest(id=contrat.id))
    (event,) = await events_of(mesh, contrat)
    expected = ContractSignedEvent(
        event_id=str((await row_of(mesh, contrat)).signature_event_id),
        timestamp=event.timestamp,
        correlation_id=event.correlation_id,
        contrat_id=contrat.id,
        client_id="client-123",
        produit_id="a",
        montant_total=598.80,
        date_signature=contrat.date_signature,
        organisation_id=org,
        societe_id="soc-1",
    )
    assert event == expected


async def test_R10_the_product_of_the_event_is_that_of_the_contract(mesh: Mesh, made: Contracts) -> None:
    """Where it has one; without product and lines it is empty."""
    own = await made.signed(produit_id="c", lignes=[{"produit_id": "a"}])
    none = await made.signed(produit_id="")
    assert [(await events_of(mesh, one))[0].produit_id for one in (own, none)] == ["c", ""]


async def test_R10_nothing_else_announces_a_contract(
    mesh: Mesh, contrats: ContratServiceStub, made: Contracts
) -> None:
    """Suspension, activation, Update and termination; the id of the event never changes."""
    contrat = await made.active()
    event_id = (await row_of(mesh, contrat)).signature_event_id
    await made.suspended(contrat.id)
    await made.activated(contrat.id)
    await contrats.Update(pb.UpdateContratRequest(id=contrat.id, titre="Autre"))
    await made.terminated(contrat.id)
    await events_of(mesh, await made.signed())
    assert [one.event_id for one in await events_of(mesh, contrat)] == [str(event_id)]
    assert (await row_of(mesh, contrat)).signature_event_id == event_id


async def test_R05_a_cancellation_needs_a_motif(contrats: ContratServiceStub, draft: pb.Contrat) -> None:
    """Of at most 500 characters; it stands in the history."""
    for motif, reason in (("", "CHAMP_REQUIS"), ("x" * 501, "TROP_LONG")):
        told = await refusal(contrats.Annuler(pb.AnnulerContratRequest(id=draft.id, motif=motif)))
        assert (told.reason, told.metadata) == (reason, {"champ": "motif"})
    cancelled = await contrats.Annuler(pb.AnnulerContratRequest(id=draft.id, motif="non"))
    assert cancelled.statut == "ANNULE"
    details = await contrats.GetWithDetails(pb.GetContratWithDetailsRequest(id=draft.id))
    assert details.historique[-1].motif == "non"
