"""`crm bench payments`: seconds and memory of an emission run, and of the import of reports of a bank."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import grpc
import psycopg
from crm.factures.factures_pb2 import CreateFactureRequest, SaveFactureSettingsRequest
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, SepaServiceStub
from crm_cli.home import CommandError

from crm_bench import meters
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Report
from crm_bench.stages import Stages, stages

COLUMNS = ("lines", "seconds", "CPU s", "RSS MiB before", "RSS MiB after")
_SERVICES = ("payments", "factures", "calendar")
_AT_ONCE = 8  # calls that prepare what is measured
_PATIENCE = 600.0  # seconds for one call on a busy machine
_MONTANT, _FRAIS = Decimal("49.90"), Decimal("5.50")
_OUR_IBAN, _THEIR_IBAN = "FR7630006000011234567890189", "FR1420041010050500013M02606"
_LARGEST = 64 * 1024 * 1024  # bytes: a report of 10,000 lines has some
_DEBITS = """
INSERT INTO payments.payment (id, organisation_id, societe_id, client_id, facture_id, moyen, provider,
    montant, montant_rembourse, statut, date_prelevement, end_to_end_id, updated_at)
SELECT one.id, %(organisation)s, '', client_id, facture_id, 'SEPA_DEBIT', 'SEPA_FILE', %(montant)s,
    0, 'PENDING', current_date, 'E' || replace(one.id::text, '-', ''), now()
FROM (
    SELECT gen_random_uuid() AS id, mandat.client_id, facture.id::text AS facture_id
    FROM payments.mandat
    LEFT JOIN factures.facture USING (organisation_id, client_id)
    WHERE mandat.organisation_id = %(organisation)s
) AS one
"""
_NAMES = "SELECT end_to_end_id FROM payments.payment WHERE organisation_id = %s AND statut = %s ORDER BY id"
# What payments does after an answer: events to be published, calls to be made. Commission is not there, and
# is called again and again after the last stage.
_AFTERWARDS = """
SELECT (SELECT count(*) FROM payments.outbox WHERE stream_sequence IS NULL)
     + (SELECT count(*) FROM payments.commande_sortante WHERE etat = 'EN_ATTENTE' AND tentatives = 0)
