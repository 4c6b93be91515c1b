"""Tenancy: which organisation a call may see (C6), decided without any I/O."""

import pytest
from db_utils import EVERYTHING, NOTHING, Scope
from grpc_utils import Identity, Tenancy
from grpc_utils.errors import FormatInvalide, OrganisationDifferente
from grpc_utils.identity import ANONYMOUS

OPEN, STRICT, SINGLE = Tenancy(), Tenancy(claim_required=True), Tenancy(default_organisation="org-d")
ONE = Scope("org-1")


def user(organisation: str | None) -> Identity:
    """A user whose token says *organisation* (None: has no such claim)."""
    return Identity("user", "user-1", organisation)


SERVICE = Identity("service", "service:email")


@pytest.mark.parametrize(
    ("tenancy", "identity", "requested", "header", "scope"),
    [
        # 1: the claim decides
        (OPEN, user("org-1"), "", "", ONE),
        (OPEN, user("org-1"), "org-1", "", ONE),
        (OPEN, user("org-1"), "", "org-1", ONE),
        (STRICT, user("org-1"), "org-1", "org-1", ONE),
        # 2: without one the request may, unless a claim is required
        (OPEN, user(None), "org-1", "", ONE),
        (OPEN, user(None), "", "org-1", ONE),
        (OPEN, user(None), "", "", NOTHING),
        (STRICT, user(None), "org-1", "", NOTHING),
        (OPEN, user(""), "", "", NOTHING),
        (OPEN, ANONYMOUS, "org-1", "", ONE),
        # a service names it, or sees everything
        (STRICT, SERVICE, "org-1", "", ONE),
        (STRICT, SERVICE, "", "org-1", ONE),
        (STRICT, SERVICE, "", "", EVERYTHING),
        # 4: one organisation for installations that have one
        (SINGLE, user(None), "", "", Scope("org-d")),
        (SINGLE, user(""), "", "", Scope("org-d")),
        (SINGLE, user("org-1"), "", "", ONE),
        (SINGLE, SERVICE, "", "", EVERYTHING),
    ],
)
def test_C6_the_scope_of_a_call(
    tenancy: Tenancy, identity: Identity, requested: str, header: str, scope: Scope
) -> None:
    """Claim first, then the request where it may, then the default."""
    assert tenancy.scope(identity, requested, header) == scope


@pytest.mark.parametrize(
    ("identity", "requested", "header"),
    [
        (user("org-1"), "org-2", ""),
        (user("org-1"), "", "org-2"),
        (user("org-1"), "ORG-1", ""),
        (user("org-1"), "org-1", "org-2"),
        (user(""), "org-1", ""),
        (user(""), "", "org-1"),
        (user(None), "org-1", "org-2"),
        (SERVICE, "org-1", "org-2"),
    ],
)
def test_C6_another_organisation_is_refused(identity: Identity, requested: str, header: str) -> None:
    """An account without an organisation cannot name somebody else's either."""
    with pytest.raises(OrganisationDifferente):
        OPEN.scope(identity, requested, header)


@pytest.mark.parametrize("name", [" ", "a b", "-org", "o" * 65, "é", "a/b", "a\0", "a%"])
@pytest.mark.parametrize(
    "identity", [user("org-1"), user(None), SERVICE], ids=["user", "unclaimed", "service"]
)
def test_C2_an_organisation_that_is_no_id_is_refused(identity: Identity, name: str) -> None:
    """It is looked at before it is compared."""
    with pytest.raises(FormatInvalide):
        OPEN.scope(identity, name, "")
    with pytest.raises(FormatInvalide):
        OPEN.scope(identity, "", name)
