"""FactureSettingsService: what a société says of itself and of its invoices."""

import asyncio

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceServicer
from db_utils import Transaction, clock
from grpc_utils import Context, expected_version, found, opaque_id, required, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App, Settings
from sqlalchemy import bindparam, select
from user_sync import UtilisateurLocal

from service_factures.document_models import FactureLogo
from service_factures.documents import converted_logo
from service_factures.models import AVOIR, FACTURE, SequenceFacture
from service_factures.numerotation import prefixe_of
from service_factures.settings_rules import PrefixeFige, settings_changes
from service_factures.societes import FactureSettings, stored_settings

_PREFIXES = select(SequenceFacture.serie, SequenceFacture.prefixe).where(
    *(
        getattr(SequenceFacture, name) == bindparam(name)
        for name in ("organisation_id", "societe_id", "annee")
    )
)


class FactureSettingsService(FactureSettingsServiceServicer):
    """Settings of the sociétés of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Save(self, request: pb.SaveFactureSettingsRequest, context: Context) -> pb.FactureSettings:
        """Make or change the settings of a société."""
        if not request.organisation_id:
            raise OrganisationRequise
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        async with self._db.transaction() as tx:
            await tx.lock("settings", request.organisation_id, societe_id)
            stored = await stored_settings(tx, societe_id)
            settings = stored or FactureSettings(
                organisation_id=request.organisation_id, societe_id=societe_id
            )
            changed = settings_changes(settings, request)
            if stored is None:
                await tx.insert(settings)
            await tx.update(settings, expected=expected_version(request), **changed)
            await _check_prefixes(tx, settings)
        return _message(settings)

    async def UploadLogo(self, request: pb.UploadLogoRequest, context: Context) -> pb.FactureSettings:
        """Set the logo of a société (R32)."""
        required(request.mime_type, "mime_type")
        logo = await asyncio.to_thread(converted_logo, request.logo, request.mime_type)
        async with self._db.transaction() as tx:
            await tx.lock("settings", request.organisation_id, request.societe_id)
            settings = found(await stored_settings(tx, request.societe_id))
            row = await tx.get(FactureLogo, settings.id)
            if row is None:
                owner = settings.organisation_id
                await tx.insert(FactureLogo(organisation_id=owner, settings_id=settings.id, logo=logo))
            else:
                await tx.update(row, logo=logo)
            await tx.update(settings, logo_mime=request.mime_type)
        return _message(settings)

    async def Get(self, request: pb.GetFactureSettingsRequest, context: Context) -> pb.FactureSettings:
        """Read the settings of a société."""
        settings = await stored_settings(self._db.read(), request.societe_id)
        return _message(found(settings))


def _message(settings: FactureSettings) -> pb.FactureSettings:
    """*settings* with the regime that is in force."""
    message = to_message(settings, pb.FactureSettings)
    message.regime_tva = settings.regime
    return message


async def _check_prefixes(tx: Transaction, settings: FactureSettings) -> None:
    """Refuse a prefix other than that of the year's series (R8). Raises PrefixeFige.

    A series that begins at this moment keeps the prefix that it began with; the new one is next year's.
    """
    begun = await tx.all(
        _PREFIXES,
        organisation_id=settings.organisation_id,
        societe_id=settings.societe_id,
        annee=clock.today().year,
    )
    for serie, prefixe in begun:
        if prefixe != prefixe_of(settings, serie):
            champ = {FACTURE: "prefix_facture", AVOIR: "prefix_avoir"}[serie]
            raise PrefixeFige(champ=champ, prefixe=prefixe)


async def open_organisation(tx: Transaction, organisation_id: str, user: UtilisateurLocal) -> None:
    """Give the default société of an organisation that is new here its settings, if it has none."""
    await tx.insert(FactureSettings(organisation_id=organisation_id), if_absent=True)
