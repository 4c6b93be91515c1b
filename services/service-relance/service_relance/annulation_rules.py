"""Rules about cancelling and rescheduling reminders, as pure functions (R21)."""

from datetime import date, timedelta

from crm.relance import relance_pb2 as pb
from db_utils import clock
from grpc_utils import at_most, civil_date, required, within
from grpc_utils.errors import InvalidArgument

from service_relance.models import LITIGE

_LONGEST_MOTIF = 255
_FURTHEST = timedelta(days=365)


class CibleAmbigue(InvalidArgument):
    """Indiquez soit une relance, soit une facture."""


class DateHorsPeriode(InvalidArgument):
    """La date doit être comprise entre aujourd'hui et 365 jours plus tard."""


def motif_of(request: pb.CancelRelanceRequest) -> str:
    """Why *request* cancels; a dispute is LITIGE however it is spelt (R21).

    Raises CibleAmbigue unless one reminder or one invoice is named, ChampRequis, TropLong.
    """
    if bool(request.id) == bool(request.facture_id):
        raise CibleAmbigue(champ="facture_id" if request.facture_id else "id")
    motif = required_motif(request.motif)
    return LITIGE if motif.upper() == LITIGE else motif


def required_motif(text: str) -> str:
    """Why a person changes a plan. Raises ChampRequis, TropLong."""
    return required(at_most(text, _LONGEST_MOTIF, "motif"), "motif")


def new_day(request: pb.RescheduleRelanceRequest) -> date:
    """Day to which *request* moves a reminder, from today on. Raises DateInvalide, DateHorsPeriode."""
    day, today = civil_date(required(request.date_prevue, "date_prevue"), "date_prevue"), clock.today()
    if not today <= day <= today + _FURTHEST:
        raise DateHorsPeriode(within(today, today + _FURTHEST), champ="date_prevue")
    return day
