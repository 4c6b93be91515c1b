"""Mails in the platform's own name, to persons about their access to the CRM (R20, R23), as pure functions.

They belong to no organisation, so that none can read them; some carry a secret.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from crm.email import email_pb2 as pb
from db_utils.clock import PARIS
from grpc_utils import content_hash, instant, one_of, opaque_id, required
from grpc_utils.errors import ChampRequis, FormatInvalide, Introuvable
from grpc_utils.telemetry import masked

from service_email.departs import Depart
from service_email.modeles import render
from service_email.models import COMPTE, Message, Modele
from service_email.rules import checked_address, message, one_line, recipient

# This cannot be an organisation: its id would begin with a letter or a digit (C2).
PLATEFORME = "@plateforme"
BIENVENUE_UTILISATEUR = "BIENVENUE_UTILISATEUR"
CONFIRMATION_ADRESSE, CHANGEMENT_ADRESSE, COMPTE_REPRIS = (
    "CONFIRMATION_ADRESSE",
    "CHANGEMENT_ADRESSE",
    "COMPTE_REPRIS",
)
_CONFIRMATION_PAGE = "confirmer-adresse"
# Unreserved characters stand in the fragment of a URL as they are (RFC 3986 section 2.3).
_JETON = re.compile(r"[A-Za-z0-9._~-]{1,512}")


def welcome_user(request: pb.SendWelcomeRequest, depart: Depart, modele: Modele, lien: str) -> Message:
    """The welcome mail of a new user (R23); *lien* is the page where he signs in, if any."""
    utilisateur_id = opaque_id(required(request.utilisateur_id, "utilisateur_id"), "utilisateur_id")
    return _to_person(
        request,
        depart,
        modele,
        {"lien_application": lien},
        origine="bienvenue",
        cle_idempotence=f"bienvenue:{utilisateur_id}",
    )


def account_mail(request: pb.SendAccountMailRequest, depart: Depart, modele: Modele, lien: str) -> Message:
    """The mail about an account that *request* asks for (R20); *lien* is the address of the application."""
    opaque_id(required(request.utilisateur_id, "utilisateur_id"), "utilisateur_id")
    return _to_person(
        request,
        depart,
        modele,
        _VARIABLES[request.modele_code](request, lien.rstrip("/")),
        origine=COMPTE,
        cle_idempotence=required(request.cle_idempotence, "cle_idempotence"),
        contenu_hash=content_hash(request),
    )


def account_modele(code: str) -> str:
    """The same *code*, checked to be a template of account mails. Raises ChampRequis, ValeurInconnue."""
    return one_of(code, _VARIABLES, "modele_code")


def sendable(code: str) -> str:
    """The same *code*, checked to be no template of the platform's own mails (R26).

    Raises ChampRequis, Introuvable.
    """
    if is_own(required(code, "modele_code")):
        raise Introuvable(champ="modele_code")
    return code


def is_own(code: str) -> bool:
    """Whether *code* is that of a template for the platform's own mails."""
    return code in (BIENVENUE_UTILISATEUR, *_VARIABLES)


def _to_person(
    request: pb.SendWelcomeRequest | pb.SendAccountMailRequest,
    depart: Depart,
    modele: Modele,
    variables: Mapping[str, str],
    **columns: Any,
) -> Message:
    prenom, nom = one_line(request.prenom, "prenom"), one_line(request.nom, "nom")
    rendu = render(modele, {"prenom": prenom, "nom": nom, **variables})
    email = checked_address(required(request.email, "email"), "email")
    return message(
        depart,
        organisation_id=PLATEFORME,
        a=[recipient(email, f"{prenom} {nom}".strip())],
        sujet=rendu.sujet,
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        modele_code=modele.code,
        **columns,
    )


def _confirmation(request: pb.SendAccountMailRequest, lien: str) -> Mapping[str, str]:
    """Variables of the mail with the link; its token is in the fragment, which browsers send to no server.

    Where no application is known, the token alone stands in place of the link.
    """
    if not _JETON.fullmatch(required(request.jeton, "jeton")):
        raise FormatInvalide(champ="jeton")
    if not request.HasField("expire_le"):
        raise ChampRequis(champ="expire_le")
    link = f"{lien}/{_CONFIRMATION_PAGE}#jeton={request.jeton}" if lien else request.jeton
    return {"lien": link, "expire_le": _in_paris(instant(request.expire_le))}


def _changement(request: pb.SendAccountMailRequest, lien: str) -> Mapping[str, str]:
    """Variables of the mail to the former address: it shows the new one masked (C16)."""
    nouvelle = checked_address(required(request.nouvelle_adresse, "nouvelle_adresse"), "nouvelle_adresse")
    return {"nouvelle_adresse": masked(nouvelle)}


def _repris(request: pb.SendAccountMailRequest, lien: str) -> Mapping[str, str]:
    return {"lien_application": lien}


_VARIABLES: Mapping[str, Callable[[pb.SendAccountMailRequest, str], Mapping[str, str]]] = {
    CONFIRMATION_ADRESSE: _confirmation,
    CHANGEMENT_ADRESSE: _changement,
    COMPTE_REPRIS: _repris,
}


def _in_paris(moment: datetime) -> str:
    return moment.astimezone(PARIS).strftime("%d/%m/%Y à %H:%M")
