"""InvitationService: inviting people to an organisation, and joining it (R18, R19).

The token of an invitation leaves this service once, in the answer of Create; the caller of Create
has it mailed.
"""

import hashlib
import secrets
from datetime import timedelta
from functools import partial

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import InvitationServiceServicer
from db_utils import Conflict, Listing, Transaction, VersionConflict, clock, retried, unscoped
from grpc_utils import Context, Identity, caller, found, list_answer, page_of, required, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App, Worker
from sqlalchemy import LargeBinary, String, bindparam, func, select, update

from service_users import adhesions, callers, rules
from service_users.directory import Directory
from service_users.messages import membre_message
from service_users.models import ACCEPTED, EXPIRED, PENDING, VIEWER, Invitation
from service_users.settings import UsersSettings

INVITATIONS = Listing(Invitation, sorts=("created_at desc",), filters=("etat",))
_SOURCE = "invitation"
_TOKEN = 32  # bytes
_BY_TOKEN = select(Invitation).where(Invitation.jeton_hash == bindparam("jeton_hash", type_=LargeBinary))
_now = bindparam("now", type_=Invitation.expire_le.type)
_EXPIRE = (
    update(Invitation)
    .where(Invitation.etat == PENDING, Invitation.expire_le <= _now)
    .values(etat=EXPIRED, version=Invitation.version + 1, updated_at=_now)
)
_EXPIRE_OF = _EXPIRE.where(
    Invitation.organisation_id == bindparam("organisation_id", type_=String),
    func.lower(Invitation.email_invite) == bindparam("email", type_=String),
)


class InvitationService(InvitationServiceServicer):
    """Invitations of the caller's organisation, and the one addressed to the caller."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._directory = Directory(app.settings)

    async def Create(self, request: pb.CreateInvitationRequest, context: Context) -> pb.Invitation:
        """Invite somebody by address; the answer alone holds the token."""
        if not request.organisation_id:
            raise OrganisationRequise
        email = rules.mandatory_email(request.email_invite, "email_invite")
        days = rules.invitation_days(request.expire_jours)
        jeton, now, identity = secrets.token_urlsafe(_TOKEN), clock.now(), caller()
        invitation = Invitation(
            organisation_id=request.organisation_id,
            email_invite=email,
            role=request.role or VIEWER,
            jeton_hash=_hash(jeton),
            expire_le=now + timedelta(days=days),
            invite_par=identity.author,
        )
        async with self._db.transaction() as tx:
            await adhesions.lock(tx, invitation.organisation_id)
            await callers.acting(tx, identity, self._settings, invitation.organisation_id)
            await tx.execute(_EXPIRE_OF, organisation_id=invitation.organisation_id, email=email, now=now)
            await tx.insert(invitation)
        return to_message(invitation, pb.Invitation, jeton=jeton)

    async def List(self, request: pb.ListInvitationsRequest, context: Context) -> pb.ListInvitationsResponse:
        """List the invitations of an organisation, the newest first, without their tokens."""
        identity, reader = caller(), self._db.read()
        if request.organisation_id:
            await callers.acting(reader, identity, self._settings, request.organisation_id)
        page = await page_of(INVITATIONS, reader, request)
        return list_answer(pb.ListInvitationsResponse, page)

    async def Accept(
        self, request: pb.AcceptInvitationRequest, context: Context
    ) -> pb.AcceptInvitationResponse:
        """Make the caller a member of the organisation that invited him (R19)."""
        identity, jeton_hash = caller(), _hash(required(request.jeton, "jeton"))
        with unscoped():
            accept = partial(self._accept, identity, jeton_hash)
            answer = await retried(accept, Conflict, VersionConflict)
        if answer is None:
            raise rules.InvitationExpiree
        return answer

    async def _accept(self, identity: Identity, jeton_hash: bytes) -> pb.AcceptInvitationResponse | None:
        """Accept in one transaction; return None for an invitation that has just expired, which is noted."""
        personne = callers.personne_of(identity, self._settings, source=_SOURCE)
        async with self._db.transaction() as tx:
            seen = found(await tx.one(_BY_TOKEN, jeton_hash=jeton_hash))
            rules.check_pending(seen)
            if seen.expire_le <= clock.now():
                await tx.update(await _held(tx, seen), etat=EXPIRED)
                return None
            made = await callers.account(tx, self._directory, personne, identity, self._settings)
            utilisateur = made.account()
            # The organisation before the invitation, as in the end of a membership: no deadlock.
            await adhesions.lock(tx, seen.organisation_id)
            invitation = await _held(tx, seen)
            rules.check_invitee(invitation, utilisateur)
            membre = await adhesions.enter(
                tx, invitation.organisation_id, utilisateur, role=invitation.role, source=_SOURCE
            )
            await tx.update(invitation, etat=ACCEPTED, acceptee_par=utilisateur.id)
            return pb.AcceptInvitationResponse(
                membre=await membre_message(tx, membre), organisation_id=membre.organisation_id
            )


async def _held(tx: Transaction, seen: Invitation) -> Invitation:
    """Lock *seen* and return it as it is now. Raises like `check_pending` when somebody was faster."""
    invitation = found(await tx.get(Invitation, seen.id, lock=True))
    rules.check_pending(invitation)
    return invitation


def _hash(jeton: str) -> bytes:
    return hashlib.sha256(jeton.encode()).digest()


async def expire(app: App[UsersSettings]) -> None:
    """Mark the pending invitations whose time is over (a job)."""
    async with app.database.transaction() as tx:
        await tx.execute(_EXPIRE, now=clock.now())


EXPIRY = Worker("invitations", expire, every=timedelta(minutes=10))
