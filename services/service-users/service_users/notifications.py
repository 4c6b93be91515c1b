"""Reading of an identity provider's webhook (R21 to R23): pure, from verified content to a value.

`inbox.py` takes the value in.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from db_utils import clock
from grpc_utils import outer_text
from grpc_utils.errors import FailedPrecondition, FormatInvalide
from grpc_utils.providers import KINDE

from service_users import personnes
from service_users.personnes import Personne

CREATED, UPDATED, DELETED = "user.created", "user.updated", "user.deleted"
KNOWN: Final = (CREATED, UPDATED, DELETED)
WEBHOOK_ID = "webhook-id"
SOURCE: Final = "webhook"
_OLDEST, _AHEAD = timedelta(hours=48), timedelta(minutes=5)  # R23; Kinde tries again for 36 hours
_LONGEST_KEY, _LONGEST_TYPE, _LONGEST_PHONE = 128, 60, 50


class HorsFenetre(FailedPrecondition):
    """La notification est trop ancienne ou porte une date à venir."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A webhook as it was read; *cle* is the key by which its replays are known (R22).

    *sujet* is "" for unknown types. *horodatage* is the provider's time, None when neither body nor
    header tells it. *suspendu* is None when the provider does not say.
    """

    cle: str
    type: str
    horodatage: datetime | None
    sujet: str = ""
    email: str = ""
    prenom: str = ""
    nom: str = ""
    telephone: str = ""
    suspendu: bool | None = None

    @property
    def personne(self) -> Personne:
        """Person of whom the provider tells."""
        return Personne(
            fournisseur=KINDE,
            sujet=self.sujet,
            source=SOURCE,
            email=self.email,
            nom=self.nom,
            prenom=self.prenom,
            telephone=self.telephone,
        )

    @property
    def payload(self) -> dict[str, Any]:
        """Fields that a later attempt needs beside the columns of its row, as JSON."""
        fields = asdict(self)
        del fields["cle"], fields["type"], fields["horodatage"], fields["sujet"]
        return fields


def read_object(body: bytes) -> dict[str, Any]:
    """Read the JSON object in *body*. Raises FormatInvalide."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise FormatInvalide(champ="corps") from None
    return _object(content, "corps")


def notification(
    content: dict[str, Any], body: bytes, headers: Mapping[str, str], signed_at: float | None
) -> Notification:
    """Read the notification in *content*; *signed_at* is its time if the body has none (R23).

    Raises FormatInvalide, and HorsFenetre for a time too long ago or ahead.
    """
    kind = content.get("type")
    if not isinstance(kind, str) or not kind.isprintable() or not 0 < len(kind) <= _LONGEST_TYPE:
        raise FormatInvalide(champ="type")
    horodatage = _time(content.get("timestamp"), signed_at)
    cle = _key(content.get("event_id"), headers.get(WEBHOOK_ID), body)
    if kind not in KNOWN:
        return Notification(cle, kind, horodatage)
    user = _user(content)
    suspended = user.get("is_suspended")
    return Notification(
        cle,
        kind,
        horodatage,
        sujet=_subject(user.get("id")),
        email=personnes.outer_email(user.get("email")),
        prenom=outer_text(user.get("first_name"), personnes.LONGEST_NAME),
        nom=outer_text(user.get("last_name"), personnes.LONGEST_NAME),
        telephone=outer_text(user.get("phone"), _LONGEST_PHONE),
        suspendu=suspended if isinstance(suspended, bool) else None,
    )


def _time(text: object, signed_at: float | None) -> datetime | None:
    if text is None:
        return None if signed_at is None else datetime.fromtimestamp(signed_at, UTC)
    try:
        horodatage = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        horodatage = None
    if horodatage is None or horodatage.tzinfo is None:
        raise FormatInvalide(champ="timestamp")
    now = clock.now()
    if not now - _OLDEST <= horodatage <= now + _AHEAD:
        raise HorsFenetre
    return horodatage.astimezone(UTC)


def _key(event_id: object, webhook_id: str | None, body: bytes) -> str:
    """Return the key that a webhook shares with its replays (R22)."""
    for text in (event_id, webhook_id):
        if isinstance(text, str) and text.isprintable() and 0 < len(text) <= _LONGEST_KEY:
            return text
    return hashlib.sha256(body).hexdigest()


def _user(content: dict[str, Any]) -> dict[str, Any]:
    user = content.get("user")
    if user is None:
        user = _object(content.get("data"), "data").get("user")
    return _object(user, "user")


def _object(content: object, champ: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise FormatInvalide(champ=champ)
    return content


def _subject(text: object) -> str:
    if not isinstance(text, str):
        raise FormatInvalide(champ="id")
    return personnes.subject(text, "id")
