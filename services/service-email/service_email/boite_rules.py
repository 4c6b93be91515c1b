"""Rules of mailboxes as pure functions: rows from requests, changes of rows, or a refusal (R12–R16)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

from crm.email import email_pb2 as pb
from db_utils import Envelope, uuid7
from grpc_utils import Identity, at_most, changes, one_of, opaque_id, required
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument
from grpc_utils.web import is_loopback

from service_email.departs import BoiteInactive
from service_email.dialing import is_public
from service_email.models import (
    AUCUNE,
    EXCHANGE,
    GMAIL,
    OAUTH2,
    OTHER,
    OUTLOOK,
    SMTP,
    STARTTLS,
    TLS,
    BoiteMail,
)
from service_email.rules import body, checked_address
from service_email.settings import EmailSettings
from service_email.transports import PORTS

LONGEST_SIGNATURE: Final = 20_000  # characters
_LONGEST_TEXT: Final = 255  # characters, as wide as the columns are
_LONGEST_PASSWORD: Final = 1024  # characters; some providers use long keys as passwords
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_LARGEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of mailboxes: its code in integrations, and its server."""

    code: str
    host: str


_MICROSOFT = Provider("microsoft", "smtp.office365.com")
PROVIDERS: Final[Mapping[str, Provider]] = {
    GMAIL: Provider("google", "smtp.gmail.com"),
    OUTLOOK: _MICROSOFT,
    EXCHANGE: _MICROSOFT,
}

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "fournisseur": (GMAIL, OUTLOOK, EXCHANGE, SMTP, OTHER),
    "type_connexion": (SMTP, OAUTH2),
    "securite": (STARTTLS, TLS, AUCUNE),
}
_USUAL: Final = {"fournisseur": SMTP, "type_connexion": SMTP, "securite": STARTTLS}
_OWNERS: Final = ("societe_id", "utilisateur_id")
_SIGNATURES: Final = ("signature_html", "signature_texte")
_ACCOUNT: Final = ("integration_user_id", "integration_account_id")
_FIELDS: Final = (
    *_OWNERS,
    "nom",
    "adresse_email",
    *_CHOICES,
    "smtp_host",
    "smtp_port",
    "username",
    *_ACCOUNT,
    *_SIGNATURES,
    "est_par_defaut",
)
_LOGIN: Final = ("type_connexion", "smtp_host", "smtp_port", "securite", "username")
"""Columns that say to whom the password or the token is given."""


class AdressePrivee(InvalidArgument):
    """Ce serveur est sur un réseau privé ; seuls les serveurs d'Internet sont admis."""


class ChiffrementRequis(InvalidArgument):
    """Sans chiffrement, seul un serveur de cette machine est admis."""


class CompteDAutrui(InvalidArgument):
    """Le compte connecté doit être le vôtre."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What decides on a mailbox besides its request: the caller, the settings, the seal of secrets."""

    identity: Identity
    settings: EmailSettings
    envelope: Envelope


def place(boite_mail_id: UUID) -> str:
    """The place that the envelope of a password is bound to (C15)."""
    return f"email.boites_mail.mot_de_passe:{boite_mail_id}"


def needs_encryption(securite: str, host: str, allowed: bool) -> bool:
    """Whether a server at *host* may not be spoken to in this way (R14)."""
    return securite == AUCUNE and not allowed and not is_loopback(host)


def new_boite(request: pb.CreateBoiteMailRequest, maker: Maker) -> BoiteMail:
    """The mailbox that *request* asks for.

    Raises ChampRequis, FormatInvalide, ValeurInconnue, TropLong, EnteteInterdit, AdressePrivee,
    ChiffrementRequis, CompteDAutrui.
    """
    sent = {name: getattr(request, name) or _USUAL.get(name) for name in _FIELDS}
    columns = _whole(_cleaned(sent), bool(request.mot_de_passe), maker)
    if columns["type_connexion"] == OAUTH2:
        _own_account(columns, maker.identity)
    boite_mail_id = uuid7()
    return BoiteMail(
        id=boite_mail_id,
        organisation_id=request.organisation_id,
        mot_de_passe=_sealed(request.mot_de_passe, boite_mail_id, maker.envelope),
        **columns,
    )


def boite_changes(boite: BoiteMail, request: pb.UpdateBoiteMailRequest, maker: Maker) -> dict[str, Any]:
    """The new values of *boite*, by column (C9). Raises like `new_boite`, BoiteInactive."""
    mandatory = ("nom", "adresse_email", *_CHOICES)
    sent = changes(request, (*_FIELDS, "actif"), mandatory=mandatory)
    actif = sent.pop("actif", boite.actif)
    sent = _cleaned(sent)
    kept = {name: getattr(boite, name) for name in _FIELDS}
    if sent.get("type_connexion", boite.type_connexion) != boite.type_connexion:
        kept |= dict.fromkeys(("smtp_host", "smtp_port", "username", *_ACCOUNT))  # of the former login
    columns = _whole(kept | sent, _keeps_password(boite, kept | sent, request.mot_de_passe), maker)
    _check_login(boite, columns, request.mot_de_passe, maker.identity)
    return (
        columns
        | _password_change(boite, columns, request.mot_de_passe, maker)
        | _activity(boite, columns, actif, asked=sent.get("est_par_defaut", False))
    )


def _activity(boite: BoiteMail, columns: Mapping[str, Any], actif: bool, *, asked: bool) -> dict[str, Any]:
    """Whether it is active, and the default: an inactive one is none (R12). Raises BoiteInactive."""
    if asked and not actif:
        raise BoiteInactive(champ="est_par_defaut")
    return {"actif": actif, "est_par_defaut": columns["est_par_defaut"] and actif}


