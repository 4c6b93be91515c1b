"""Decision on the organisation that a call may see (C6); no other place takes it.

The decision becomes the `Scope` that `db_utils` filters by, and fills the request's own
`organisation_id`, so that handlers read it there.
"""

from dataclasses import dataclass

from db_utils import BY_ID, NOTHING, Scope

from grpc_utils.errors import FormatInvalide, OrganisationDifferente
from grpc_utils.fields import is_opaque_id
from grpc_utils.identity import Identity


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Settings of the decision.

    With *claim_required* the token of a user must name the organisation, the request may not.
    *default_organisation* stands in where a user has none.
    """

    claim_required: bool = False
    default_organisation: str = ""

    def open_to(self, identity: Identity) -> bool:
        """Whether *identity* may name any organisation: a service, or a user whose token names none."""
        return identity.kind == "service" or (identity.organisation_id is None and not self.claim_required)

    def scope(self, identity: Identity, requested: str, header: str) -> Scope:
        """The scope of a call by *identity*.

        *requested* and *header* are the organisations that its request and its metadata name, "" for
        none; a service that names none may only read by id. Raises OrganisationDifferente,
        FormatInvalide.
        """
        if requested and header and requested != header:
            raise OrganisationDifferente
        named = requested or header
        if named and named != identity.organisation_id and not is_opaque_id(named):
            raise FormatInvalide(champ="organisation_id")
        if identity.kind == "service":
            return Scope(named) if named else BY_ID
        organisation = identity.organisation_id
        if organisation is None:  # a token without such a claim: the request may name it, unless forbidden
            organisation = "" if self.claim_required else named
        elif named and named != organisation:
            raise OrganisationDifferente
        organisation = organisation or self.default_organisation
        return Scope(organisation) if organisation else NOTHING
