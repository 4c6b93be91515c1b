"""BoiteMailService: the mailboxes from which an organisation, its sociétés and its users write.

What a mailbox may hold is in `boite_rules.py`, which one a mail leaves from in `departs.py`.
"""

from crm.common.common_pb2 import DeleteResponse
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import BoiteMailServiceServicer
from db_utils import Listing, Transaction, clock
from grpc_utils import Context, caller, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import EncoreUtilise
from service_kit import App
from sqlalchemy import bindparam, func, select, update

from service_email.boite_rules import Maker, boite_changes, new_boite
from service_email.departs import BoiteInactive
from service_email.models import BoiteMail, Message
from service_email.settings import EmailSettings
from service_email.verification import verified
from service_email.ways import Ways

BOITES = Listing(BoiteMail, sorts=("nom",), filters=("societe_id", "utilisateur_id", "actif"))

_WAITING = (
    select(func.count())
    .select_from(Message)
    .where(Message.boite_mail_id == bindparam("boite"), Message.prochain_essai.is_not(None))
)
_FORMER_DEFAULT = select(BoiteMail).where(
    BoiteMail.est_par_defaut,
    BoiteMail.societe_id == bindparam("societe"),
    BoiteMail.utilisateur_id == bindparam("utilisateur"),
    BoiteMail.id != bindparam("boite"),
)
# The version stays: whoever edits the mailbox meanwhile is not to be refused because of a test.
_VERIFIED = (
    update(BoiteMail)
    .where(BoiteMail.id == bindparam("boite"))
    .values(
        derniere_verification=bindparam("at", type_=BoiteMail.derniere_verification.type),
        erreur=bindparam("told", type_=BoiteMail.erreur.type),
    )
)


class BoiteMailService(BoiteMailServiceServicer):
    """Mailboxes of the caller's organisation."""

    def __init__(self, app: App[EmailSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._envelope, self._ways = app.settings.envelope(), app.part(Ways)

    async def Create(self, request: pb.CreateBoiteMailRequest, context: Context) -> pb.BoiteMail:
        """Add a mailbox; a new default replaces the former one (R12)."""
        boite = new_boite(request, self._maker())
        async with self._db.transaction() as tx:
            if boite.est_par_defaut:
                await _demote_former(tx, boite, boite.societe_id, boite.utilisateur_id)
            await tx.insert(boite)
        return shown(boite)

    async def Get(self, request: pb.GetBoiteMailRequest, context: Context) -> pb.BoiteMail:
        """Read a mailbox, without its password (R16). Raises Introuvable."""
        return shown(found(await self._db.read().get(BoiteMail, request.id)))

    async def List(self, request: pb.ListBoitesMailRequest, context: Context) -> pb.ListBoitesMailResponse:
        """List mailboxes by name."""
        page = await page_of(BOITES, self._db.read(), request)
        return list_answer(pb.ListBoitesMailResponse, page, map(shown, page.rows))

    async def Update(self, request: pb.UpdateBoiteMailRequest, context: Context) -> pb.BoiteMail:
        """Change the fields that the request carries; the password only when one is given (R16)."""
        async with self._db.transaction() as tx:
            boite = found(await tx.get(BoiteMail, request.id, lock=True))
            changed = boite_changes(boite, request, self._maker())
            if changed["est_par_defaut"]:
                await _demote_former(tx, boite, changed["societe_id"], changed["utilisateur_id"])
            await tx.update(boite, expected=expected_version(request), **changed)
        return shown(boite)

    async def Delete(self, request: pb.DeleteBoiteMailRequest, context: Context) -> DeleteResponse:
        """Remove a mailbox for good. Raises EncoreUtilise while a mail waits to leave from it."""
        async with self._db.transaction() as tx:
            boite = await tx.get(BoiteMail, request.id, lock=True)
            if boite is not None:
                if await tx.one(_WAITING, boite=boite.id):
                    raise EncoreUtilise
                await tx.delete(boite)
        return DeleteResponse(success=boite is not None)

    async def SetDefault(self, request: pb.SetDefaultBoiteMailRequest, context: Context) -> pb.BoiteMail:
        """Make a mailbox the default of its société and user (R12). Raises Introuvable, BoiteInactive."""
        async with self._db.transaction() as tx:
            boite = found(await tx.get(BoiteMail, request.id, lock=True))
            if not boite.actif:
                raise BoiteInactive
            await _demote_former(tx, boite, boite.societe_id, boite.utilisateur_id)
            await tx.update(boite, est_par_defaut=True)
        return shown(boite)

    async def TestConnection(
        self, request: pb.TestConnectionBoiteMailRequest, context: Context
    ) -> pb.TestConnectionBoiteMailResponse:
        """Log in to the server of a mailbox and note the outcome (R15). Raises Introuvable, AdressePrivee."""
        boite = found(await self._db.read().get(BoiteMail, request.id))
        verdict = await verified(self._ways, boite)
        async with self._db.transaction() as tx:
            await tx.execute(_VERIFIED, boite=boite.id, at=clock.now(), told=verdict.error)
        return pb.TestConnectionBoiteMailResponse(
            success=verdict.success, message=verdict.message, details=verdict.details
        )

    def _maker(self) -> Maker:
        return Maker(caller(), self._settings, self._envelope)


async def _demote_former(tx: Transaction, boite: BoiteMail, societe_id: str, utilisateur_id: str) -> None:
    """Take the flag from the default mailbox of a société and user, in whose place *boite* comes (R12)."""
    # Two calls at once would both find the same former default, and one would be refused.
    await tx.lock("boite_par_defaut", boite.organisation_id, societe_id, utilisateur_id)
    former = await tx.one(_FORMER_DEFAULT, societe=societe_id, utilisateur=utilisateur_id, boite=boite.id)
    if former is not None:
        await tx.update(former, est_par_defaut=False)


def shown(boite: BoiteMail) -> pb.BoiteMail:
    """The mailbox as callers read it."""
    return to_message(boite, pb.BoiteMail, mot_de_passe_defini=boite.mot_de_passe is not None)
