"""Connections of accounts: sending the browser to the provider, and taking it back (R4–R6)."""

import logging
from dataclasses import dataclass
from typing import Any, NoReturn

from crm.integrations import integrations_pb2 as pb
from db_utils import Database, clock, uuid7
from grpc_utils import caller

from service_integrations import messages, refusals, rules
from service_integrations.atelier import Atelier
from service_integrations.audit import Origine, entree, note, note_in
from service_integrations.demandes import Debut
from service_integrations.etats import Etat, EtatRefuse
from service_integrations.fournisseur import FournisseurOAuth, Jetons, Profil
from service_integrations.models import (
    CONNECTED,
    INVALID_STATE_DETECTED,
    OAUTH_COMPLETED,
    OAUTH_FAILED,
    OAUTH_INITIATED,
    OauthAccount,
    OauthState,
)
from service_integrations.refusals import ErreurIntegration, FournisseurRefuse

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Retour:
    """The parameters that the browser brings back from the provider, and where it calls from."""

    code: str
    state: str
    error: str
    origine: Origine


class Connexions:
    """Connections, from the click to the stored tokens."""

    def __init__(self, database: Database, atelier: Atelier, origins: tuple[str, ...]) -> None:
        self._database, self._atelier, self._origins = database, atelier, origins

    async def begin(
        self, user_id: str, provider: str, redirect_url: str, origine: Origine
    ) -> tuple[str, Debut]:
        """Begin a connection; return the address to which the browser goes, and the connection.

        Raises InvalidProvider, InvalidRedirectUrl, OauthInitError.
        """
        fournisseur = self._atelier.active(provider)
        if not self._origins:
            _log.error("INTEGRATIONS_REDIRECT_ORIGINS is empty: nothing can be connected")
            raise refusals.OauthInitError(provider)
        target = rules.allowed_redirect(redirect_url, self._origins)
        async with self._database.transaction() as tx:
            debut = await self._atelier.demandes.begin(
                tx, user_id, caller().organisation_id or None, fournisseur, target
            )
            auth_url = fournisseur.authorize_url(debut.state, debut.code_challenge)
            await note_in(tx, entree(OAUTH_INITIATED, provider, user_id, origine=origine))
        return auth_url, debut

    async def complete(self, provider: str, retour: Retour) -> tuple[OauthAccount, str]:
        """Finish a connection; return the account, and the address to which the browser goes.

        Raises InvalidProvider, InvalidState, OauthCallbackError, NetworkError, ApiError, TimeoutError.
        """
        fournisseur = self._atelier.active(provider)
        demande = await self._consumed(provider, retour)
        try:
            jetons, profil = await self._granted(fournisseur, demande, retour)
        except (ErreurIntegration, FournisseurRefuse) as error:
            await self._failed(demande, retour, error)
        return await self._stored(demande, retour, jetons, profil), demande.redirect_url

    async def _consumed(self, provider: str, retour: Retour) -> OauthState:
        """Use up the state; return the connection that was begun with it.

        Raises InvalidState, whose cause stands in the audit alone.
        """
        try:
            etat = self._atelier.demandes.read(retour.state, provider)
            return await self._used(etat)
        except EtatRefuse as refused:
            line = entree(
                INVALID_STATE_DETECTED,
                provider,
                refused.user_id,
                erreur=refused.cause,
                origine=retour.origine,
            )
            await note(self._database, line)
            raise refusals.InvalidState(provider) from None

    async def _used(self, etat: Etat) -> OauthState:
        async with self._database.transaction() as tx:
            return await self._atelier.demandes.consume(tx, etat)

    async def _granted(
        self, fournisseur: FournisseurOAuth, demande: OauthState, retour: Retour
    ) -> tuple[Jetons, Profil]:
        """The tokens for the code, and the profile of their account.

        Raises OauthCallbackError without a code or after a no, and what the provider's adapter raises.
        """
        if retour.error or not retour.code:
            raise refusals.OauthCallbackError(fournisseur.code)
        verifier = self._atelier.demandes.verifier(demande)
        jetons = await fournisseur.exchange_code(retour.code, verifier)
        return jetons, await fournisseur.get_profile(jetons.access_token)

    async def _failed(
        self, demande: OauthState, retour: Retour, error: ErreurIntegration | FournisseurRefuse
    ) -> NoReturn:
        provider, cause = demande.provider, retour.error or str(error)
        line = entree(OAUTH_FAILED, provider, demande.user_id, erreur=cause, origine=retour.origine)
        await note(self._database, line)
        if isinstance(error, FournisseurRefuse):
            raise refusals.OauthCallbackError(provider) from None
        raise error

    async def _stored(
        self, demande: OauthState, retour: Retour, jetons: Jetons, profil: Profil
    ) -> OauthAccount:
        """Store the account, in a new row or in the one that it had."""
        comptes, changed = self._atelier.comptes, _connected(profil)
        if demande.organisation_id is not None:
            changed["organisation_id"] = demande.organisation_id
        compte_id = uuid7()
        compte = OauthAccount(
            id=compte_id,
            user_id=demande.user_id,
            provider=demande.provider,
            provider_account_id=profil.account_id,
            **changed,
            **comptes.sealed(compte_id, jetons),
        )
        async with comptes.changing(demande.user_id) as tx:
            if not await tx.insert_if_absent(compte):
                compte = await comptes.locked(tx, compte)
                sealed = comptes.sealed(compte.id, jetons, compte.scopes_manquants)
                await tx.update(compte, **changed, **sealed)
            line = entree(
                OAUTH_COMPLETED,
                compte.provider,
                compte.user_id,
                account_id=compte.provider_account_id,
                origine=retour.origine,
                scopes_manquants=compte.scopes_manquants,
            )
            await note_in(tx, line)
        return compte


def _connected(profil: Profil) -> dict[str, Any]:
    """The columns that a connection sets, besides those of the tokens."""
    return {
        "nom_affiche": profil.nom_affiche,
        "metadata_": dict(profil.metadata),
        "status": CONNECTED,
        "last_error_code": None,
        "echecs": 0,
        "refresh_lease_until": None,
        "derniere_actualisation": clock.now(),
        "deconnecte_le": None,
    }


def connected(compte: OauthAccount, redirect_url: str) -> pb.HandleCallbackResponse:
    """The answer to a browser that has come back."""
    return pb.HandleCallbackResponse(
        user_id=compte.user_id,
        account_id=compte.provider_account_id,
        integration=messages.shown(messages.stored(compte), clock.now()),
        redirect_url=redirect_url,
    )
