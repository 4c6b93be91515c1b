"""The test of a mailbox (R15): what its server says, in words that help the person who reads them."""

import asyncio
from dataclasses import dataclass
from typing import Final

from service_email.boite_rules import AdressePrivee
from service_email.models import OAUTH2, BoiteMail
from service_email.transports import (
    ADRESSE_PRIVEE,
    CERTIFICAT,
    CHIFFREMENT,
    CONNEXION,
    DELAI,
    NOM_INCONNU,
    PROTOCOLE,
    DeliveryFailure,
)
from service_email.ways import CHIFFREMENT_REQUIS, DECHIFFREMENT, RECONNECT, Ways

PATIENCE: Final = 10.0  # seconds for all of it
_CONNECTED: Final = "La connexion fonctionne."
_RECONNECT: Final = (
    "Reconnectez le compte dans les intégrations, en accordant la permission d'envoyer des mails."
)
_WRONG_LOGIN: Final = "Le serveur refuse l'identifiant ou le mot de passe."
_REFUSED_ACCOUNT: Final = "Le serveur refuse ce compte. " + _RECONNECT
_LATER: Final = "Le serveur refuse la connexion pour le moment ; réessayez plus tard."
_REFUSED: Final = "Le serveur refuse la connexion."
_ACCOUNTS_AWAY: Final = "L'accès au compte connecté n'a pas pu être obtenu ; réessayez plus tard."
_SAID: Final = {
    CHIFFREMENT_REQUIS: "Sans chiffrement, seul un serveur de cette machine est admis.",
    DECHIFFREMENT: "Le mot de passe enregistré est illisible ; saisissez-le à nouveau.",
    CERTIFICAT: "Le certificat du serveur n'est pas reconnu pour ce nom.",
    CHIFFREMENT: "La connexion chiffrée a échoué ; vérifiez le port et la sécurité.",
    DELAI: "Le serveur n'a pas répondu à temps.",
    NOM_INCONNU: "Ce nom de serveur est inconnu.",
    CONNEXION: "Le serveur ne répond pas à cette adresse et à ce port.",
    PROTOCOLE: "Le serveur ne propose pas le chiffrement ou l'identification demandés.",
}
_BAD_LOGIN: Final = 535  # RFC 4954 section 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a test: for the person, and in detail for whoever looks after the mailbox."""

    success: bool
    message: str
    details: str

    @property
    def error(self) -> str | None:
        """What the mailbox notes; None after a success."""
        return None if self.success else self.details


async def verified(ways: Ways, boite: BoiteMail) -> Verdict:
    """Connect to the server of *boite*, encrypt, log in and leave. Raises AdressePrivee."""
    try:
        async with asyncio.timeout(PATIENCE):
            transport = await ways.of_mailbox(boite, PATIENCE)
            return Verdict(True, _CONNECTED, await transport.verify(boite.adresse_email))
    except DeliveryFailure as failure:
        if failure.reply == ADRESSE_PRIVEE:
            raise AdressePrivee(champ="smtp_host") from failure
        return _verdict(failure, boite)
    except TimeoutError:
        return Verdict(False, _SAID[DELAI], DELAI)


def _verdict(failure: DeliveryFailure, boite: BoiteMail) -> Verdict:
    if failure.code is not None:
        return Verdict(False, _of_code(failure.code, boite), f"{failure.code} {failure.reply}"[:500])
    if failure.reply in RECONNECT:
        return Verdict(False, _RECONNECT, failure.reply)
    return Verdict(False, _SAID.get(failure.reply, _ACCOUNTS_AWAY), failure.reply)


def _of_code(code: int, boite: BoiteMail) -> str:
    if code == _BAD_LOGIN:
        return _REFUSED_ACCOUNT if boite.type_connexion == OAUTH2 else _WRONG_LOGIN
    return _LATER if code < 500 else _REFUSED
