"""The runs at 06:00 and 11:00 in Paris, société by société (R14).

What a run could not do because another service was away, or because somebody else's run held the lock, is
tried again each minute, and a run that was missed is done as soon as the service is there.
"""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from db_utils import Scope, Undecipherable, clock, within
from grpc_utils.errors import Refusal
from service_kit import App, Worker
from sqlalchemy import or_, select

from service_payments import emission, emission_rules
from service_payments.models import FAILED, PENDING, SEPA_DEBIT, Payment
from service_payments.pain008 import FichierInvalide

_log = logging.getLogger(__name__)

_LOOK_EVERY: Final = timedelta(minutes=1)
_SOCIETES = (
    select(Payment.organisation_id, Payment.societe_id)
    .where(Payment.moyen == SEPA_DEBIT, or_(Payment.statut == PENDING, Payment.statut == FAILED))
    .distinct()
)


class Passages:
    """Runs that are done, in the memory of this process; a restart looks again and finds nothing left."""

    def __init__(self, app: App[Any]) -> None:
        self.done: dict[tuple[str, str], datetime] = {}


async def emit_due(app: App[Any]) -> None:
    """Do the run of this time of day for each société that has debits and was not served yet."""
    begun = emission_rules.slot(clock.now())
    if begun is None:
        return
    done = app.part(Passages).done
    for organisation_id, societe_id in await app.database.read().all(_SOCIETES):
        place = organisation_id, societe_id
        if done.get(place) != begun and await _emitted(app, *place):
            done[place] = begun


async def _emitted(app: App[Any], organisation_id: str, societe_id: str) -> bool:
    """Do the run of one société; return whether it is done with."""
    with within(Scope(organisation_id)):
        try:
            bilan = await emission.run(app, organisation_id, societe_id, clock.today())
        except Refusal as error:
            _log.warning("the emission of %s/%s waits: %s", organisation_id, societe_id, error.reason)
            return False
        except grpc.aio.AioRpcError as error:
            _log.error("the emission of %s/%s waits: %s", organisation_id, societe_id, error.code().name)
            return False
        except (FichierInvalide, Undecipherable) as error:
            # A fault of ours, which the next minute does not mend and other sociétés have no part in.
            _log.error("the emission of %s/%s is impossible: %s", organisation_id, societe_id, error)
            return True
    return not bilan.attendent


EMISSION = Worker("emission", emit_due, every=_LOOK_EVERY)
