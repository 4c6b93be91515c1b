"""People who turn up at the counters, and look-ups of what the counters and users know of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any

import grpc
from crm.dashboard import dashboard_pb2
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import Database, clock, uuid7
from grpc_utils import Identity, answered_or_none, timestamp
from service_kit.registry import service_named
from service_testing import Mesh
from sqlalchemy import func, select
from tests.comptoirs.models import Compte, Visite
from user_sync.models import OrganisationLocale, SujetLocal, SyncEnAttente, UtilisateurLocal

BESIDE = tuple(service_named(name) for name in ("clients", "organisations", "users"))
_numbers = count(1)


def new_org() -> str:
    """An organisation that no other test uses."""
    return f"org-sync-{next(_numbers)}"


@dataclass(frozen=True)
class Visiteur:
    """A person of *organisation* with a token of an outside provider."""

    organisation: str = field(default_factory=new_org)
    sujet: str = field(default_factory=lambda: f"auth0|{next(_numbers)}")
    prenom: str = "Jeanne"
    nom: str = "Martin"

    @property
    def email(self) -> str:
        """An address of his own."""
        return f"{self.sujet.rpartition('|')[2]}@{self.organisation}.fr"

    @property
    def claims(self) -> dict[str, Any]:
        """Claims of his token besides his subject and his organisation."""
        return {
            "email": self.email,
            "email_verified": True,
            "given_name": self.prenom,
            "family_name": self.nom,
            "user_type": "PME",
        }

    def token(self, mesh: Mesh, **changes: Any) -> str:
        """Return his token, with *changes* to its claims."""
        told = {"user": self.sujet, "organisation": self.organisation, **self.claims, **changes}
        return mesh.secrets.token(**told)

    def event(self, **changes: Any) -> UserLoginEvent:
        """Build a sign-in of his as users announces it."""
        told: dict[str, Any] = {
            "event_id": str(uuid7()),
            "timestamp": timestamp(clock.now()),
            "user_id": f"u-{self.sujet.rpartition('|')[2]}",
            "auth0_id": self.sujet,
            "customer_id": self.organisation,
            "company_id": self.organisation,
            "email": self.email,
            "name": f"{self.prenom} {self.nom}",
            "role": "MANAGER",
            "user_type": "PME",
            "accessible_apps": ["crm", "accounting"],
        }
        return UserLoginEvent(**(told | changes))


def identity(visiteur: Visiteur) -> Identity:
    """Build the verified caller with the token of *visiteur*."""
    claims = MappingProxyType(visiteur.claims)
    return Identity("user", visiteur.sujet, visiteur.organisation, issuer="crm", claims=claims)


class Comptoirs:
    """The counters of *mesh*, for tests to call and to look into."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._channels: dict[tuple[str, str], grpc.aio.Channel] = {}

    async def visit(
        self, visiteur: Visiteur, service: str = "comptabilite", *, note: bool = False, **claims: Any
    ) -> dashboard_pb2.GetKpisResponse:
        """Call a counter as *visiteur*; with *note* the handler writes to the database."""
        channel = self.mesh.channel(service, visiteur.token(self.mesh, **claims))
        stub = DashboardKpisServiceStub(channel)
        return await stub.GetKpis(dashboard_pb2.DashboardFilters(societe_id="noter" if note else ""))

    async def copy(self, visiteur: Visiteur, service: str = "comptabilite") -> UtilisateurLocal | None:
        """Return the local copy of *visiteur*, None without one."""
        return await copy_of(self.mesh.database(service), visiteur.sujet)

    async def known(self, visiteur: Visiteur, service: str = "comptabilite") -> UtilisateurLocal:
        """Return the local copy of *visiteur*, which is there."""
        copy = await self.copy(visiteur, service)
        assert copy is not None
        return copy

    async def central(self, visiteur: Visiteur) -> users_pb2.Utilisateur | None:
        """Return the account of *visiteur* in users, None without one."""
        stub = self.mesh.service_stub(UtilisateurServiceStub, caller="comptabilite")
        request = users_pb2.GetUtilisateurByIdentityRequest(fournisseur="auth0", sujet=visiteur.sujet)
        return await answered_or_none(stub.GetByIdentity(request))


async def copy_of(database: Database, sujet: str) -> UtilisateurLocal | None:
    """Return the local copy of the person seen under *sujet*."""
    return await database.read().one(
        select(UtilisateurLocal)
        .join(SujetLocal, SujetLocal.utilisateur_local_id == UtilisateurLocal.id)
        .where(SujetLocal.auth0_id == sujet)
    )


async def copies_in(database: Database, organisation: str) -> list[UtilisateurLocal]:
    """Return all copies of people of *organisation*, the oldest first."""
    return await database.read().all(
        select(UtilisateurLocal)
        .where(UtilisateurLocal.organisation_id == organisation)
        .order_by(UtilisateurLocal.created_at, UtilisateurLocal.id)
    )


async def accounts(database: Database, organisation: str) -> int:
    """Return how many accounts were opened for *organisation*."""
    query = select(func.count()).select_from(Compte).where(Compte.organisation_id == organisation)
    return await database.read().one(query) or 0


async def visits(database: Database, utilisateur: str) -> int:
    """Return how often a handler has run for *utilisateur*."""
    query = select(func.count()).select_from(Visite).where(Visite.utilisateur == utilisateur)
    return await database.read().one(query) or 0


async def waiting(database: Database, sujet: str) -> SyncEnAttente | None:
    """Return the queued sign-in of *sujet*, None without one."""
    return await database.read().get(SyncEnAttente, sujet)


async def organisation_in(database: Database, organisation: str) -> OrganisationLocale | None:
    """Return the row of *organisation*, None while it is new."""
    return await database.read().get(OrganisationLocale, organisation)


def roles(copies: Sequence[UtilisateurLocal]) -> list[str]:
    """Return the roles of *copies*."""
    return [copy.role for copy in copies]
