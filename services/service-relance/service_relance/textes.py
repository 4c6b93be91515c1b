"""Texts of reminders: those that an organisation wrote, else the built-in ones, in French (R3).

`textes_impaye.py` holds those about unpaid invoices, `textes_rejet.py` that about rejected debits. Pure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from pdf_utils import typeset

from service_relance import textes_impaye, textes_rejet
from service_relance.dossiers import Dossier, variables, written
from service_relance.modeles import filled
from service_relance.models import (
    CONTRAT_BIENTOT_EXPIRE,
    CONTRAT_EXPIRE,
    IMPAYE,
    INACTIVITE_CLIENT,
    NOUVEAU_CLIENT,
    REJET_PRELEVEMENT,
    RegleRelance,
)

_LONGEST_TITRE = 255
_BREAKS = re.compile(r"[ \t\n]+")  # not the spaces at which no line breaks


@dataclass(frozen=True, slots=True)
class Texte:
    """Subject of a mail or title of a task, and the text below, in lines."""

    titre: str
    corps: str

    @property
    def corps_html(self) -> str:
        """The text as HTML of a mail: nothing in it is markup."""
        paragraphs = escape(self.corps).split("\n\n")
        return "".join(f"<p>{'<br>'.join(one.splitlines())}</p>" for one in paragraphs)


def texte(regle: RegleRelance, dossier: Dossier, *, au_client: bool) -> Texte:
    """Text by which *regle* speaks of *dossier* to the client, or to a colleague who has a task.

    Title and body are each the organisation's own where it wrote one, else built in.
    """
    own = _INTEGRES[dossier.declencheur](dossier, au_client)
    values = variables(dossier)
    titre = filled(regle.template_titre, values) if regle.template_titre else typeset(own.titre)
    corps = filled(regle.template_corps, values) if regle.template_corps else typeset(own.corps)
    return Texte(_BREAKS.sub(" ", titre).strip()[:_LONGEST_TITRE], corps.strip())


def _impaye(dossier: Dossier, au_client: bool) -> Texte:
    return Texte(textes_impaye.titre(dossier), textes_impaye.corps(dossier, au_client=au_client))


def _rejet(dossier: Dossier, au_client: bool) -> Texte:
    return Texte(textes_rejet.titre(dossier), textes_rejet.corps(dossier))


def _bienvenue(dossier: Dossier, au_client: bool) -> Texte:
    creation, nom, societe = written(dossier.date_creation), dossier.client_nom, dossier.societe_nom
    if au_client:
        chez = f" chez {societe}" if societe else ""
        since = f"Vous êtes notre client depuis le {creation}. " if creation else ""
        return Texte(
            f"Bienvenue{chez}",
            _message(dossier, f"{since}Nous vous souhaitons la bienvenue et restons à votre disposition."),
        )
    return Texte(
        f"Bienvenue : appeler {nom}",
        _lines(
            "Appeler le nouveau client pour lui souhaiter la bienvenue.",
            ("Client", nom),
            ("Téléphone", dossier.client_telephone),
            ("Créé le", creation),
            ("Société", societe),
        ),
    )


def _a_renouveler(dossier: Dossier, au_client: bool) -> Texte:
    reference, fin, left = dossier.reference_contrat, written(dossier.date_fin), _days_left(dossier)
    titre = f"Contrat à renouveler : {reference or dossier.client_nom}"
    ends = f"prend fin le {fin}, {left}" if fin else "prend fin"
    if au_client:
        return Texte(titre, _message(dossier, f"{_contract(dossier)} {ends}. Parlons de son renouvellement."))
    soon = f"prend fin {left}" if fin else "prend fin"
    return Texte(titre, _about_contract(dossier, f"Proposer le renouvellement : le contrat {soon}."))


def _contract(dossier: Dossier) -> str:
    return f"Votre contrat {dossier.reference_contrat}".strip()


def _days_left(dossier: Dossier) -> str:
    left = (dossier.date_fin - dossier.jour).days if dossier.date_fin else 0
    if left <= 0:
        return "aujourd'hui" if left == 0 else f"depuis {-left} jour{'s' if left < -1 else ''}"
    return f"dans {left} jour{'s' if left > 1 else ''}"


def _expire(dossier: Dossier, au_client: bool) -> Texte:
    reference, fin = dossier.reference_contrat, written(dossier.date_fin)
    titre = f"Contrat expiré : {reference or dossier.client_nom}"
    if au_client:
        ended = f"{_contract(dossier)} a pris fin le {fin}." if fin else f"{_contract(dossier)} a pris fin."
        return Texte(titre, _message(dossier, f"{ended} Nous pouvons en établir un nouveau."))
    return Texte(
        titre,
        _about_contract(dossier, "Le contrat a pris fin : proposer un nouveau contrat."),
    )


def _about_contract(dossier: Dossier, sentence: str) -> str:
    return _lines(
        sentence,
        ("Contrat", dossier.reference_contrat),
        ("Client", dossier.client_nom),
        ("Téléphone", dossier.client_telephone),
        ("Date de fin", written(dossier.date_fin)),
    )


def _inactif(dossier: Dossier, au_client: bool) -> Texte:
    if au_client:
        return Texte(
            "Prenons des nouvelles", _message(dossier, "Nous serions heureux d'avoir de vos nouvelles.")
        )
    return Texte(
        f"Client sans activité : {dossier.client_nom}",
        _lines(
            "Reprendre contact avec le client.",
            ("Client", dossier.client_nom),
            ("Téléphone", dossier.client_telephone),
            ("Dernière activité", written(dossier.derniere_activite)),
        ),
    )


def _message(dossier: Dossier, sentence: str) -> str:
    contact = f"Contact : {dossier.contact}" if dossier.contact else ""
    parts = (f"Bonjour {dossier.client_nom},", sentence, contact, textes_impaye.closing(dossier))
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _lines(sentence: str, *fields: tuple[str, str]) -> str:
    return "\n".join([sentence, "", *(f"{name} : {value}" for name, value in fields if value)])


_INTEGRES: Mapping[str, Callable[[Dossier, bool], Texte]] = {
    IMPAYE: _impaye,
    REJET_PRELEVEMENT: _rejet,
    NOUVEAU_CLIENT: _bienvenue,
    CONTRAT_BIENTOT_EXPIRE: _a_renouveler,
    CONTRAT_EXPIRE: _expire,
    INACTIVITE_CLIENT: _inactif,
}
