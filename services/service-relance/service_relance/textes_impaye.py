"""Built-in texts about unpaid invoices: a reminder, a firm one, and the formal notice. Pure.

The formal notice is a letter ready to print. A message about several invoices has a line for each and
one total.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from grpc_utils import written_amount

from service_relance.dossiers import Dossier, FactureDue, written

_NAMED = 3  # invoices that a title names
_RAPPEL, _FERME = 1, 2  # niveaux; those above are formal notices
_DEADLINE = timedelta(days=8)
_PAID_MEANWHILE = (
    "Si votre règlement a été effectué entre-temps, ne tenez pas compte de ce message et acceptez nos"
    " remerciements."
)
_OBJETS = {_RAPPEL: "Rappel", _FERME: "Deuxième relance"}


def titre(dossier: Dossier) -> str:
    """Subject or title, which names the invoices unless they are many."""
    objet = _OBJETS.get(dossier.niveau, "Mise en demeure")
    factures = dossier.factures
    if len(factures) == 1:
        return f"{objet} : facture {factures[0].numero}"
    if len(factures) <= _NAMED:
        return f"{objet} : factures {', '.join(one.numero for one in factures)}"
    return f"{objet} : {len(factures)} factures"


def corps(dossier: Dossier, *, au_client: bool) -> str:
    """Text of the level of *dossier*."""
    if dossier.niveau == _RAPPEL:
        parts = _rappel(dossier)
    elif dossier.niveau == _FERME:
        parts = _ferme(dossier)
    else:
        parts = _mise_en_demeure(dossier, printed=not au_client)
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _rappel(dossier: Dossier) -> Iterator[str]:
    yield f"Bonjour {dossier.client_nom},"
    yield f"Sauf erreur de notre part, {_subject(dossier)} à régler :"
    yield _lines(dossier)
    yield "Nous vous remercions de bien vouloir procéder au règlement."
    yield _PAID_MEANWHILE
    yield from _close(dossier)


def _ferme(dossier: Dossier) -> Iterator[str]:
    yield f"Bonjour {dossier.client_nom},"
    despite = f"Malgré notre rappel du {written(dossier.rappels[0])}, " if dossier.rappels else ""
    yield _capital(f"{despite}{_subject(dossier)} à régler :")
    yield _lines(dossier)
    yield _costs(dossier)
    owed, by = written_amount(dossier.total.total_du), written(dossier.jour + _DEADLINE)
    yield (
        f"Nous vous demandons de régler {owed} sous huit jours, au plus tard le {by}. À défaut, nous devrons"
        " vous adresser une mise en demeure."
    )
    yield _PAID_MEANWHILE
    yield from _close(dossier)


def _mise_en_demeure(dossier: Dossier, *, printed: bool) -> Iterator[str]:
    if printed:
        yield f"{dossier.societe_nom}\n{dossier.societe_adresse}"
        yield "Lettre recommandée avec avis de réception"
        yield f"{dossier.client_nom}\n{dossier.client_adresse}"
        yield f"Le {written(dossier.jour)}"
    yield "Objet : mise en demeure de payer"
    yield "Madame, Monsieur,"
    despite = f"Malgré {_reminders(dossier.rappels)}, " if dossier.rappels else ""
    yield _capital(f"{despite}{_subject(dossier)} impayée{_plural(dossier)} à ce jour :")
    yield _lines(dossier)
    yield _costs(dossier)
    owed = written_amount(dossier.total.total_du)
    yield (
        f"La présente vaut mise en demeure de payer la somme de {owed} dans un délai de huit jours à compter"
        " de sa réception."
    )
    if not dossier.professionnel:
        yield (
            "Cette somme portera intérêt au taux légal à compter de la réception de la présente (article"
            " 1231-6 du Code civil)."
        )
    yield "À défaut de règlement dans ce délai, nous saisirons le tribunal compétent sans autre avis."
    yield from _close(dossier)


def _subject(dossier: Dossier) -> str:
    if len(dossier.factures) == 1:
        return "la facture suivante reste"
    return "les factures suivantes restent"


def _plural(dossier: Dossier) -> str:
    return "" if len(dossier.factures) == 1 else "s"


def _lines(dossier: Dossier) -> str:
    lines = [_line(one, late=dossier.niveau > _RAPPEL) for one in dossier.factures]
    if len(lines) > 1:
        lines.append(f"Total : {written_amount(dossier.total.montant_du)}")
    return "\n".join(lines)


def _line(facture: FactureDue, *, late: bool) -> str:
    due = f", échue le {written(facture.date_echeance)}" if facture.date_echeance else ""
    days = facture.jours_retard
    delay = f", {days} jour{'s' if days > 1 else ''} de retard" if late and days > 0 else ""
    owed = facture.montants.montant_du
    of = "" if owed == facture.montant_facture else f" sur {written_amount(facture.montant_facture)}"
    return f"- facture {facture.numero}{due}{delay} : {written_amount(owed)}{of}"


def _costs(dossier: Dossier) -> str:
    """What a business owes for being late, by articles L441-10 and D441-5 of the Code de commerce."""
    total = dossier.total
    if not total.indemnite:
        return ""
    penalites, indemnite = written_amount(total.penalites), written_amount(total.indemnite)
    return (
        f"S'y ajoutent des pénalités de retard de {penalites} et l'indemnité forfaitaire pour frais de"
        f" recouvrement de {indemnite} (articles L441-10 et D441-5 du Code de commerce), soit un total dû de"
        f" {written_amount(total.total_du)}."
    )


def _reminders(days: Sequence[date]) -> str:
    *former, last = (f"du {written(one)}" for one in days)
    if not former:
        return f"notre relance {last}"
    return f"nos relances {', '.join(former)} et {last}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def closing(dossier: Dossier) -> str:
    """The last words of a message to a client."""
    return f"Cordialement,\n{dossier.societe_nom}" if dossier.societe_nom else "Cordialement."


def _close(dossier: Dossier) -> Iterator[str]:
    if dossier.moyens_paiement:
        yield f"Moyens de paiement : {dossier.moyens_paiement}"
    if dossier.contact:
        yield f"Contact : {dossier.contact}"
    yield closing(dossier)
