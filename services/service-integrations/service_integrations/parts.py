"""Parts that the servicers and the jobs of one running service share."""

from dataclasses import dataclass

from service_kit import App

from service_integrations.accounts import Accounts
from service_integrations.adapter import Adapter
from service_integrations.pending import PendingConnections
from service_integrations.providers.registry import Registry, registry
from service_integrations.refreshes import Refreshes
from service_integrations.refusals import InvalidProvider
from service_integrations.settings import IntegrationsSettings
from service_integrations.states import StateSigner


@dataclass(frozen=True, slots=True)
class Parts:
    """The providers, the accounts, the connections under way and the refreshes of one running service."""

    providers: Registry
    accounts: Accounts
    pending: PendingConnections
    refreshes: Refreshes

    @classmethod
    def of(cls, app: App[IntegrationsSettings]) -> "Parts":
        """The shared parts of *app*, always the same: circuits, rates, caches, refreshes under way."""
        return app.part(_made)

    def active(self, provider: str) -> Adapter:
        """The adapter to the provider of that code. Raises InvalidProvider when it is unknown or off."""
        adapter = self.providers.get(provider)
        if adapter is None or not adapter.actif:
            raise InvalidProvider
        return adapter


def _made(app: App[IntegrationsSettings]) -> Parts:
    settings, envelope = app.settings, app.settings.envelope()
    providers, accounts = registry(settings), Accounts(app.database, envelope)
    signer = StateSigner(settings.oauth_state_secret.get_secret_value())
    refreshes = Refreshes(app.database, accounts, providers)
    return Parts(providers, accounts, PendingConnections(signer, envelope), refreshes)
