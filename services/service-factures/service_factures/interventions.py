"""What people do about the way of an invoice: send it again, note a status that they have read."""

from crm.factures import factures_pb2 as pb
from db_utils import Database, Transaction, clock
from db_utils.clock import midnight
from grpc_utils import at_most, found, instant, required
from grpc_utils.errors import ChampRequis, FailedPrecondition, InvalidArgument, ValeurInconnue

from service_factures import audit, historique, suivi
from service_factures.identite import check_complete
from service_factures.models import BROUILLON, Facture
from service_factures.traitements import SENT
from service_factures.transmission import (
    A_ENVOYER,
    ERREUR_ROUTAGE,
    IRRECEVABLE,
    SAISIE,
    SANS_OBJET,
    Statut,
)
from service_factures.transmission.statuts import LONGEST_MOTIF, LONGEST_TEXTE
from service_factures.transmission_models import Transmission

_CODES = (*range(200, 300), 501)


class TransmissionSansObjet(FailedPrecondition):
    """Cette pièce ne passe pas par une plateforme : brouillon, vente à un particulier ou hors champ."""


class DejaTransmise(FailedPrecondition):
    """La plateforme a déjà cette facture."""


class DateFuture(InvalidArgument):
    """Un statut ne peut pas être daté de l'avenir."""


class DateAnterieure(InvalidArgument):
    """Un statut ne peut pas être antérieur à la facture."""


async def transmit(database: Database, request: pb.TransmitRequest) -> pb.Transmission:
    """Have an invoice sent that is not on its way (R35, R36)."""
    facture_id = required(request.facture_id, "facture_id")
    async with database.transaction() as tx:
        facture = found(await tx.get(Facture, facture_id, lock=True))
        _check_carried(facture)
        former = facture.statut_transmission
        if former == A_ENVOYER:
            await _try_now(tx, facture)
        elif former == SANS_OBJET:
            await historique.begin(tx, facture)
        elif former in (IRRECEVABLE, ERREUR_ROUTAGE):
            await historique.begin_again(tx, facture)
        else:
            raise DejaTransmise(statut_transmission=former)
        if former != A_ENVOYER:
            await _journal(tx, facture)
    return await suivi.whole(database.read(), facture)


async def record_status(database: Database, request: pb.RecordStatusRequest) -> pb.Transmission:
    """Note a status that a person has read on the platform's site (R37)."""
    facture_id, statut = required(request.facture_id, "facture_id"), _statut(request)
    async with database.transaction() as tx:
        facture = found(await tx.get(Facture, facture_id, lock=True))
        _check_carried(facture)
        # By days in Paris: people copy days, and the clocks of platforms are not ours.
        if facture.date_emission is not None and statut.date < midnight(facture.date_emission):
            raise DateAnterieure(champ="date")
        if await historique.record(tx, facture, statut):
            await _journal(tx, facture, code=statut.code)
    return await suivi.whole(database.read(), facture)


def _statut(request: pb.RecordStatusRequest) -> Statut:
    if request.code not in _CODES:
        raise ValeurInconnue(champ="code")
    if not request.HasField("date"):
        raise ChampRequis(champ="date")
    date = instant(request.date)
    if date > clock.now():
        raise DateFuture(champ="date")
    for champ, longest in (("motif_code", LONGEST_MOTIF), ("texte", LONGEST_TEXTE)):
        at_most(getattr(request, champ), longest, champ)
    return Statut(
        code=request.code,
        date=date,
        origine=SAISIE,
        motif_code=request.motif_code,
        texte=request.texte,
    )


def _check_carried(facture: Facture) -> None:
    """Refuse what no platform carries, or has no document yet (R12)."""
    if facture.statut == BROUILLON:
        raise TransmissionSansObjet(statut_transmission=facture.statut_transmission)
    check_complete(facture)
    if facture.traitement not in SENT:
        raise TransmissionSansObjet(statut_transmission=facture.statut_transmission)


async def _try_now(tx: Transaction, facture: Facture) -> None:
    """End the wait of an invoice whose last attempt failed."""
    way = found(await tx.get(Transmission, facture.id, lock=True))
    if way.prochain_essai is not None and way.prochain_essai > clock.now():
        await tx.update(way, prochain_essai=clock.now())


async def _journal(tx: Transaction, facture: Facture, code: int | None = None) -> None:
    statut = facture.statut_transmission
    await audit.note(tx, facture, audit.TRANSMISSION, statut_transmission=statut, code=code)
