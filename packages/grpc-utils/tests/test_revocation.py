"""Revocations: revoked tokens by id, by user, by user and organisation (C5, auth R24)."""

from datetime import timedelta

import pytest
from db_utils import clock
from grpc_utils import Identity
from grpc_utils.revocation import Revocations

OURS, KEYCLOAK = "crm-auth", "https://keycloak.exemple/realms/crm"
ORG_A, ORG_B = "org-a", "org-b"


@pytest.fixture
def revocations() -> Revocations:
    """A memory in which nothing is revoked."""
    return Revocations(OURS)


def token(
    organisation: str | None = ORG_A, *, user: str = "jeanne", issued: float = 99.0, issuer: str = OURS
) -> Identity:
    """The identity of a token of ours, issued before instant 100."""
    return Identity("user", user, organisation, issued_at=issued, token_id="one", issuer=issuer)


def test_C5_all_tokens_of_a_user_are_void(revocations: Revocations) -> None:
    """Tokens issued before the instant are void for every organisation; later ones and others' are not."""
    revocations.revoke_user("jeanne", 100.0, 200.0)
    former = [token(organisation) for organisation in (ORG_A, ORG_B, "", None)]
    assert [revocations.concern(one) for one in former] == [True] * 4
    assert not revocations.concern(token(issued=100.0))
    assert not revocations.concern(token(user="paul"))


def test_C5_the_tokens_of_one_organisation_are_void(revocations: Revocations) -> None:
    """A revocation for one organisation leaves the user's tokens for others in force."""
    revocations.revoke_user("jeanne", 100.0, 200.0, ORG_A)
    assert revocations.concern(token(ORG_A))
    former = [token(ORG_B), token(""), token(None), token(ORG_A, user="paul")]
    assert [revocations.concern(one) for one in former] == [False] * 4


def test_C5_the_latest_instant_counts(revocations: Revocations) -> None:
    """An earlier instant that arrives later gives no token back; each organisation has its own instant."""
    for before, organisation in ((100.0, ORG_A), (50.0, ORG_A), (150.0, ORG_B)):
        revocations.revoke_user("jeanne", before, before + 100, organisation)
    assert revocations.concern(token(ORG_A))
    assert not revocations.concern(token(ORG_A, issued=120.0))
    assert revocations.concern(token(ORG_B, issued=120.0))


def test_C5_tokens_of_an_outside_issuer_are_not_ours_to_end(revocations: Revocations) -> None:
    """Tokens of other issuers with the same subject stay in force: they name other people."""
    revocations.revoke_user("jeanne", 100.0, 200.0)
    assert [revocations.concern(token(issuer=issuer)) for issuer in (KEYCLOAK, "", "crm")] == [False] * 3


def test_C5_expired_entries_are_forgotten(revocations: Revocations) -> None:
    """Of 1,200 expired entries fewer than 1,000 are kept; entries in force stay."""
    now = clock.now()
    ended = (now - timedelta(hours=1)).timestamp()
    in_force = (now + timedelta(hours=1)).timestamp()
    revocations.revoke_user("jeanne", 100.0, in_force, ORG_A)
    revocations.revoke_token("one", in_force)
    for number in range(1200):
        revocations.revoke_user(f"user-{number}", 100.0, ended)
    assert len(revocations) < 1000
    assert revocations.concern(token(user="paul"))
    assert revocations.concern(token(ORG_A))