"""


def measure(lines: int, *, invoices: bool) -> Report:
    """Measure the emission of *lines* debits, and reports that settle and return them.

    Raises CommandError.
    """
    report = Report("payments", COLUMNS)
    with (
        stages(7 if invoices else 4) as progress,
        measured_mesh(_SERVICES, running=False, USER_SYNC_ENABLED="false") as mesh,
    ):
        bench = _Bench(mesh, lines, progress, report)
        bench.emit("bench-debits", invoices=False)
        if invoices:
            bench.emit("bench-invoices", invoices=True)
        bench.settle("bench-debits")
        bench.take_back("bench-debits")
    return report


@dataclass(frozen=True, slots=True)
class _Bench:
    mesh: BenchMesh
    lines: int
    progress: Stages
    report: Report

    def emit(self, organisation: str, *, invoices: bool) -> None:
        """Prepare debits with a mandate each, and measure the run that hands them to the bank."""
        with self._stage(f"{self.lines:,} mandates"):
            asyncio.run(self._prepare(organisation, self._make_mandates))
        if invoices:
            with self._stage(f"{self.lines:,} invoices"):
                asyncio.run(self._prepare(organisation, self._make_invoices))
        what = "emission, with invoices" if invoices else "emission, without invoices"
        with self._stage(what):
            self._write(_DEBITS, organisation=organisation, montant=_MONTANT)
            emitted = self._measured(what, organisation, "EmitDue", pb.EmitDueRequest())
            self._expect(emitted.nb_soumis)

    def settle(self, organisation: str) -> None:
        """Measure the import of a report that credits each debit."""
        with self._stage("settlements"):
            entries = (_settlement(name) for name in self._names(organisation, "SUBMITTED"))
            imported = self._measured("import, settlements", organisation, "ImportReport", _report(entries))
            self._expect(imported.nb_regles)

    def take_back(self, organisation: str) -> None:
        """Measure the import of a report that returns each debit, with a fee in what is booked."""
        with self._stage("returns"):
            entries = (_returned(name) for name in self._names(organisation, "PAID"))
            imported = self._measured(
                "import, returns with fees", organisation, "ImportReport", _report(entries)
            )
            self._expect(imported.nb_rejetes)

    async def _prepare(self, organisation: str, make: Any) -> None:
        headers = (("authorization", f"Bearer {self.mesh.token(organisation)}"),)
        async with (
            grpc.aio.insecure_channel(self.mesh.address("payments")) as payments,
            grpc.aio.insecure_channel(self.mesh.address("factures")) as factures,
        ):
            first, one_by_one = make(payments, factures)
            stub, request = first
            await stub(request, metadata=headers, timeout=_PATIENCE)
            numbers = iter(range(self.lines))

            async def caller() -> None:
                for number in numbers:
                    stub, request = one_by_one(number)
                    await stub(request, metadata=headers, timeout=_PATIENCE)

            await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))

    def _make_mandates(self, payments: Any, factures: Any) -> Any:
        sepa, mandates = SepaServiceStub(payments), MandateServiceStub(payments)
        creancier = pb.SaveCreancierRequest(nom="Banc d'essai", ics="FR72ZZZ123456", iban=_OUR_IBAN)
        signed: Any = {"iban": _THEIR_IBAN, "titulaire": "Banc Essai", "date_signature": "2026-01-12"}
        return (sepa.SaveCreancier, creancier), lambda number: (
            mandates.Create,
            pb.CreateMandateRequest(client_id=f"client-{number}", **signed),
        )

    def _make_invoices(self, payments: Any, factures: Any) -> Any:
        seller = SaveFactureSettingsRequest(
            company_name="Banc d'essai",
            company_address="1 rue du Banc",
            code_postal="75002",
            ville="Paris",
            siren="552100554",
            tva_intracom="FR96552100554",
        )
        create = InvoiceServiceStub(factures).Create
        return (FactureSettingsServiceStub(factures).Save, seller), lambda number: (
            create,
            CreateFactureRequest(client_id=f"client-{number}", montant=float(_MONTANT)),
        )

    def _measured(self, what: str, organisation: str, method: str, request: Any) -> Any:
        """Make one call of SepaService, and add what it took; what follows from it is waited for."""
        process = self.mesh.process("payments")
        memory, begun = meters.rss(process), meters.reading([process])
        answer = asyncio.run(self._call(organisation, method, request))
        ended = meters.reading([process])
        self.progress.wait(self._all_told, _PATIENCE)
        figures = {"RSS MiB before": memory, "RSS MiB after": meters.rss(process)}
        took = {"seconds": ended.at - begun.at, "CPU s": ended.seconds - begun.seconds}
        self.report.add(what, lines=self.lines, **took, **figures)
        return answer

    async def _call(self, organisation: str, method: str, request: Any) -> Any:
        headers = (("authorization", f"Bearer {self.mesh.token(organisation)}"),)
        options = [(f"grpc.max_{way}_message_length", _LARGEST) for way in ("send", "receive")]
        async with grpc.aio.insecure_channel(self.mesh.address("payments"), options=options) as channel:
            return await getattr(SepaServiceStub(channel), method)(
                request, metadata=headers, timeout=_PATIENCE
            )

    def _expect(self, done: int) -> None:
        if done != self.lines:
            raise CommandError(f"{done} of {self.lines} debits were done: the service's own run came first")

    def _names(self, organisation: str, statut: str) -> list[str]:
        with self._database() as database:
            return [name for (name,) in database.execute(_NAMES, (organisation, statut)).fetchall()]

    def _write(self, statement: str, **named: Any) -> None:
        with self._database() as database:
            database.execute(statement.encode(), named)

    def _all_told(self) -> bool:
        with self._database() as database:
            row = database.execute(_AFTERWARDS).fetchone()
        return row == (0,)

    @contextmanager
    def _stage(self, what: str) -> Iterator[None]:
        self.progress.next(what)
        yield
        self.progress.done()

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.mesh.state.database_url, autocommit=True) as connection:
            yield connection


def _report(entries: Iterable[str]) -> pb.ImportReportRequest:
    """A notice of a bank (camt.054) with *entries*."""
    namespace = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
    header = f"<GrpHdr><MsgId>BANC</MsgId><CreDtTm>{date.today()}T07:30:00</CreDtTm></GrpHdr>"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{namespace}"><BkToCstmrDbtCdtNtfctn>{header}'
        f"<Ntfctn><Id>1</Id>{''.join(entries)}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    )
    return pb.ImportReportRequest(content=content.encode(), file_name="banc.xml")


def _settlement(end_to_end_id: str) -> str:
    return _entry(_MONTANT, "CRDT", f"<Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>")


def _returned(end_to_end_id: str) -> str:
    """A return whose fee is in the amount that was booked, as many banks book it."""
    fees = f'<Chrgs><Rcrd><Amt Ccy="EUR">{_FRAIS}</Amt></Rcrd></Chrgs>'
    code = "<RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    inside = f"<Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>{fees}{code}"
    return _entry(_MONTANT + _FRAIS, "DBIT", inside)


def _entry(amount: Decimal, sens: str, inside: str) -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{sens}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{date.today()}</Dt></BookgDt><NtryDtls><TxDtls>{inside}</TxDtls></NtryDtls></Ntry>"
    )
