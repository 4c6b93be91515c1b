"""Which organisation a call may see: the single place that decides (C6).

The decision becomes the `Scope` that `db_utils` filters by, and fills the request's own
`organisation_id`, so that handlers read it there.
"""

from dataclasses import dataclass

from db_utils import EVERYTHING, NOTHING, Scope

from grpc_utils.errors import FormatInvalide, OrganisationDifferente
from grpc_utils.fields import is_opaque_id
from grpc_utils.identity import Identity


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Settings: whether a user token must name its organisation, and what stands in for none."""

    claim_required: bool = False
    default_organisation: str = ""

    def scope(self, identity: Identity, requested: str, header: str) -> Scope:
        """The scope of a call whose request names *requested* and whose metadata *header*.

        Raises OrganisationDifferente, FormatInvalide.
        """
        if requested and header and requested != header:
            raise OrganisationDifferente
        named = requested or header
        if named and named != identity.organisation_id and not is_opaque_id(named):
            raise FormatInvalide(champ="organisation_id")
        if identity.kind == "service":
            return Scope(named) if named else EVERYTHING
        organisation = identity.organisation_id
        if organisation is None:  # a token of an outside provider: the request may name it, unless forbidden
            organisation = "" if self.claim_required else named
        elif named and named != organisation:
            raise OrganisationDifferente
        organisation = organisation or self.default_organisation
        return Scope(organisation) if organisation else NOTHING
