"""The caller as a person of this directory: the subject of the token, under its issuer's provider."""

from uuid import UUID

from db_utils import Reader, Transaction, parse_uuid
from grpc_utils import Identity, JetonRevoque, outer_text
from grpc_utils.errors import Unauthenticated
from grpc_utils.providers import LOCAL, provider_of

from service_users import adhesions, lookups, personnes, rules
from service_users.directory import Directory, MatchedAccount
from service_users.models import ACTIF, Utilisateur
from service_users.personnes import Personne
from service_users.settings import UsersSettings

_USER_TYPE_CLAIMS = ("user_type", "https://wanzo.com/user_type")


class CompteDesactive(Unauthenticated):
    """Le compte est désactivé."""


def is_internal(identity: Identity) -> bool:
    """Tell whether the caller is one of our own services (C5)."""
    return identity.kind != "user"


async def named_id(reader: Reader, identity: Identity, settings: UsersSettings) -> UUID | None:
    """Return the id of the user whom the caller's token names, also of a closed or deleted account.

    None for services and for people who are unknown here.
    """
    if is_internal(identity):
        return None
    provider = provider_of(identity.issuer, settings)
    if provider == LOCAL:
        return parse_uuid(identity.subject)
    known = await lookups.by_subject(reader, provider, identity.subject)
    return None if known is None else known.utilisateur_id


async def own_id(reader: Reader, identity: Identity, settings: UsersSettings) -> UUID | None:
    """Return the id of the calling user; None for services, strangers and people shown out (R15)."""
    utilisateur_id = await named_id(reader, identity, settings)
    utilisateur = None if utilisateur_id is None else await reader.get(Utilisateur, utilisateur_id)
    if utilisateur is None or not utilisateur.actif or _is_from_before(identity, utilisateur, settings):
        return None
    return utilisateur_id


async def check_own(
    reader: Reader, identity: Identity, settings: UsersSettings, utilisateur_id: UUID
) -> None:
    """Refuse a user who means somebody else's account (R4). Raises AutreUtilisateur."""
    if not is_internal(identity) and await named_id(reader, identity, settings) != utilisateur_id:
        raise rules.AutreUtilisateur


def check_open(identity: Identity, utilisateur: Utilisateur, settings: UsersSettings) -> None:
    """Refuse a user whose account is closed, or whose token is older than the end of its tokens.

    Raises CompteDesactive (R15), JetonRevoque (R28).
    """
    if is_internal(identity):
        return
    if not utilisateur.actif:
        raise CompteDesactive
    if _is_from_before(identity, utilisateur, settings):
        raise JetonRevoque


async def acting(
    reader: Reader, identity: Identity, settings: UsersSettings, organisation_id: str
) -> UUID | None:
    """Return the id of the calling user, an active member of the organisation (R27); None for services.

    Asks the directory, whatever the token says. Raises MembreInactif.
    """
    if is_internal(identity):
        return None
    me = await own_id(reader, identity, settings)
    membre = None if me is None else await adhesions.membership(reader, organisation_id, me)
    if membre is None or membre.etat != ACTIF:
        raise rules.MembreInactif
    return me


async def account(
    tx: Transaction, directory: Directory, personne: Personne, identity: Identity, settings: UsersSettings
) -> MatchedAccount:
    """Return the account of the caller, *personne*, made if need be.

    Raises CompteDesactive, ConflitIdentite, JetonRevoque.
    """
    made = await directory.upsert(tx, personne)
    if made.supprime:
        raise CompteDesactive
    check_open(identity, made.account(), settings)
    return made


def _is_from_before(identity: Identity, utilisateur: Utilisateur, settings: UsersSettings) -> bool:
    """Tell whether a token of ours was issued before the tokens of *utilisateur* ended (R28).

    Auth tells every process, which takes a moment; until then this directory knows best. Tokens may tell
    whole seconds only: those of the very second are left to auth, which knows their exact instant.
    """
    since = utilisateur.jetons_depuis
    if since is None or provider_of(identity.issuer, settings) != LOCAL:
        return False
    return identity.issued_at < int(since.timestamp())


def personne_of(identity: Identity, settings: UsersSettings, source: str) -> Personne:
    """Read the person of a user's token. Raises UtilisateurRequis for other callers."""
    if is_internal(identity):
        raise rules.UtilisateurRequis
    claims = identity.claims
    verified = claims.get("email_verified")
    prenom, nom = personnes.names(
        outer_text(claims.get("given_name"), personnes.LONGEST_NAME),
        outer_text(claims.get("family_name"), personnes.LONGEST_NAME),
        outer_text(claims.get("name"), 2 * personnes.LONGEST_NAME),
    )
    return Personne(
        fournisseur=provider_of(identity.issuer, settings),
        sujet=identity.subject,
        source=source,
        email=personnes.outer_email(claims.get("email")),
        email_verifie=verified if isinstance(verified, bool) else None,
        nom=nom,
        prenom=prenom,
        photo_url=personnes.outer_url(claims.get("picture")),
        type_utilisateur=next(
            filter(None, (outer_text(claims.get(n), personnes.LONGEST_TYPE) for n in _USER_TYPE_CLAIMS)),
            "",
        ),
    )
