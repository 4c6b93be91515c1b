"""Messages made of rows: a user with his identities, a membership with its user."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from crm.users import users_pb2 as pb
from db_utils import Reader
from grpc_utils import caller, to_message
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from service_users.models import IdentifiantLocal, Identite, Membre, Utilisateur

_ids = bindparam("ids", type_=ARRAY(Uuid))
_IDENTITES = (
    select(Identite, IdentifiantLocal.aleatoire)
    .outerjoin(IdentifiantLocal, IdentifiantLocal.utilisateur_id == Identite.utilisateur_id)
    .where(Identite.utilisateur_id == any_(_ids))
    .order_by(Identite.created_at, Identite.id)
)
_UTILISATEURS = select(Utilisateur).where(Utilisateur.id == any_(_ids))


async def utilisateur_message(
    reader: Reader, utilisateur: Utilisateur, *, me: UUID | None = None
) -> pb.Utilisateur:
    """Return the message of *utilisateur*, without any hash; *me* is the calling user, if he is known.

    The address that waits is shown to that user himself and to services only.
    """
    (message,) = await utilisateur_messages(reader, [utilisateur])
    if utilisateur.email_en_attente and (me == utilisateur.id or caller().kind != "user"):
        message.email_en_attente = utilisateur.email_en_attente
    return message


async def utilisateur_messages(reader: Reader, utilisateurs: Sequence[Utilisateur]) -> list[pb.Utilisateur]:
    """Return the messages of several users, all without the addresses that wait."""
    if not utilisateurs:
        return []
    identites: defaultdict[UUID, list[pb.Identite]] = defaultdict(list)
    told: set[UUID] = set()
    for identite, aleatoire in await reader.all(_IDENTITES, ids=[one.id for one in utilisateurs]):
        identites[identite.utilisateur_id].append(to_message(identite, pb.Identite))
        if aleatoire is False:
            told.add(identite.utilisateur_id)
    messages = [
        to_message(one, pb.Utilisateur, identites=identites[one.id], mot_de_passe_connu=one.id in told)
        for one in utilisateurs
    ]
    for message in messages:
        message.ClearField("email_en_attente")  # to_message copies every column of that name
    return messages


async def membre_message(reader: Reader, membre: Membre) -> pb.Membre:
    """Return the message of *membre*, with his user."""
    (message,) = await membre_messages(reader, [membre])
    return message


async def membre_messages(reader: Reader, membres: Iterable[Membre]) -> list[pb.Membre]:
    """Return the messages of several memberships; the user is missing where he was deleted."""
    rows = list(membres)
    users = await reader.all(_UTILISATEURS, ids=list({one.utilisateur_id for one in rows}))
    known = {message.id: message for message in await utilisateur_messages(reader, users)}
    return [to_message(one, pb.Membre, utilisateur=known.get(str(one.utilisateur_id))) for one in rows]