def _keeps_password(boite: BoiteMail, columns: Mapping[str, Any], given: str) -> bool:
    known = boite.mot_de_passe is not None and bool(columns["username"])
    return bool(given) or (known and columns["type_connexion"] == SMTP)


def _password_change(
    boite: BoiteMail, columns: Mapping[str, Any], given: str, maker: Maker
) -> dict[str, Any]:
    """The change of the password: the one that was *given*, none where nobody logs in by name (R16)."""
    if given:
        return {"mot_de_passe": _sealed(given, boite.id, maker.envelope)}
    if columns["type_connexion"] == SMTP and columns["username"]:
        return {}
    return {"mot_de_passe": None}


def _check_login(boite: BoiteMail, columns: Mapping[str, Any], given: str, identity: Identity) -> None:
    """Refuse to give a stored password or token to another server than it was meant for (R16)."""
    moved = any(columns[name] != getattr(boite, name) for name in _LOGIN)
    if columns["type_connexion"] == OAUTH2:
        if moved or any(columns[name] != getattr(boite, name) for name in ("fournisseur", *_ACCOUNT)):
            _own_account(columns, identity)
    elif moved and columns["username"] and not given:
        raise ChampRequis(champ="mot_de_passe")


def _own_account(columns: Mapping[str, Any], identity: Identity) -> None:
    """Refuse an account that another user has connected: the mails would pass for his (R13)."""
    if identity.kind == "user" and columns["integration_user_id"] != identity.subject:
        raise CompteDAutrui(champ="integration_user_id")


def _cleaned(sent: Mapping[str, Any]) -> dict[str, Any]:
    """*sent* in the form in which the table keeps it."""
    return {
        name: _CLEANERS[name](value or "", name) if name in _CLEANERS else value
        for name, value in sent.items()
    }


def _owner(text: str, champ: str) -> str:
    return opaque_id(text, champ) or ""


def _choice(text: str, champ: str) -> str:
    return one_of(text, _CHOICES[champ], champ)


def _signature(text: str, champ: str) -> str | None:
    return body(at_most(text, LONGEST_SIGNATURE, champ), champ)


def _or_none(text: str, champ: str) -> str | None:
    return at_most(text, _LONGEST_TEXT, champ) or None


def _flag(value: object, champ: str) -> bool:
    return bool(value)


_CLEANERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    **dict.fromkeys(_OWNERS, _owner),
    **dict.fromkeys(_CHOICES, _choice),
    **dict.fromkeys(_SIGNATURES, _signature),
    **dict.fromkeys(("smtp_host", "username", *_ACCOUNT), _or_none),
    "adresse_email": checked_address,
    "est_par_defaut": _flag,
}


def _whole(columns: Mapping[str, Any], password: bool, maker: Maker) -> dict[str, Any]:
    """*columns* completed and checked as a whole (R13–R15)."""
    required(columns["nom"] or "", "nom")
    login = _oauth2 if columns["type_connexion"] == OAUTH2 else _named
    whole = dict(columns) | login(columns, password, maker.identity)
    whole["smtp_host"] = _host(whole["smtp_host"], maker.settings)
    if not 1 <= whole["smtp_port"] <= _LARGEST_PORT:
        raise FormatInvalide(f"de 1 à {_LARGEST_PORT}", champ="smtp_port")
    if needs_encryption(whole["securite"], whole["smtp_host"], maker.settings.smtp_allow_plaintext):
        raise ChiffrementRequis(champ="securite")
    return whole


def _named(columns: Mapping[str, Any], password: bool, identity: Identity) -> dict[str, Any]:
    """The login by name and password, both or none; server and port are needed."""
    host, port = required(columns["smtp_host"] or "", "smtp_host"), columns["smtp_port"]
    if not port:
        raise ChampRequis(champ="smtp_port")
    if password != bool(columns["username"]):
        raise ChampRequis(champ="username" if password else "mot_de_passe")
    return {"smtp_host": host, "smtp_port": port} | dict.fromkeys(_ACCOUNT)


def _oauth2(columns: Mapping[str, Any], password: bool, identity: Identity) -> dict[str, Any]:
    """The login by an account that was connected at its provider, whose server is the usual one."""
    provider = PROVIDERS[one_of(columns["fournisseur"], PROVIDERS, "fournisseur")]
    if password:
        raise FormatInvalide("aucun mot de passe avec oauth2", champ="mot_de_passe")
    user_id = opaque_id(columns["integration_user_id"] or identity.user_id, "integration_user_id")
    return {
        "smtp_host": columns["smtp_host"] or provider.host,
        "smtp_port": columns["smtp_port"] or PORTS[columns["securite"]],
        "username": columns["username"] or columns["adresse_email"],
        "integration_user_id": required(user_id or "", "integration_user_id"),
        "integration_account_id": required(columns["integration_account_id"] or "", "integration_account_id"),
    }


def _host(text: str, settings: EmailSettings) -> str:
    """A host name in small letters, or an IP address. Raises FormatInvalide, AdressePrivee."""
    host = text.lower()
    try:
        private = not is_public(str(ip_address(host)))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise FormatInvalide("nom de serveur attendu", champ="smtp_host") from None
        private = is_loopback(host)
    if private and not settings.smtp_allow_private:
        raise AdressePrivee(champ="smtp_host")
    return host


def _sealed(password: str, boite_mail_id: UUID, envelope: Envelope) -> str | None:
    if not password:
        return None
    if _CONTROL.search(at_most(password, _LONGEST_PASSWORD, "mot_de_passe")):
        raise FormatInvalide(champ="mot_de_passe")
    return envelope.seal(password, place(boite_mail_id))
