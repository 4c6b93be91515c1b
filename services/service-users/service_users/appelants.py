"""Who calls, as a person of this directory: the subject of the token, under its issuer's provider."""

from uuid import UUID

from db_utils import Reader, Transaction, parse_uuid
from grpc_utils import Identity
from grpc_utils.errors import Unauthenticated
from grpc_utils.providers import LOCAL, provider_of

from service_users import annuaire, personnes, rules
from service_users.annuaire import Annuaire
from service_users.models import Utilisateur
from service_users.personnes import Personne
from service_users.settings import UsersSettings

_USER_TYPE_CLAIMS = ("user_type", "https://wanzo.com/user_type")


class CompteDesactive(Unauthenticated):
    """Le compte est désactivé."""


def is_internal(identity: Identity) -> bool:
    """Whether the caller is one of our own services (C5)."""
    return identity.kind != "user"


async def own_id(reader: Reader, identity: Identity, settings: UsersSettings) -> UUID | None:
    """The id of the calling user, None for services and for people who are unknown here."""
    if is_internal(identity):
        return None
    provider = provider_of(identity.issuer, settings)
    if provider == LOCAL:
        return parse_uuid(identity.subject)
    known = await annuaire.by_subject(reader, provider, identity.subject)
    return None if known is None else known.utilisateur_id


async def account(tx: Transaction, accounts: Annuaire, personne: Personne) -> Utilisateur:
    """The account of the calling *personne*, made if need be. Raises CompteDesactive, ConflitIdentite."""
    made = await accounts.upsert(tx, personne)
    if made.supprime or not made.account().actif:
        raise CompteDesactive
    return made.account()


def personne_of(identity: Identity, settings: UsersSettings, source: str) -> Personne:
    """What the token of a user says of him. Raises UtilisateurRequis for other callers."""
    if is_internal(identity):
        raise rules.UtilisateurRequis
    claims = identity.claims
    verified = claims.get("email_verified")
    prenom, nom = personnes.names(
        personnes.outer_text(claims.get("given_name")),
        personnes.outer_text(claims.get("family_name")),
        personnes.outer_text(claims.get("name"), 2 * personnes.LONGEST_NAME),
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
            filter(
                None, (personnes.outer_text(claims.get(n), personnes.LONGEST_TYPE) for n in _USER_TYPE_CLAIMS)
            ),
            "",
        ),
    )
