"""The keys under which the bucket keeps revocations."""

from crm.auth.auth_pb2 import Revocation
from db_utils import Database
from nats_utils import announce_revocation
from tests.observing import outbox

LONGEST = "x" * 64  # characters of an id of another service


async def subjects(database: Database, *revocations: Revocation) -> list[str]:
    """The keys under which *revocations* are announced, in order."""
    async with database.transaction() as tx:
        for revocation in revocations:
            announce_revocation(tx, revocation)
    return [row.subject for row in await outbox(database)]


async def test_C5_one_organisation_does_not_hide_another(database: Database) -> None:
    """A token, a user, and a user in each organisation have keys of their own; a repetition has the same."""
    everywhere = Revocation(utilisateur_id="jeanne")
    in_a, in_b = (Revocation(utilisateur_id="jeanne", organisation_id=f"org-{name}") for name in "ab")
    told = await subjects(database, Revocation(jti="jeanne"), everywhere, in_a, in_b, in_a)
    assert (len(set(told[:4])), told[4]) == (4, told[2])
    assert all(subject.startswith("$KV.CRM_REVOCATIONS.") for subject in told)


async def test_C5_the_longest_ids_make_a_key(database: Database) -> None:
    """Two of 64 characters."""
    (told,) = await subjects(database, Revocation(utilisateur_id=LONGEST, organisation_id=LONGEST))
    assert told.count(".") == 4
