"""Tenancy: the organisation that a call may see (C6), decided without any I/O."""

import pytest
from db_utils import BY_ID, NOTHING, Scope
from grpc_utils import Identity, Tenancy
from grpc_utils.errors import FormatInvalide, OrganisationDifferente
from grpc_utils.identity import ANONYMOUS

OPEN, STRICT, SINGLE = Tenancy(), Tenancy(claim_required=True), Tenancy(default_organisation="org-d")
ONE = Scope("org-1")


def user(organisation: str | None) -> Identity:
    """A user whose token has the claim *organisation*, None for a token without it."""
    return Identity("user", "user-1", organisation)


SERVICE = Identity("service", "service:email")


@pytest.mark.parametrize(
    ("tenancy", "identity", "requested", "header", "scope"),
    [
        # The numbers are those of C6. 1: the claim of the token decides.
        (OPEN, user("org-1"), "", "", ONE),
        (OPEN, user("org-1"), "org-1", "", ONE),
        (OPEN, user("org-1"), "", "org-1", ONE),
        (STRICT, user("org-1"), "org-1", "org-1", ONE),
        # 2: without a claim the request names it, unless a claim is required.
        (OPEN, user(None), "org-1", "", ONE),
        (OPEN, user(None), "", "org-1", ONE),
        (OPEN, user(None), "", "", NOTHING),
        (STRICT, user(None), "org-1", "", NOTHING),
        (OPEN, user(""), "", "", NOTHING),
        (OPEN, ANONYMOUS, "org-1", "", ONE),
        # 3: a service names it, or reads rows by their ids alone.
        (STRICT, SERVICE, "org-1", "", ONE),
        (STRICT, SERVICE, "", "org-1", ONE),
        (STRICT, SERVICE, "", "", BY_ID),
        # 4: the default stands in for installations of one company.
        (SINGLE, user(None), "", "", Scope("org-d")),
        (SINGLE, user(""), "", "", Scope("org-d")),
        (SINGLE, user("org-1"), "", "", ONE),
        (SINGLE, SERVICE, "", "", BY_ID),
    ],
)
def test_C6_the_scope_of_a_call(
    tenancy: Tenancy, identity: Identity, requested: str, header: str, scope: Scope
) -> None:
    """The claim comes first, then the request where it may name one, then the default."""
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
    """A request that contradicts the claim or the metadata is refused, also where the claim is empty."""
    with pytest.raises(OrganisationDifferente):
        OPEN.scope(identity, requested, header)


@pytest.mark.parametrize("name", [" ", "a b", "-org", "o" * 65, "é", "a/b", "a\0", "a%"])
@pytest.mark.parametrize(
    "identity", [user("org-1"), user(None), SERVICE], ids=["user", "unclaimed", "service"]
)
def test_C2_an_organisation_that_is_no_id_is_refused(identity: Identity, name: str) -> None:
    """The form is checked before the comparison with the claim, in the request and in the metadata."""
    with pytest.raises(FormatInvalide):
        OPEN.scope(identity, name, "")
    with pytest.raises(FormatInvalide):
        OPEN.scope(identity, "", name)


@pytest.mark.parametrize(
    ("tenancy", "identity", "is_open"),
    [
        (STRICT, SERVICE, True),
        (OPEN, user(None), True),
        (OPEN, ANONYMOUS, True),
        (SINGLE, user(None), True),
        (STRICT, user(None), False),
        (OPEN, user(""), False),
        (OPEN, user("org-1"), False),
    ],
)
def test_C6_who_may_name_any_organisation(tenancy: Tenancy, identity: Identity, is_open: bool) -> None:
    """Services may, and users whose token says nothing of an organisation, unless it must."""
    assert tenancy.open_to(identity) is is_open
