"""Contents of what is sent: the requests of a group of reminders (R14, R17), as pure functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from crm.activites.activites_pb2 import CreateTacheRequest
from crm.clients.clients_pb2 import ClientBase
from crm.email.email_pb2 import Destinataire, SendRequest, SendTemplateRequest
from crm.notifications.notifications_pb2 import CreateNotificationRequest
from google.protobuf.message import Message
from grpc_utils import timestamp

from service_relance.canaux import CANAUX, EMAIL, INTERNE, MODELE, TACHE, Canal
from service_relance.decisions import MAILED, Group
from service_relance.dossiers import Dossier, FactureDue, variables
from service_relance.models import (
    BASSE,
    CONTRAT_BIENTOT_EXPIRE,
    CONTRAT_EXPIRE,
    HAUTE,
    IMPAYE,
    MOYENNE,
    RegleRelance,
)
from service_relance.rules import closing_on
from service_relance.textes import Texte, texte

Contenu = Mapping[str, Any]

# titre and corps of the text, or modele_code and variables of its template, destinataire (address of the
# mail), sans_email, and montants: the amounts that are asked for, by reminder.
_DEMANDED: Final = "montant_du"
_LONGEST_BODY, _LONGEST_NOTIFICATION = 10_000, 2_000  # characters that callees take
_PRIORITES: Final = {HAUTE: "haute", MOYENNE: "normale", BASSE: "basse"}
_OWN_TYPES: Final = (IMPAYE, CONTRAT_BIENTOT_EXPIRE, CONTRAT_EXPIRE)  # types of notifications, too


KEYS: Final = "relance:"
"""Begins the keys under which reminders are sent."""


def key_of(envoi_id: UUID) -> str:
    """Key under which everything for one `Envoi` is sent (R17)."""
    return f"{KEYS}{envoi_id}"


@dataclass(frozen=True, slots=True)
class Lettre:
    """What is to be said for *group* by *regle*, to whom and until when."""

    group: Group
    regle: RegleRelance
    client: ClientBase | None
    dossier: Dossier
    repondre_a: str
    assigne_a: str
    a_faire_avant: date

    @property
    def au_client(self) -> Texte:
        """What the client reads."""
        return texte(self.regle, self.dossier, au_client=True)

    @property
    def au_collegue(self) -> Texte:
        """What the colleague reads who has the task."""
        return texte(self.regle, self.dossier, au_client=False)

    @property
    def email(self) -> str:
        """Address of the client, empty when it has none."""
        return self.client.email if self.client else ""

    @property
    def cle(self) -> str:
        """Key under which all of it is sent."""
        return key_of(self.group.envoi_id)


def contenu(lettre: Lettre, canaux: Sequence[Canal[Any]]) -> dict[str, Any]:
    """What is said, for the history, and to tell whether something else is to be said."""
    said: dict[str, Any] = {
        **_words(lettre, canaux),
        "destinataire": lettre.email,
        "montants": _amounts(lettre.group, lettre.dossier.factures),
    }
    if lettre.regle.action_type in MAILED and not lettre.email:
        said["sans_email"] = True
    return said


def _words(lettre: Lettre, canaux: Sequence[Canal[Any]]) -> dict[str, Any]:
    """What is read: the text, or what the template of a mail makes one of."""
    if MODELE in canaux:
        return {"modele_code": lettre.regle.modele_code, "variables": dict(variables(lettre.dossier))}
    read = lettre.au_client if EMAIL in canaux else lettre.au_collegue
    return {"titre": read.titre, "corps": read.corps}


def same_demand(former: Contenu, now: Contenu) -> bool:
    """Whether *former* asks the same address for the same sums; days and penalties may have grown."""
    return bool(former) and _demand(former) == _demand(now)


def _demand(said: Contenu) -> object:
    sums = {one: amounts.get(_DEMANDED) for one, amounts in said["montants"].items()}
    return said["destinataire"], sums


def _amounts(group: Group, factures: Sequence[FactureDue]) -> dict[str, dict[str, Any]]:
    about = [relance for relance in group.relances if relance.facture_id]
    owed = dict(zip((relance.id for relance in about), factures, strict=True))
    return {str(one.id): _amount(owed[one.id]) if one.id in owed else {} for one in group.relances}


def _amount(facture: FactureDue) -> dict[str, Any]:
    sums = facture.montants
    return {
        "numero": facture.numero,
        "jours_retard": facture.jours_retard,
        _DEMANDED: float(sums.montant_du),
        "penalites": float(sums.penalites),
        "indemnite": float(sums.indemnite),
        "total_du": float(sums.total_du),
    }


def requests(lettre: Lettre, canaux: Sequence[Canal[Any]]) -> list[tuple[Canal[Any], Message]]:
    """The request of each of *canaux*."""
    return [(canal, _MAKERS[canal.command.name](lettre)) for canal in CANAUX if canal in canaux]


def _mail(lettre: Lettre) -> SendRequest:
    first, said = lettre.group.first, lettre.au_client
    return SendRequest(
        organisation_id=first.organisation_id,
        societe_id=first.societe_id,
        a=[Destinataire(email=lettre.email, nom=lettre.dossier.client_nom)],
        sujet=said.titre,
        corps_texte=said.corps,
        corps_html=said.corps_html,
        repondre_a=lettre.repondre_a,
        cle_idempotence=lettre.cle,
    )


def _template_mail(lettre: Lettre) -> SendTemplateRequest:
    first = lettre.group.first
    return SendTemplateRequest(
        organisation_id=first.organisation_id,
        societe_id=first.societe_id,
        a=[Destinataire(email=lettre.email, nom=lettre.dossier.client_nom)],
        modele_code=lettre.regle.modele_code or "",
        variables=variables(lettre.dossier),
        cle_idempotence=lettre.cle,
    )


def _tache(lettre: Lettre) -> CreateTacheRequest:
    first, said = lettre.group.first, lettre.au_collegue
    return CreateTacheRequest(
        organisation_id=first.organisation_id,
        titre=said.titre,
        description=said.corps[:_LONGEST_BODY],
        type="relance",
        priorite=_PRIORITES[lettre.regle.priorite_tache],
        date_echeance=timestamp(closing_on(lettre.a_faire_avant)),
        assigne_a=lettre.assigne_a,
        client_id=first.client_id,
        contrat_id=_common(lettre.group, "contrat_id"),
        facture_id=_common(lettre.group, "facture_id"),
        regle_relance_id=str(lettre.regle.id),
        cle_idempotence=lettre.cle,
    )


def _notification(lettre: Lettre) -> CreateNotificationRequest:
    first, said = lettre.group.first, lettre.au_collegue
    request = CreateNotificationRequest(
        organisation_id=first.organisation_id,
        destinataire_type="ORGANISATION",
        type=first.declencheur if first.declencheur in _OWN_TYPES else "RAPPEL",
        titre=said.titre,
        message=said.corps[:_LONGEST_NOTIFICATION],
        cle_idempotence=lettre.cle,
    )
    request.metadata.update({"client_id": first.client_id, "relance_id": str(first.id)})
    return request


def _common(group: Group, field: str) -> str:
    """The value of *field* that all reminders share, empty when they differ."""
    values = {getattr(relance, field) or "" for relance in group.relances}
    return values.pop() if len(values) == 1 else ""


_MAKERS: Final[Mapping[str, Callable[[Lettre], Message]]] = {
    EMAIL.command.name: _mail,
    MODELE.command.name: _template_mail,
    TACHE.command.name: _tache,
    INTERNE.command.name: _notification,
}
