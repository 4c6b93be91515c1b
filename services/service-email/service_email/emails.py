"""EmailService: storing and reading messages. The worker in `delivery.py` sends them."""

import asyncio
from typing import Any

from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import EmailServiceServicer
from db_utils import Listing, Scope, Transaction, within
from grpc_utils import Context, found, insert_once, list_answer, opaque_id, page_of, to_message
from service_kit import App
from sqlalchemy import BindParameter, ColumnElement, Text, cast, func, literal_column

from service_email import plateforme, rules
from service_email.applying import applying_modele, asked_modele
from service_email.departs import Depart, check_depart, depart_of_call
from service_email.models import Message
from service_email.new_pieces import new_pieces
from service_email.plateforme import PLATEFORME
from service_email.settings import EmailSettings
from service_email.signatures import signature_of
from service_email.storing import complete, once, store
from service_email.transitions import cancelled, sent_again


def _sent_to(address: BindParameter[Any]) -> ColumnElement[bool]:
    """Messages with *address* in a, cc or cci."""
    # The index ix_messages_destinataires is over this very expression: another one would read the table.
    person = func.jsonb_build_object(literal_column("'email'"), cast(address, Text))
    return literal_column("(a || cc || cci)").op("@>")(func.jsonb_build_array(person))


# The scope of the platform's own mails, whatever organisation the call names (R20, R23).
_PLATFORM = Scope(PLATEFORME)

MESSAGES = Listing(
    Message,
    sorts=("created_at desc",),
    filters={
        "statut": None,
        "modele_code": None,
        "destinataire": _sent_to,
        "du": lambda value: Message.created_at >= value,
        "au": lambda value: Message.created_at <= value,
    },
    search=Message.sujet_cle,
    without=("corps_texte", "corps_html", "corps_sans_piece"),
)


class EmailService(EmailServiceServicer):
    """Messages of the caller's organisation."""

    def __init__(self, app: App[EmailSettings]) -> None:
        self._db, self._platform = app.database, Depart(app.settings.smtp_from)
        self._application, self._peers = app.settings.app_base_url, app.peers

    async def Send(self, request: pb.SendRequest, context: Context) -> pb.Message:
        """Store a mail to be sent (R1), once per key (R9).

        Raises Introuvable, BoiteInactive, CleIdempotenceReutilisee.
        """
        return _message(await once(self._db.read(), request, self._written(request)))

    async def SendTemplate(self, request: pb.SendTemplateRequest, context: Context) -> pb.Message:
        """Store a mail written by a template (R26), once per key (R9).

        Raises Introuvable, BoiteInactive, VariableManquante, VariableInconnue, CleIdempotenceReutilisee.
        """
        return _message(await once(self._db.read(), request, self._rendered(request)))

    async def SendWelcome(self, request: pb.SendWelcomeRequest, context: Context) -> pb.Message:
        """Welcome a new user of the CRM, once (R23); a further call answers the mail of the first."""
        with within(_PLATFORM):
            async with self._db.transaction() as tx:
                modele = await applying_modele(tx, plateforme.BIENVENUE_UTILISATEUR, PLATEFORME)
                message = plateforme.welcome_user(request, self._platform, modele, self._application)
                message = await insert_once(
                    tx, message, alike=lambda stored, _: stored.origine == "bienvenue"
                )
        return _message(message)

    async def SendAccountMail(self, request: pb.SendAccountMailRequest, context: Context) -> pb.Message:
        """Write to a person about his account (R20), once per key (R9). Raises CleIdempotenceReutilisee."""
        code = plateforme.account_modele(request.modele_code)
        with within(_PLATFORM):
            async with self._db.transaction() as tx:
                modele = await applying_modele(tx, code, PLATEFORME)
                message = plateforme.account_mail(request, self._platform, modele, self._application)
                message = await insert_once(tx, message)
        return _message(message)

    async def Get(self, request: pb.GetMessageRequest, context: Context) -> pb.Message:
        """Read a message with its bodies. Raises Introuvable."""
        return _message(found(await self._db.read().get(Message, request.id)))

    async def List(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        """List messages without their bodies, the newest first."""
        page = await page_of(MESSAGES, self._db.read(), request, destinataire=request.destinataire.lower())
        return list_answer(pb.ListMessagesResponse, page, map(_message, page.rows))

    async def Renvoyer(self, request: pb.RenvoyerMessageRequest, context: Context) -> pb.Message:
        """Send a mail again that has failed or was cancelled (R11).

        Raises Introuvable, TransitionInterdite, ContenuEfface, BoiteSupprimee, BoiteInactive.
        """
        async with self._db.transaction() as tx:
            message = found(await tx.get(Message, request.id, lock=True))
            changed = sent_again(message)
            await check_depart(tx, message)
            await tx.update(message, **changed)
        return _message(message)

    async def Annuler(self, request: pb.AnnulerMessageRequest, context: Context) -> pb.Message:
        """Cancel a mail that waits (R11). Raises Introuvable, TransitionInterdite."""
        async with self._db.transaction() as tx:
            message = found(await tx.get(Message, request.id, lock=True))
            await tx.update(message, **cancelled(message))
        return _message(message)

    async def _written(self, request: pb.SendRequest) -> Message:
        pieces = await complete(self._peers, new_pieces(request.pieces_jointes))
        async with self._db.transaction() as tx:
            message = rules.new_message(request, await self._depart(tx, request), pieces)
            return await store(tx, message, pieces, alike=rules.alike)

    async def _rendered(self, request: pb.SendTemplateRequest) -> Message:
        code = plateforme.sendable(request.modele_code)
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        pieces = await complete(self._peers, new_pieces(request.pieces_jointes))
        signature = await signature_of(self._peers, request.organisation_id, societe_id)
        async with self._db.transaction() as tx:
            applicable = await asked_modele(tx, code, request.organisation_id, request.langue)
            depart = await self._depart(tx, request)
            # A template that was made to be slow takes half a second: other calls go on meanwhile.
            message = await asyncio.to_thread(
                rules.new_template_message, request, depart, applicable, signature, pieces
            )
            return await store(tx, message, pieces)

    async def _depart(self, tx: Transaction, request: pb.SendRequest | pb.SendTemplateRequest) -> Depart:
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        return await depart_of_call(
            tx, request.organisation_id, societe_id, request.boite_mail_id, self._platform.de
        )


def _message(message: Message) -> pb.Message:
    people = {
        champ: [pb.Destinataire(**one) for one in getattr(message, champ)] for champ in ("a", "cc", "cci")
    }
    pieces = [
        pb.PieceJointe(
            nom=one["nom"],
            type_mime=one["type_mime"],
            taille=one["taille"],
            piece_jointe_id=one.get("piece_jointe_id", ""),
        )
        for one in message.pieces_jointes
    ]
    return to_message(message, pb.Message, **people, pieces_jointes=pieces)
