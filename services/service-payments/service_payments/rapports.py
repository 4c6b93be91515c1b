"""SepaService/ImportReport: one report of a bank, in one transaction (R23 to R28)."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from crm.payments import payments_pb2 as pb
from db_utils import Transaction, failpoint
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc_utils.errors import OrganisationRequise
from service_kit import App
from service_kit.outgoing import AVERTISSEMENT, alert
from sqlalchemy import ARRAY, String, any_, bindparam, select, update

from service_payments import calendrier, r_types
from service_payments.application import Application
from service_payments.bilan import Bilan
from service_payments.issues import issues
from service_payments.lecture import RETOUR, Rapport, read_report
from service_payments.models import Payment
from service_payments.rapport_models import RapportBancaire
from service_payments.rapprochement import matched

_KNOWN: Final = select(RapportBancaire).where(
    RapportBancaire.organisation_id == bindparam("organisation_id"),
    RapportBancaire.sha256 == bindparam("sha256"),
)
_DUE = (
    select(Payment.societe_id, Payment.date_prelevement)
    .where(
        Payment.organisation_id == bindparam("organisation_id"),
        Payment.end_to_end_id == any_(bindparam("names", type_=ARRAY(String))),
        Payment.date_prelevement.is_not(None),
    )
    .distinct()
)
_RESULT = (
    update(RapportBancaire)
    .where(RapportBancaire.id == bindparam("rapport_id"))
    .values(resultat=bindparam("answer", type_=RapportBancaire.resultat.type))
)
_LONGEST_NAME = 255


async def import_report(app: App[Any], request: pb.ImportReportRequest) -> pb.ImportReportResponse:
    """Apply a report of a bank; the same bytes again answer what they did the first time.

    Raises RapportIllisible, RapportTropGrand, OrganisationRequise.
    """
    if not request.organisation_id:
        raise OrganisationRequise
    sha256 = hashlib.sha256(request.content).hexdigest()
    place: dict[str, Any] = {"organisation_id": request.organisation_id, "sha256": sha256}
    if known := await app.database.read().one(_KNOWN, **place):
        return _again(known)
    # Reading a large report takes a second of CPU: other calls go on meanwhile.
    rapport = await asyncio.to_thread(read_report, request.content)
    last_returns = await _last_returns(app, request.organisation_id, rapport)
    stored = RapportBancaire(**place, format=rapport.format, file_name=request.file_name[:_LONGEST_NAME])
    async with app.database.transaction() as tx:
        if not await tx.insert_if_absent(stored):
            first = await tx.one(_KNOWN, **place)
            assert first is not None
            return _again(first)
        answer = await _applied(tx, stored, rapport, last_returns)
    failpoint("rapport.after_commit")
    return answer


async def _applied(
    tx: Transaction, stored: RapportBancaire, rapport: Rapport, last_returns: Mapping[date, date]
) -> pb.ImportReportResponse:
    connus = await matched(tx, stored.organisation_id, rapport.lignes)
    async with issues(tx) as outcome:
        bilan = await Application(tx, outcome, stored, rapport, connus, last_returns).run()
    failpoint("rapport.before_commit")
    await _tell(tx, stored, bilan)
    answer = MessageToDict(bilan.answer, preserving_proto_field_name=True)
    await tx.execute(_RESULT, rapport_id=stored.id, answer=answer)
    return bilan.answer


def _again(known: RapportBancaire) -> pb.ImportReportResponse:
    answer = pb.ImportReportResponse()
    ParseDict(known.resultat, answer, ignore_unknown_fields=True)
    answer.deja_importe = True
    return answer


async def _tell(tx: Transaction, stored: RapportBancaire, bilan: Bilan) -> None:
    """Owe finance one notification per file that has something to look at (R28)."""
    if not bilan.alertes:
        return
    await alert(
        tx,
        stored.organisation_id,
        f"rapport:{stored.id}",
        niveau=AVERTISSEMENT,
        titre="Rapport bancaire à vérifier",
        message=bilan.message(stored.file_name),
        metadata={"rapport_id": str(stored.id)},
    )


async def _last_returns(app: App[Any], organisation_id: str, rapport: Rapport) -> Mapping[date, date]:
    """Ask calendar until when a bank sends debits back by itself, where a code makes a difference (R19)."""
    names = sorted(
        line.end_to_end_id
        for line in rapport.lignes
        if line.nature == RETOUR and line.code == r_types.NOT_AUTHORISED
    )
    if not names:
        return {}
    due: list[Any] = await app.database.read().all(_DUE, organisation_id=organisation_id, names=names)
    ends = await asyncio.gather(*(calendrier.last_return(app, organisation_id, *place) for place in due))
    return dict(zip((day for _, day in due), ends, strict=True))
