"""OrganisationService: the tenants themselves.

An organisation is its own tenant: its id is what other tables hold in `organisation_id`, so
`_visible` says here what the kernel says elsewhere (R1).
"""

from crm.common.common_pb2 import DeleteResponse
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceServicer
from db_utils import Conflict, Listing, Transaction, context
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    page_request,
    page_result,
    timestamp,
    to_message,
)
from grpc_utils.errors import EncoreUtilise, ExisteDeja
from service_kit import App
from sqlalchemy import bindparam, select

from service_organisations import rules
from service_organisations.models import Organisation, Partenaire, Societe
from service_organisations.settings import Settings

ORGANISATIONS = Listing(
    Organisation,
    sorts=("nom", "created_at"),
    filters=("id", "actif", "etat"),
    search=(Organisation.nom, Organisation.email, Organisation.siret),
)
_of = bindparam("organisation_id")
_SOCIETE = select(Societe.id).where(Societe.organisation_id == _of).limit(1)
_PARTENAIRE = select(Partenaire.id).where(Partenaire.organisation_id == _of).limit(1)
_PRIMARY_KEY = "pk_organisations"


class IdReserve(ExisteDeja):
    """Cet identifiant a déjà été attribué."""


class OrganisationService(OrganisationServiceServicer):
    """Organisations, as far as the caller may see them."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateOrganisationRequest, context: Context) -> pb.Organisation:
        """Create an organisation; its first member is added by the users service."""
        try:
            async with self._db.transaction() as tx:
                organisation = await tx.insert(rules.new_organisation(request))
        except Conflict as conflict:
            if conflict.constraint == _PRIMARY_KEY:
                raise IdReserve from None
            raise
        return to_message(organisation, pb.Organisation)
