"""Which port a société has for its files: none leaves through another one's account.

The account that a société has saved comes first, then that of the environment, which is of one
organisation, then the folder.
"""

from service_kit import App

from service_factures import connexions
from service_factures.settings import FacturesSettings
from service_factures.transmission import Dossier, InvoiceTransmission
from service_factures.transmission.plateforme import Compte, Plateforme


class Plateformes:
    """The platforms of a running service by organisation and société: each keeps the token of its account."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Plateforme] = {}

    def of(self, organisation_id: str, societe_id: str, compte: Compte) -> Plateforme:
        """The platform of a société, a new one when its account has changed."""
        known = self._known.get((organisation_id, societe_id))
        if known is None or known.compte != compte:
            known = self._known[organisation_id, societe_id] = Plateforme(compte)
        return known


async def port_of(
    app: App[FacturesSettings], organisation_id: str, societe_id: str
) -> InvoiceTransmission | None:
    """The port of a société of the scope's organisation, None as long as nothing is set for it.

    Raises Undecipherable.
    """
    settings = app.settings
    compte = await compte_of(app, organisation_id, societe_id)
    if compte is not None:
        return app.part(_plateformes).of(organisation_id, societe_id, compte)
    if settings.factures_transmission == "dossier" and settings.factures_depot_dir is not None:
        return Dossier(settings.factures_depot_dir, organisation_id, societe_id)
    return None


async def compte_of(app: App[FacturesSettings], organisation_id: str, societe_id: str) -> Compte | None:
    """The account that the files of a société leave through. Raises Undecipherable."""
    row = await connexions.stored(app.database.read(), organisation_id, societe_id)
    if row is not None:
        return connexions.compte_of(row, app.settings.envelope())
    of_environment = app.settings.default_organisation_id == organisation_id
    return environment_compte(app.settings) if of_environment else None


def environment_compte(settings: FacturesSettings) -> Compte | None:
    """The account of `DEFAULT_ORGANISATION_ID` in the environment, None when it is not to be used."""
    if settings.factures_transmission != "plateforme" or not settings.factures_pa_flow_url:
        return None
    return Compte(
        flow_url=settings.factures_pa_flow_url,
        directory_url=settings.factures_pa_directory_url,
        token_url=settings.factures_pa_token_url,
        client_id=settings.factures_pa_client_id,
        client_secret=settings.factures_pa_client_secret.get_secret_value(),
        organisation=settings.factures_pa_organisation,
    )


def _plateformes(app: App[FacturesSettings]) -> Plateformes:
    return Plateformes()
