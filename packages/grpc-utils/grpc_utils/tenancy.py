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
        named = _agreed(requested, header)
        if identity.kind == "service":
            return Scope(named) if named else EVERYTHING
        claim = identity.organisation_id
        if claim is None:
            return self._unclaimed(named)
        if named and named != claim:
            raise OrganisationDifferente
        return self._or_default(claim)

    def _unclaimed(self, named: str) -> Scope:
        """A token of an outside provider: the request may name the organisation, unless forbidden."""
        return self._or_default("" if self.claim_required else named)

    def _or_default(self, organisation: str) -> Scope:
        organisation = organisation or self.default_organisation
        return Scope(organisation) if organisation else NOTHING


def _agreed(requested: str, header: str) -> str:
    if requested and header and requested != header:
        raise OrganisationDifferente
    named = requested or header
    if named and not is_opaque_id(named):
        raise FormatInvalide(champ="organisation_id")
    return named
