"""What is heard of an invoice on its way: every status is kept, the latest counts (R37), some alarm (R38).

Callers hold the lock of the invoice. Its statut, amounts and solde are never touched here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from db_utils import Transaction, clock
from db_utils.clock import PARIS
from service_kit.outgoing import AVERTISSEMENT, CRITIQUE, alert

from service_factures import encaissees
from service_factures.models import FACTURE, Facture
from service_factures.transmission import A_ENVOYER, IRRECEVABLE, SERVICE, Statut
from service_factures.transmission.statuts import LONGEST_MOTIF, LONGEST_TEXTE
from service_factures.transmission_models import Transmission, TransmissionStatut

_CORRECT: Final = "Son numéro est conservé : corrigez-la par un avoir et une nouvelle facture."
_TOLD: Final[Mapping[int, tuple[str, str, str]]] = {
    213: (CRITIQUE, "rejetée par la plateforme", _CORRECT),
    210: (CRITIQUE, "refusée par le client", _CORRECT),
    501: (CRITIQUE, "irrecevable pour la plateforme", "La cause levée, transmettez-la de nouveau."),
    221: (CRITIQUE, "sans destinataire connu", "L'adresse corrigée, transmettez-la de nouveau."),
    206: (AVERTISSEMENT, "approuvée en partie par le client", ""),
    207: (AVERTISSEMENT, "en litige", ""),
    208: (AVERTISSEMENT, "suspendue par le client", ""),
}
"""What the finance team is told of, how, and what it can do (R38)."""


def new_transmission(facture: Facture, due: datetime | None = None) -> Transmission:
    """The way of *facture*, on which nothing has happened yet; it is sent when *due*."""
    return Transmission(
        organisation_id=facture.organisation_id,
        facture_id=facture.id,
        tracking_id=str(facture.id),
        adresse_destinataire=(facture.client_snapshot or {}).get("adresse_electronique") or None,
        depuis=due or clock.now(),
        prochain_essai=due,
    )


async def begin(tx: Transaction, facture: Facture) -> None:
    """Have *facture* sent, and what it has received told after it (R35, R40); again it changes nothing."""
    now = clock.now()
    if await tx.insert_if_absent(new_transmission(facture, now)):
        await note(tx, facture, A_ENVOYER, now)
        await encaissees.owe_earlier_212(tx, facture)


async def begin_again(tx: Transaction, facture: Facture) -> None:
    """Have *facture* sent again, which its platform could not take or deliver.

    It gets another tracking_id: a platform that has a file under the former one takes none.
    """
    way = await tx.get(Transmission, facture.id, lock=True)
    assert way is not None, "it was on its way"
    now, former, _, number = clock.now(), *way.tracking_id.partition(".")
    await tx.update(
        way,
        tracking_id=f"{former}.{int(number or 1) + 1}",
        flow_id=None,
        deposee_le=None,
        code=None,
        motif_code=None,
        tentatives=0,
        depuis=now,
        prochain_essai=now,
    )
    await note(tx, facture, A_ENVOYER, now)
    await encaissees.revive_212(tx, facture)


async def record(tx: Transaction, facture: Facture, statut: Statut) -> bool:
    """Keep *statut* of *facture* (locked), and let it count if it is the latest; whether it was new.

    The same code of the same date again changes nothing.
    """
    row = TransmissionStatut(
        organisation_id=facture.organisation_id,
        facture_id=facture.id,
        code=statut.code,
        nom=statut.nom,
        date=statut.date,
        motif_code=statut.motif_code[:LONGEST_MOTIF] or None,
        texte=statut.texte[:LONGEST_TEXTE] or None,
        origine=statut.origine,
        flow_id=statut.flow_id or None,
    )
    if not await tx.insert_if_absent(row):
        return False
    await _count(tx, facture, statut)
    if statut.code in _TOLD:
        await _tell(tx, facture, statut)
    return True


async def note(tx: Transaction, facture: Facture, nom: str, date: datetime) -> None:
    """Give *facture* a status of ours, which has no code, and keep it."""
    row = TransmissionStatut(
        organisation_id=facture.organisation_id, facture_id=facture.id, nom=nom, date=date, origine=SERVICE
    )
    await tx.insert(row)
    await tx.update(facture, statut_transmission=nom)


async def _count(tx: Transaction, facture: Facture, statut: Statut) -> None:
    way = await tx.get(Transmission, facture.id, lock=True)
    if not statut.counts_over(*((way.code, way.statut_le) if way else (None, None))):
        return
    way = way or await tx.insert(new_transmission(facture))
    await tx.update(
        way,
        code=statut.code,
        motif_code=statut.motif_code[:LONGEST_MOTIF] or None,
        statut_le=statut.date,
        deposee_le=way.deposee_le or (None if statut.nom == IRRECEVABLE else statut.date),
        prochain_essai=None,  # whoever has a status has the invoice
    )
    await tx.update(facture, statut_transmission=statut.nom)


async def _tell(tx: Transaction, facture: Facture, statut: Statut) -> None:
    niveau, happened, advice = _TOLD[statut.code]
    reasons = " ".join(filter(None, (statut.motif_code, statut.texte[:LONGEST_TEXTE])))
    date = statut.date.astimezone(PARIS)
    why = f" : {reasons}" if reasons else ""
    await alert(
        tx,
        facture.organisation_id,
        f"transmission:{facture.id}:{statut.code}:{date.isoformat()}",
        niveau=niveau,
        titre=f"Transmission : {named(facture)} {happened}",
        message=f"La {named(facture)} est {happened} depuis le {date:%d/%m/%Y}{why}. {advice}".rstrip(),
    )


def named(facture: Facture) -> str:
    """What sentences call *facture*, in the feminine whether it is an invoice or an avoir."""
    return f"{'facture' if facture.type == FACTURE else 'pièce'} {facture.numero}"
