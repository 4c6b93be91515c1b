"""What the tests of commerciaux share: makers of apporteurs, and people with tokens who look at models."""

from collections.abc import Awaitable, Callable
from typing import Any

from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ModeleDistributionServiceStub
from service_commerciaux.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh
from tests.visiteurs import Visiteur, copy_of
from user_sync import UtilisateurLocal

New = Callable[..., Awaitable[pb.Apporteur]]
UNKNOWN = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"
# Who is new here is told to users, which asks organisations.
WITH_USERS = (service_named("organisations"), service_named("users"), SERVICE)


class Bureau:
    """The commerciaux service of *mesh*, for people to call and for tests to look into."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.database = mesh.database("commerciaux")

    async def codes(self, visiteur: Visiteur, **claims: Any) -> list[str]:
        """Codes of the models that *visiteur* sees."""
        return await self.codes_of(visiteur.token(self.mesh, **claims))

    async def codes_of(self, token: str, organisation: str = "") -> list[str]:
        """Codes of the models that the owner of *token* sees when he names *organisation*."""
        stub = ModeleDistributionServiceStub(self.mesh.channel("commerciaux", token))
        request = pb.ListModelesDistributionRequest(organisation_id=organisation)
        return [modele.code for modele in (await stub.List(request)).modeles]

    async def copy(self, visiteur: Visiteur) -> UtilisateurLocal | None:
        """Local copy of *visiteur*, None without one."""
        return await copy_of(self.database, visiteur.sujet)

    async def known(self, visiteur: Visiteur) -> UtilisateurLocal:
        """Local copy of *visiteur*, which is there."""
        copy = await self.copy(visiteur)
        assert copy is not None
        return copy
