"""Answers of a platform, read into values of the port: nothing in them is trusted (XP Z12-013)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from service_kit.outside import Reply

from service_factures.transmission.port import (
    Acquittement,
    Adresse,
    Etat,
    Flux,
    NonAutorisee,
    Refusee,
    Tardive,
)
from service_factures.transmission.statuts import LONGEST_MOTIF, LONGEST_TEXTE

Content = Mapping[str, Any]

DEJA_LA: Final = "AlreadyExistingFlow"
_OK, _REDIRECTION = 200, 300
_REFUSED: Final = frozenset({400, 409, 413, 422})
_FORBIDDEN: Final = frozenset({401, 403})
_CONFLICT: Final = 409
_ETATS: Final = ("Pending", "Ok", "Error")
_ENABLED: Final = "Enabled"
_SCHEME: Final = "0225"  # of French electronic addresses (BR-FR-21)
_LONGEST_ID, _LONGEST_ADDRESS, _LONGEST_CURSOR = 100, 125, 2000


def accepted(reply: Reply) -> Content:
    """The content of an answer that says yes. Raises Tardive, NonAutorisee, Refusee."""
    status = reply.status
    if _OK <= status < _REDIRECTION:
        return reply.content
    if status in _FORBIDDEN:
        raise NonAutorisee(f"status {status}")
    code = _text(reply.content, "errorCode", LONGEST_MOTIF)
    if status in _REFUSED and (status != _CONFLICT or code == DEJA_LA):
        raise Refusee(code or f"HTTP_{status}", _text(reply.content, "errorMessage", LONGEST_TEXTE))
    pause = timedelta(seconds=reply.retry_after) if reply.retry_after else None
    raise Tardive(f"status {status}", pause)


def results(content: Content) -> Iterator[Content]:
    """The objects among the results of a search."""
    found = content.get("results")
    return (one for one in found if isinstance(one, dict)) if isinstance(found, list) else iter(())


def curseur(content: Content) -> str:
    """The cursor of the next page, "" when there is none."""
    told = content.get("nextCursor")
    return told if isinstance(told, str) and len(told) <= _LONGEST_CURSOR else ""


def flux(content: Content) -> Flux | None:
    """A flow, None for one without an id."""
    flow_id = _text(content, "flowId", _LONGEST_ID + 1)
    if not flow_id or len(flow_id) > _LONGEST_ID:
        return None
    return Flux(
        flow_id=flow_id,
        tracking_id=_text(content, "trackingId", _LONGEST_ID),
        depose_le=_instant(content, "submittedAt"),
        modifie_le=_instant(content, "updatedAt"),
        direction=_text(content, "flowDirection", _LONGEST_ID),
        type=_text(content, "flowType", _LONGEST_ID),
        acquittement=_acquittement(content.get("acknowledgement")),
    )


def adresse(content: Content) -> Adresse | None:
    """An address of the directory, None for one that receives nothing now, or is no address."""
    identifier = _text(content, "addressingIdentifier", _LONGEST_ADDRESS + 1)
    statut = _text(content, "directoryLineStatus", _LONGEST_ID)
    if statut != _ENABLED or not identifier or len(identifier) > _LONGEST_ADDRESS:
        return None
    return Adresse(
        adresse_electronique=f"{_SCHEME}:{identifier}",
        siren=_text(content, "siren", _LONGEST_ID),
        siret=_text(content, "siret", _LONGEST_ID),
        statut=statut,
        plateforme=_text(content, "platformType", _LONGEST_ID),
    )


def _acquittement(told: object) -> Acquittement | None:
    """What the platform says of a flow; of several details the first error counts."""
    if not isinstance(told, dict) or told.get("status") not in _ETATS:
        return None
    found = told.get("details")
    details = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    errors = [one for one in details if one.get("level") == "Error"] or details
    first: Content = errors[0] if errors else {}
    return Acquittement(
        etat=cast("Etat", told["status"]),
        code=_text(first, "reasonCode", LONGEST_MOTIF),
        texte=_text(first, "reasonMessage", LONGEST_TEXTE),
    )


def _instant(content: Content, name: str) -> datetime | None:
    """The instant in the field *name*, UTC where it names no zone; None for what is none."""
    told = content.get(name)
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _text(content: Content, name: str, longest: int) -> str:
    """The printable part of the text in the field *name*, cut to *longest* characters."""
    told = content.get(name)
    text = "".join(filter(str.isprintable, told)) if isinstance(told, str) else ""
    return text.strip()[:longest]
