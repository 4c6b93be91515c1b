"""An office that asks for what is owed: clients, their invoices, and what was sent to them."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from crm.activites import activites_pb2
from crm.activites.activites_pb2_grpc import TacheServiceStub
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux import commerciaux_pb2
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.email import email_pb2
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.notifications import notifications_pb2
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from crm.organisations import organisations_pb2
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import (
    HistoriqueRelanceServiceStub,
    RegleRelanceServiceStub,
    RelanceEngineServiceStub,
    RelanceServiceStub,
)
from db_utils import Scope, within
from db_utils.clock import PARIS, frozen_at
from service_relance.calendrier import eligible
from service_relance.execution import carry_out_due
from service_relance.models import Relance
from service_testing import Mesh, eventually
from sqlalchemy import delete

ISSUED = datetime(2026, 1, 22, 11, tzinfo=UTC)
_PATIENCE = 4  # runs; the fifth failure would end a reminder
LEVEL_1, LEVEL_2, LEVEL_3 = (2, 20), (3, 9), (3, 23)  # months and days for an invoice due on 5 February


def at(month: int, day: int, hour: int = 9, minute: int = 30) -> datetime:
    """An instant of 2026 in Paris."""
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Recouvrement:
    """The office of one organisation."""

    mesh: Mesh
    org: str

    def stub(self, kind: Any) -> Any:
        """A stub called by a member of the office."""
        return self.mesh.stub(kind, organisation=self.org)

    async def client(self, *, welcome: bool = False, **fields: str) -> str:
        """Id of a new client with an email address, whose welcome was planned and, by default, forgotten."""
        usual = {"nom": "Dupont", "prenom": "Élodie", "email": "elodie@exemple.fr", "telephone": "0612345678"}
        request = clients_pb2.CreateClientBaseRequest(**(usual | fields))
        with frozen_at(ISSUED):
            client = await self.stub(ClientBaseServiceStub).Create(request)
            await eventually(lambda: self.relances(client_id=client.id))
        if welcome:
            return str(client.id)
        async with self.mesh.database("relance").transaction() as tx:
            await tx.execute(delete(Relance).where(Relance.client_id == client.id))
        return str(client.id)

    async def facture(self, client_id: str, montant: float = 1200.0, **fields: Any) -> factures_pb2.Facture:
        """An invoice of 22 January, due on 5 February unless told otherwise, whose levels are planned."""
        usual = {"date_echeance": "2026-02-05"}
        request = factures_pb2.CreateFactureRequest(client_id=client_id, montant=montant, **(usual | fields))
        with frozen_at(ISSUED):
            facture: factures_pb2.Facture = await self.stub(InvoiceServiceStub).Create(request)
            await eventually(lambda: self._planned(facture.id))
        return facture

    async def regle(self, niveau: int, **fields: Any) -> None:
        """Change the organisation's rule for *niveau* of unpaid invoices."""
        stub = self.stub(RegleRelanceServiceStub)
        listed = await stub.List(pb.ListReglesRelanceRequest(declencheur="IMPAYE"))
        (regle,) = [one for one in listed.regles if one.niveau == niveau]
        await stub.Update(pb.UpdateRegleRelanceRequest(id=regle.id, **fields))

    @asynccontextmanager
    async def without(self, *names: str) -> AsyncIterator[None]:
        """Services *names* are away inside; relance begins anew afterwards, with its circuits closed."""
        async with AsyncExitStack() as stack:
            for name in names:
                await stack.enter_async_context(self.mesh.without(name))
            yield
        async with self.mesh.without("relance"):
            pass

    async def _planned(self, facture_id: str) -> bool:
        return len(await self.relances(facture_id=facture_id)) == 3

    async def run(self, month: int, day: int, hour: int = 9, **fields: Any) -> pb.ExecuteRelancesResponse:
        """Carry out what is due at that hour; again for what a callee was too slow to answer or to take."""
        return await self._patiently({"REPORTEE", "ECHEC"}, (month, day, hour), fields)

    async def attempt(self, month: int, day: int, hour: int = 9, **fields: Any) -> pb.ExecuteRelancesResponse:
        """The same while somebody is away who takes mails or tasks: a failure stays one."""
        return await self._patiently({"REPORTEE"}, (month, day, hour), fields)

    async def once(self, month: int, day: int, hour: int = 9, **fields: Any) -> pb.ExecuteRelancesResponse:
        """Carry out what is due at that hour, as far as callees answer."""
        with frozen_at(at(month, day, hour)):
            engine = self.stub(RelanceEngineServiceStub)
            request = pb.ExecuteRelancesRequest(**fields)
            answer: pb.ExecuteRelancesResponse = await engine.ExecuteRelances(request)
            return answer

    async def _patiently(
        self, again: set[str], when: tuple[int, int, int], fields: dict[str, Any]
    ) -> pb.ExecuteRelancesResponse:
        """Results of runs until none of *again* is for want of an answer, the last one of each reminder."""
        results: dict[str, pb.ResultatRelance] = {}
        for _ in range(_PATIENCE):
            answer = await self.once(*when, **fields)
            results |= {one.relance_id: one for one in answer.resultats}
            if not any("INDISPONIBLE" in one.motif and one.resultat in again for one in answer.resultats):
                break
        numbers = Counter(one.resultat for one in results.values())
        return pb.ExecuteRelancesResponse(
            executees=numbers["EXECUTEE"],
            echouees=numbers["ECHEC"],
            ignorees=numbers["IGNOREE"],
            reportees=numbers["REPORTEE"],
            resultats=results.values(),
        )

    async def calendar_tells(self, day: date) -> None:
        """Return once the calendar has told relance whether *day* is eligible, however busy the machine."""
        app: Any = self.mesh["relance"].app

        async def told() -> bool:
            return not (await eligible(app, "", day)).a_recalculer

        with within(Scope(self.org)):
            await eventually(told)

    async def relances(self, **fields: Any) -> list[pb.Relance]:
        """Reminders, by planned day."""
        listed = await self.stub(RelanceServiceStub).List(pb.ListRelancesRequest(**fields))
        return list(listed.relances)

    async def statuts(self, facture: factures_pb2.Facture) -> list[tuple[str, str, str]]:
        """Planned day, statut and motif of the levels of *facture*, by level."""
        levels = sorted(await self.relances(facture_id=facture.id), key=lambda one: one.niveau)
        return [(one.date_prevue, one.statut, one.motif) for one in levels]

    async def history(self, **fields: Any) -> list[pb.HistoriqueRelance]:
        """Lines of the history, the first first."""
        stub = self.stub(HistoriqueRelanceServiceStub)
        listed = await stub.List(pb.ListHistoriquesRelanceRequest(**fields))
        return list(reversed(listed.historiques))

    async def job(self, month: int, day: int, hour: int = 9, minute: int = 30) -> object:
        """Let the job of relance run once, at that instant; returns what it does."""
        app: Any = self.mesh["relance"].app
        with frozen_at(at(month, day, hour, minute)):
            return await carry_out_due(app)

    async def mails(self) -> list[email_pb2.Message]:
        """Reminders by mail with their bodies, the first first; mails about events are not among them."""
        stub = self.stub(EmailServiceStub)
        listed = (await stub.List(email_pb2.ListMessagesRequest())).messages
        return [
            await stub.Get(email_pb2.GetMessageRequest(id=one.id))
            for one in reversed(listed)
            if one.cle_idempotence.startswith("relance:")
        ]

    async def taches(self) -> list[activites_pb2.Tache]:
        """Tasks, the first due first."""
        listed = await self.stub(TacheServiceStub).List(activites_pb2.ListTachesRequest())
        return list(listed.taches)

    async def apporteur(self, utilisateur_id: str) -> str:
        """Id of a sales agent who is the user *utilisateur_id*."""
        request = commerciaux_pb2.CreateApporteurRequest(
            nom="Morel", prenom="Anne", utilisateur_id=utilisateur_id
        )
        return str((await self.stub(ApporteurServiceStub).Create(request)).id)

    async def contrat(self, client_id: str) -> contrats_pb2.Contrat:
        """A contract of the client."""
        request = contrats_pb2.CreateContratRequest(client_id=client_id, produit_id="prod-456")
        contrat: contrats_pb2.Contrat = await self.stub(ContratServiceStub).Create(request)
        return contrat

    async def societe(self, raison_sociale: str) -> str:
        """Id of a société of the organisation, which organisations knows from then on."""
        maison = organisations_pb2.CreateOrganisationRequest(id=self.org, nom="Maison mère")
        await self.stub(OrganisationServiceStub).Create(maison)
        request = organisations_pb2.CreateSocieteRequest(raison_sociale=raison_sociale, siren="418166096")
        return str((await self.stub(SocieteServiceStub).Create(request)).id)

    async def notifications(self, type_: str) -> list[notifications_pb2.Notification]:
        """Notifications of *type_*."""
        request = notifications_pb2.ListNotificationsRequest(type=type_)
        return list((await self.stub(NotificationServiceStub).List(request)).notifications)

    async def paid(self, facture: factures_pb2.Facture, montant: float) -> None:
        """Have factures note a payment of *facture*."""
        stub: Any = self.mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=self.org)
        with frozen_at(at(2, 12)):
            await stub.RegisterPayment(
                factures_pb2.RegisterPaymentRequest(
                    facture_id=facture.id,
                    payment_id="payment-1",
                    montant=montant,
                    date_reception="2026-02-12",
                )
            )

    async def credited(self, facture: factures_pb2.Facture) -> None:
        """Have factures make an avoir for the whole of *facture*."""
        request = factures_pb2.CreateCreditNoteRequest(id=facture.id, motif="retour")
        with frozen_at(at(2, 12)):
            await self.stub(InvoiceServiceStub).CreateCreditNote(request)

    async def moved(self, client_id: str, email: str) -> None:
        """Have clients note another address of the client, or none."""
        request = clients_pb2.UpdateClientBaseRequest(id=client_id, email=email)
        await self.stub(ClientBaseServiceStub).Update(request)

    async def deleted(self, client_id: str) -> None:
        """Have clients delete the client."""
        request = clients_pb2.DeleteClientBaseRequest(id=client_id)
        await self.stub(ClientBaseServiceStub).Delete(request)


def plain(text: str) -> str:
    """*text* with common spaces only."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")
