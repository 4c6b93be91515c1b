"""SecurityService: the login journal, and the end of a lock."""

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import SecurityServiceServicer
from db_utils import Listing
from grpc_utils import Context, email_address, list_answer, page_of, required, timestamp
from grpc_utils.errors import ChampRequis
from service_kit import App

from service_auth.guard import Guard, address, told
from service_auth.models import TentativeConnexion
from service_auth.settings import AuthSettings

JOURNAL = Listing(
    TentativeConnexion,
    sorts=("created_at desc",),
    filters={
        "email_hash": None,
        "ip": None,
        "du": lambda value: TentativeConnexion.created_at >= value,
        "au": lambda value: TentativeConnexion.created_at <= value,
    },
)


class SecurityService(SecurityServiceServicer):
    """Journal and locks of sign-ins, for operators."""

    def __init__(self, app: App[AuthSettings]) -> None:
        self._db, self._guard = app.database, Guard(app)

    async def ListLoginAttempts(
        self, request: pb.ListLoginAttemptsRequest, context: Context
    ) -> pb.ListLoginAttemptsResponse:
        """List the attempts on an email or from an address, the newest first."""
        email = email_address(request.email, "email")
        if not (email or request.ip):
            raise ChampRequis(champ="email")
        page = await page_of(
            JOURNAL,
            self._db.read(),
            request,
            email_hash=self._guard.hashed(email) if email else None,
            ip=address(request.ip) if request.ip else None,
        )
        return list_answer(pb.ListLoginAttemptsResponse, page, map(_message, page.rows))

    async def UnlockAccount(
        self, request: pb.UnlockAccountRequest, context: Context
    ) -> pb.UnlockAccountResponse:
        """Forget the failures and the lock of an email; success tells whether there were any."""
        email = email_address(required(request.email, "email"), "email")
        assert email is not None
        return pb.UnlockAccountResponse(success=await self._guard.unlock(email))


def _message(row: TentativeConnexion) -> pb.TentativeConnexion:
    return pb.TentativeConnexion(
        email_masque=row.email_masque,
        resultat=row.resultat,
        methode=row.methode,
        ip=told(row.ip),
        created_at=timestamp(row.created_at),
    )
