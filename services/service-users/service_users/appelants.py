"""Who calls, as a person of this directory: the subject of the token, under its issuer's provider."""

from uuid import UUID

from db_utils import Reader, parse_uuid
from grpc_utils import Identity, email_address
from grpc_utils.errors import FormatInvalide, TropLong, Unauthenticated

from service_users import annuaire, rules
from service_users.models import LOCAL
from service_users.rules import Personne
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
    provider = settings.provider_of(identity.issuer)
    if provider == LOCAL:
        return parse_uuid(identity.subject)
    known = await annuaire.by_subject(reader, provider, identity.subject)
    return None if known is None else known.utilisateur_id


def personne_of(identity: Identity, settings: UsersSettings, source: str) -> Personne:
    """What the token of a user says of him. Raises UtilisateurRequis for other callers."""
    if is_internal(identity):
        raise rules.UtilisateurRequis
    claims = identity.claims
    verified = claims.get("email_verified")
    prenom, nom = rules.names(
        rules.outer_text(claims.get("given_name")),
        rules.outer_text(claims.get("family_name")),
        rules.outer_text(claims.get("name"), 2 * rules.LONGEST_NAME),
    )
    return Personne(
        fournisseur=settings.provider_of(identity.issuer),
        sujet=identity.subject,
        source=source,
        email=_email(claims.get("email")),
        email_verifie=verified if isinstance(verified, bool) else None,
        nom=nom,
        prenom=prenom,
        photo_url=rules.outer_url(claims.get("picture")),
        type_utilisateur=next(
            filter(None, (rules.outer_text(claims.get(n), rules.LONGEST_TYPE) for n in _USER_TYPE_CLAIMS)), ""
        ),
    )


def _email(claim: object) -> str:
    try:
        return email_address(rules.outer_text(claim, 255), "email") or ""
    except (FormatInvalide, TropLong):
        return ""
