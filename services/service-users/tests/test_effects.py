"""HandleProviderWebhook over gRPC: the effects of webhooks on accounts (R24, R15, R8 to R10)."""

import asyncio

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, refused
from service_users.models import Conflit
from sqlalchemy import select
from tests.personnes import Seen, Someone, new_email
from tests.sent_webhooks import Account, Send, Told

UNKNOWN = (StatusCode.NOT_FOUND, "INTROUVABLE")


async def test_R24_a_person_is_created_updated_and_deleted(
    send: Send, told: Told, account: Account, email: str
) -> None:
    """The three webhooks make, change and delete an account; the last one carries the id only."""
    created = await send(told(first_name="Anne", last_name="Martin", phone="0612345678"))
    made = await account()
    assert (created, made.prenom, made.nom, made.telephone) == ("TRAITE", "Anne", "Martin", "0612345678")
    assert (made.email, made.email_verifie, made.source_creation) == (email, True, "webhook")
    other = new_email()
    updated = await send(told("user.updated", first_name="Annie", email=other))
    after = await account()
    assert (updated, after.id, after.prenom, after.nom, after.email) == (
        "TRAITE",
        made.id,
        "Annie",
        "Martin",
        other,
    )
    assert await send(told("user.deleted")) == "TRAITE"
    assert await refused(account()) == UNKNOWN


async def test_R24_the_state_of_the_latest_event_stays(send: Send, told: Told, account: Account) -> None:
    """Webhooks older than the last one applied are IGNORE, also a deletion."""
    await send(told(at=-60))
    later = await send(told("user.updated", at=-20, first_name="Tard"))
    sooner = await send(told("user.updated", at=-40, first_name="Tôt"))
    assert (later, sooner, (await account()).prenom) == ("TRAITE", "IGNORE", "Tard")
    assert await send(told("user.deleted", at=-50)) == "IGNORE"
    assert (await account()).actif


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
async def test_R24_events_in_any_order_come_to_the_same(
    send: Send, told: Told, account: Account, order: tuple[int, ...]
) -> None:
    """Created, updated and deleted in any order: the account is gone in the end."""
    webhooks = (told(at=-30), told("user.updated", at=-20), told("user.deleted", at=-10))
    for position in order:
        await send(webhooks[position])
    assert await refused(account()) == UNKNOWN


async def test_R24_an_unknown_person_is_not_deleted(send: Send, told: Told) -> None:
    """Deletion of an unknown subject is IGNORE."""
    assert await send(told("user.deleted")) == "IGNORE"


async def test_R24_the_provider_suspends_and_lifts_it(
    send: Send, told: Told, account: Account, people: UtilisateurServiceStub
) -> None:
    """The provider suspends and lifts its own suspension, never one by a service."""
    await send(told())
    await send(told("user.updated", is_suspended=True))
    suspended = await account()
    await send(told("user.updated"))
    silent = await account()
    await send(told("user.updated", is_suspended=False))
    lifted = await account()
    assert (suspended.actif, silent.actif, lifted.actif) == (False, False, True)
    await people.Update(pb.UpdateUtilisateurRequest(id=lifted.id, actif=False))
    await send(told("user.updated", is_suspended=False))
    assert not (await account()).actif


async def test_R15_a_deleted_subject_is_not_resurrected(
    send: Send, told: Told, account: Account, people: UtilisateurServiceStub
) -> None:
    """Webhooks about a deleted account are IGNORE."""
    await send(told())
    await people.Delete(pb.DeleteUtilisateurRequest(id=(await account()).id))
    assert [await send(told()), await send(told("user.updated"))] == ["IGNORE", "IGNORE"]
    assert await refused(account()) == UNKNOWN


async def test_R10_a_conflict_is_a_result(
    send: Send, told: Told, mesh: Mesh, someone: Someone, email: str, sujet: str
) -> None:
    """A second subject of one provider for one address is the result CONFLIT, not a refusal."""
    await someone(email=email, fournisseur="kinde", sujet=f"{sujet}-b")
    assert await send(told()) == "CONFLIT"
    (conflict,) = await mesh.database("users").read().all(select(Conflit).where(Conflit.sujet == sujet))
    assert conflict.motif == "AUTRE_SUJET"


async def test_R9_an_address_in_use_stays_with_its_owner(
    send: Send, told: Told, account: Account, someone: Someone, email: str
) -> None:
    """Another account's address is not taken; the other fields apply, and the result is CONFLIT."""
    await send(told())
    other = await someone()
    assert await send(told("user.updated", email=other.email, first_name="Anne")) == "CONFLIT"
    after = await account()
    assert (after.email, after.prenom) == (email, "Anne")


async def test_R8_webhooks_and_sign_ins_at_once_make_one_person_each(
    send: Send, sync: SyncServiceStub, told: Told, seen: Seen, sujet: str
) -> None:
    """Twelve pairs, because it is a race: each makes one account, one identity and no conflict."""
    people = [{"email": new_email(), "id": f"{sujet}-{n}"} for n in range(12)]
    reports = [seen(fournisseur="kinde", auth0_id=one["id"], email=one["email"]) for one in people]
    answers, results = await asyncio.gather(
        asyncio.gather(*map(sync.SyncUser, reports)),
        asyncio.gather(*(send(told(**one)) for one in people)),
    )
    assert results == ["TRAITE"] * 12
    for one, answer in zip(people, answers, strict=True):
        identites = {(known.fournisseur, known.sujet) for known in answer.utilisateur.identites}
        assert identites == {("local", answer.utilisateur.id), ("kinde", one["id"])}
