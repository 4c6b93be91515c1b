"""Which port a société has for its invoices: none leaves through another one's account."""

from service_kit import App

from service_factures.settings import FacturesSettings
from service_factures.transmission import Dossier, InvoiceTransmission


async def port_of(
    app: App[FacturesSettings], organisation_id: str, societe_id: str
) -> InvoiceTransmission | None:
    """The port of a société of the scope's organisation, None as long as nothing is set for it."""
    settings = app.settings
    if settings.factures_transmission == "dossier" and settings.factures_depot_dir is not None:
        return Dossier(settings.factures_depot_dir, organisation_id, societe_id)
    return None
