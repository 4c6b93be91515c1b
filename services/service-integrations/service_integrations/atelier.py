"""Parts that the servicers and the jobs of one running service share."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from db_utils import Database
from service_kit import App

from service_integrations.actualisations import Actualisations
from service_integrations.comptes import Comptes
from service_integrations.demandes import Demandes
from service_integrations.etats import Signataire
from service_integrations.fournisseur import FournisseurOAuth
from service_integrations.fournisseurs.registre import Registre, registre
from service_integrations.refusals import InvalidProvider
from service_integrations.settings import IntegrationsSettings

_ateliers: WeakKeyDictionary[Database, "Atelier"] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Atelier:
    """The providers, the accounts, the connections under way and the refreshes of one running service."""

    fournisseurs: Registre
    comptes: Comptes
    demandes: Demandes
    actualisations: Actualisations

    @classmethod
    def of(cls, app: App[IntegrationsSettings]) -> "Atelier":
        """The shared parts of *app*, always the same: circuits, rates, caches, refreshes under way."""
        if app.database not in _ateliers:
            _ateliers[app.database] = _made(app)
        return _ateliers[app.database]

    def active(self, provider: str) -> FournisseurOAuth:
        """The provider of that code. Raises InvalidProvider when it is unknown or off."""
        fournisseur = self.fournisseurs.get(provider)
        if fournisseur is None or not fournisseur.actif:
            raise InvalidProvider
        return fournisseur


def _made(app: App[IntegrationsSettings]) -> Atelier:
    settings, envelope = app.settings, app.settings.envelope()
    fournisseurs, comptes = registre(settings), Comptes(app.database, envelope)
    signataire = Signataire(settings.oauth_state_secret.get_secret_value())
    actualisations = Actualisations(app.database, comptes, fournisseurs)
    return Atelier(fournisseurs, comptes, Demandes(signataire, envelope), actualisations)
