"""One story's way through the months: what finance does, and what services are asked to show."""

from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from tests.e2e.money.bank import Bank
from tests.e2e.money.commands import agreed
from tests.e2e.money.disturbance import Quiet
from tests.e2e.money.person import Person
from tests.e2e.money.sale import Sale
from tests.e2e.money.timeline import Timeline

DAYS: Final = (
    "2026-02-05",
    "2026-03-05",
    "2026-04-07",  # Easter Sunday is the 5th, the 6th its Monday
    "2026-05-05",
    "2026-06-05",
    "2026-07-06",
    "2026-08-05",
    "2026-09-07",
    "2026-10-05",
    "2026-11-05",
    "2026-12-07",
    "2027-01-05",
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A *sale* whose debits are collected: its *bank*, its days (*timeline*), and what disturbs them."""

    sale: Sale
    bank: Bank
    timeline: Timeline
    disturbance: Quiet

    @property
    def person(self) -> Person:
        """Who looks."""
        return self.sale.person

    async def until(self, instant: str) -> None:
        """Wait for *instant* in Paris."""
        await self.timeline.until(instant)

    async def gone_at(self, instant: str) -> None:
        """Have the broker go at *instant*, if it is to be away."""
        await self.disturbance.broker_leaves(self.timeline, instant)

    async def back_at(self, instant: str) -> None:
        """Wait until *instant* for the broker, if it was away."""
        await self.disturbance.broker_returns(self.timeline, instant)

    async def payment(self, jour: str, *statuts: str) -> Any:
        """The payment of the debit of *jour*, once it is one of *statuts*."""
        (found,) = await self.person.finds(
            "payments.PaymentService/List",
            where=lambda row: row.statut in statuts and row.date_prelevement == jour,
            contrat_id=self.sale.contrat_id,
        )
        return found

    async def facture(self, numero: str, statut: str) -> Any:
        """The invoice *numero*, once it is *statut*."""
        (found,) = await self.person.finds(
            "factures.InvoiceService/List",
            where=lambda row: (row.numero, row.statut) == (numero, statut),
            client_id=self.sale.client_id,
        )
        return found

    async def reminders(self, facture_id: str, *days: str, statut: str = "PLANIFIEE") -> None:
        """Wait until the reminders of an invoice that are *statut* are those of *days*."""
        await self.person.finds(
            "relance.RelanceService/List",
            lambda rows: sorted(row.date_prevue for row in rows) == sorted(days),
            where=lambda row: (row.declencheur, row.statut) == ("IMPAYE", statut),
            facture_id=facture_id,
        )

    async def mails(self, origine: str, count: int) -> list[Any]:
        """The mails to the client with this *origine*, once there are *count*; never more."""
        found = await self.person.finds(
            "email.EmailService/List",
            lambda rows: len(rows) >= count,
            where=lambda row: row.origine == origine,
            destinataire="victoire@exemple.fr",
        )
        assert len(found) == count
        return found

    async def notices(self) -> list[Any]:
        """The mails that announce a new presentation to the client, once there are some."""
        return await self.person.finds(
            "email.EmailService/List",
            destinataire="victoire@exemple.fr",
            modele_code="REPRESENTATION_PRELEVEMENT",
        )

    async def commissions(self, *wanted: tuple[str, str, float, str]) -> None:
        """Wait until the agent's commissions are *wanted*: type, period, amount and statut of each."""
        await self.person.finds(
            "commission.CommissionService/List",
            lambda rows: (
                sorted((row.type, row.periode, row.montant, row.statut) for row in rows) == sorted(wanted)
            ),
            beneficiaire_id=self.sale.apporteur_id,
        )

    async def agreed(self) -> None:
        """Wait until finance is told that all services agree on what was received."""
        await agreed(self.timeline.crm, self.person.organisation)

    async def debit(self, jour: str) -> Any:
        """Bring the file of the run that takes the debit of *jour* to the bank; return the payment."""
        payment = await self.payment(jour, "SUBMITTED")
        file = await self.person.call("payments.SepaService/DownloadRemise", id=payment.remise_id)
        assert debits_in(file.content) == [(payment.end_to_end_id, "49.90", jour, "RCUR")]
        await self.bank.takes(file.content)
        return payment

    async def reports(self, kind: str = "camt.054") -> Any:
        """Import what the bank reports; it says something once."""
        (report,) = await self.bank.reports(kind)
        return await self.person.call(
            "payments.SepaService/ImportReport", content=report, file_name=f"{kind}.xml"
        )

    async def came_back(self, end_to_end_id: str, day: str, code: str) -> None:
        """Have a debit come back on *day* and import the bank's word of the return alone."""
        await self.bank.until(day)
        await self.bank.reports("camt.054")  # credits that finance does not import
        await self.bank.sends_back(end_to_end_id, code)
        read = await self.reports()
        assert (read.nb_rejetes, read.nb_regles, len(read.non_rapproches)) == (1, 0, 0)


def debits_in(file: bytes) -> list[tuple[str, str, str, str]]:
    """The debits of a pain.008: end-to-end id, amount, day and sequence of each."""
    space = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"}
    found = []
    for batch in etree.fromstring(file).iterfind(".//p:PmtInf", space):
        day, sequence = batch.findtext("p:ReqdColltnDt", "", space), batch.findtext(".//p:SeqTp", "", space)
        for debit in batch.iterfind("p:DrctDbtTxInf", space):
            found.append(
                (
                    debit.findtext(".//p:EndToEndId", "", space),
                    debit.findtext("p:InstdAmt", "", space),
                    day,
                    sequence,
                )
            )
    return found
