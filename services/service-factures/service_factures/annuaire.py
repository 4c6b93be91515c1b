"""The directory of the platforms: at which addresses a company receives its invoices."""

import logging

from crm.factures import factures_pb2 as pb
from grpc_utils import opaque_id, required, siren_number
from grpc_utils.errors import Unavailable
from service_kit import App

from service_factures.ports import port_of
from service_factures.settings import FacturesSettings
from service_factures.transmission import NonAutorisee, Refusee, Tardive
from service_factures.transmission.dossier import AnnuaireNonConfigure

_log = logging.getLogger(__name__)


class AnnuaireIndisponible(Unavailable):
    """L'annuaire de la plateforme ne répond pas ; réessayez plus tard."""


async def lookup(app: App[FacturesSettings], request: pb.LookupAddressRequest) -> pb.LookupAddressResponse:
    """The addresses of a company, through the account of the société that asks.

    Raises AnnuaireNonConfigure, AnnuaireIndisponible.
    """
    siren = siren_number(required(request.siren, "siren"), "siren")
    societe_id = opaque_id(request.societe_id, "societe_id") or ""
    port = await port_of(app, request.organisation_id, societe_id)
    if port is None:
        raise AnnuaireNonConfigure
    try:
        adresses = await port.chercher_adresse(siren)
    except (Tardive, NonAutorisee, Refusee) as error:
        _log.warning("the directory does not answer: %s", error)
        raise AnnuaireIndisponible from None
    told = (
        pb.AdresseAnnuaire(
            adresse_electronique=one.adresse_electronique,
            siret=one.siret,
            statut=one.statut,
            plateforme=one.plateforme,
        )
        for one in adresses
    )
    return pb.LookupAddressResponse(adresses=told)
