"""Clients of the tests, made by calls alone."""

from typing import Any

from crm.clients import clients_pb2 as clients_pb
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
)


class People:
    """Maker of clients."""

    def __init__(
        self,
        clients: ClientBaseServiceStub,
        adresses: AdresseServiceStub,
        entreprises: ClientEntrepriseServiceStub,
    ) -> None:
        self._clients, self._adresses, self._entreprises = clients, adresses, entreprises

    async def person(self, *adresses: dict[str, str], **fields: Any) -> str:
        """The id of a client with these addresses."""
        told = {"nom": "Dupont", "prenom": "Anne", "email": "anne@exemple.fr"} | fields
        client = await self._clients.Create(clients_pb.CreateClientBaseRequest(**told))
        for adresse in adresses or ({"pays": "France"},):
            told = {"ligne1": "1 rue du Lac", "code_postal": "75002", "ville": "Paris"} | adresse
            await self._adresses.Create(clients_pb.CreateAdresseRequest(client_base_id=client.id, **told))
        return client.id

    async def company(self, *adresses: dict[str, str], sheet: dict[str, str], **fields: Any) -> str:
        """The id of a company with this sheet."""
        request = clients_pb.CreateClientEntrepriseRequest(**({"raison_sociale": "Œuvres SA"} | sheet))
        entreprise = await self._entreprises.Create(request)
        told = {"type_client": "ENTREPRISE", "client_entreprise_id": entreprise.id} | fields
        return await self.person(*adresses, **told)
