"""Documents of issued invoices: when they are made (R12, R30), and what they say (R13, R27, R28)."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from db_utils import Scope, clock, within
from facturx import get_xml_from_pdf
from grpc import StatusCode
from psycopg.errors import RaiseException
from service_factures import fabrication
from service_factures.document_models import DocumentAFaire, FactureDocument, MentionLegaleRow
from service_factures.documents import MENTIONS
from service_factures.fabrication import WAITS, make_documents
from service_factures.mentions_legales import PERIMEE, mention_of
from service_factures.models import Facture, FactureAudit
from service_testing import Mesh, eventually, refusal, refused
from sqlalchemy import bindparam, delete, select
from tests.documents.page_texts import text_of
from tests.facturation import R3, SAVED, Invoices, save
from tests.people import People

Issue = Callable[..., Awaitable[pb.Facture]]
_DOCUMENTS = select(FactureDocument).where(FactureDocument.facture_id == bindparam("facture_id"))
_DUE = select(DocumentAFaire).where(DocumentAFaire.facture_id == bindparam("facture_id"))
_NOTED = select(FactureAudit).where(
    FactureAudit.facture_id == bindparam("facture_id"), FactureAudit.action == "DOCUMENT"
)


@pytest.fixture
async def complete(made: Invoices, people: People, reglages: FactureSettingsServiceStub) -> Issue:
    """Maker of invoices whose parties are known: a company buys, unless the client is named."""
    await reglages.Save(save(**SAVED, escompte_texte="Escompte de 1 %"))
    client = await people.company(sheet={"siren": "732829320", "numero_tva": "FR44732829320"})

    async def issue(**fields: Any) -> pb.Facture:
        facture = await made.issued(**({"client_id": client} | fields))
        assert facture.identite_statut == "COMPLETE", facture.avertissements
        return facture

    return issue


async def rows(mesh: Mesh, facture: pb.Facture, statement: Any) -> Any:
    """The rows of *facture* that *statement* finds."""
    with within(Scope(facture.organisation_id)):
        return await mesh.database("factures").read().all(statement, facture_id=facture.id)


async def replaced_buyer(mesh: Mesh, facture: pb.Facture, snapshot: dict[str, Any]) -> dict[str, Any]:
    """The buyer that was frozen with *facture*, in whose place *snapshot* stands now."""
    with within(Scope(facture.organisation_id)):
        async with mesh.database("factures").transaction() as tx:
            row = await tx.get(Facture, facture.id)
            assert row is not None
            former = row.client_snapshot
            await tx.update(row, client_snapshot=snapshot)
    assert former is not None
    return former


def wanted(facture: pb.Facture, **fields: Any) -> pb.DownloadFactureRequest:
    """A request for the document of *facture*."""
    return pb.DownloadFactureRequest(id=facture.id, **fields)


async def test_R13_a_download_says_what_the_law_wants(complete: Issue, factures: InvoiceServiceStub) -> None:
    """In a PDF that carries the XML, which is given alone, too."""
    facture = await complete(lignes=R3, reference_commande="CMD-7")
    pdf = await factures.Download(wanted(facture))
    xml = await factures.Download(wanted(facture, format="XML"))
    text = text_of(pdf.content)
    shown = (facture.numero, "Atelier Élan", "Œuvres SA", "732829320", "CMD-7", "112,00", "11,89", "100,11")
    assert [one for one in (*shown, "40 €", "Escompte de 1 %", "BNPAFRPP") if one not in text] == []
    assert get_xml_from_pdf(pdf.content, check_xsd=False)[1] == xml.content
    assert (pdf.file_name, pdf.mime_type) == (f"{facture.numero}.pdf", "application/pdf")
    assert (xml.file_name, xml.mime_type) == (f"{facture.numero}.xml", "application/xml")
    for file in (pdf, xml):
        assert file.sha256 == hashlib.sha256(file.content).hexdigest()


async def test_R13_an_avoir_names_what_it_corrects(complete: Issue, factures: InvoiceServiceStub) -> None:
    """And why."""
    facture = await complete()
    avoir = await factures.CreateCreditNote(
        pb.CreateCreditNoteRequest(id=facture.id, motif="Geste commercial", montant=100)
    )
    text = text_of((await factures.Download(wanted(avoir))).content)
    assert f"Avoir sur facture {facture.numero} du " in text
    assert "Geste commercial" in text


async def test_R14_a_person_reads_of_no_penalties(
    complete: Issue, people: People, factures: InvoiceServiceStub
) -> None:
    """And is B2C in the XML."""
    facture = await complete(client_id=await people.person())
    assert "pénalités" not in text_of((await factures.Download(wanted(facture))).content)
    assert b"B2C" in (await factures.Download(wanted(facture, format="XML"))).content


async def test_R12_what_is_missing_is_said(made: Invoices, factures: InvoiceServiceStub) -> None:
    """A client of another system is unknown; a draft has no document; a format is PDF or XML."""
    facture, draft = await made.issued(), await made.draft()
    missing = await refusal(factures.Download(wanted(facture)))
    assert (missing.code, missing.reason) == (StatusCode.FAILED_PRECONDITION, "IDENTITE_INCOMPLETE")
    assert "émise" not in missing.message  # it was issued
    assert "CLIENT" in missing.metadata["manque"].split(",")
    no_document = (StatusCode.FAILED_PRECONDITION, "FACTURE_NON_EMISE")
    assert await refused(factures.Download(wanted(draft))) == no_document
    no_format = (StatusCode.INVALID_ARGUMENT, "VALEUR_INCONNUE")
    assert await refused(factures.Download(wanted(facture, format="DOCX"))) == no_format


async def test_R30_the_job_makes_a_document_once(
    complete: Issue, factures: InvoiceServiceStub, mesh: Mesh
) -> None:
    """The stored bytes are the truth, which nobody changes; the journal knows them."""
    facture = await complete()
    for _ in range(2):
        await make_documents(mesh["factures"].app)
    downloads = [await factures.Download(wanted(facture)) for _ in range(2)]
    (stored,) = await rows(mesh, facture, _DOCUMENTS)
    (noted,) = await rows(mesh, facture, _NOTED)
    assert {one.sha256 for one in downloads} == {stored.sha256} == {noted.apres["sha256"]}
    assert noted.acteur == "systeme"
    assert await rows(mesh, facture, _DUE) == []
    with pytest.raises(RaiseException, match="facture_document is append-only"):
        async with mesh.database("factures").transaction() as tx:
            await tx.execute(delete(FactureDocument).where(FactureDocument.facture_id == stored.facture_id))


async def test_R30_the_first_downloads_at_once_make_one_document(
    complete: Issue, factures: InvoiceServiceStub, mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    """Also while the job is at work: it is rendered once, and the others wait for it."""
    facture = await complete()
    downloads = [factures.Download(wanted(facture)) for _ in range(4)]
    with caplog.at_level(logging.DEBUG, fabrication.__name__):
        given, _ = await asyncio.gather(asyncio.gather(*downloads), make_documents(mesh["factures"].app))
    assert len({one.sha256 for one in given}) == 1
    assert len(await rows(mesh, facture, _DOCUMENTS)) == 1
    told = [one.getMessage() for one in caplog.records]
    assert told.count(f"rendering the document of invoice {facture.id}") == 1


async def test_R30_a_process_that_is_killed_while_it_renders_leaves_one_document(
    complete: Issue, factures: InvoiceServiceStub, mesh: Mesh
) -> None:
    """The attempt was counted when it began; the next one makes the document. The number stays."""
    facture, app, now = await complete(), mesh["factures"].app, clock.now()
    with clock.frozen_at(now):
        killed = asyncio.create_task(make_documents(app))

        async def begun() -> bool:
            (due,) = await rows(mesh, facture, _DUE)
            return bool(due.tentatives)

        await eventually(begun)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        assert await rows(mesh, facture, _DOCUMENTS) == []
    with clock.frozen_at(now + WAITS[0]):
        await make_documents(app)
    assert len(await rows(mesh, facture, _DOCUMENTS)) == 1
    assert (await factures.Get(pb.GetFactureRequest(id=facture.id))).numero == facture.numero


async def test_R30_what_cannot_be_made_is_tried_again(
    complete: Issue, factures: InvoiceServiceStub, mesh: Mesh, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is stored meanwhile, and the log says it."""
    facture, app, now = await complete(), mesh["factures"].app, clock.now()
    with clock.frozen_at(now):
        whole = await replaced_buyer(mesh, facture, {})
        await make_documents(app)
        answer = await refused(factures.Download(wanted(facture)))
        assert answer == (StatusCode.UNAVAILABLE, "DOCUMENT_INDISPONIBLE")
    assert await rows(mesh, facture, _DOCUMENTS) == []
    assert any(facture.id in one.getMessage() for one in caplog.records if one.levelname == "ERROR")
    await replaced_buyer(mesh, facture, whole)
    with clock.frozen_at(now + WAITS[0]):
        await make_documents(app)
    assert len(await rows(mesh, facture, _DOCUMENTS)) == 1


async def test_R29_signs_without_a_glyph_are_told(complete: Issue, factures: InvoiceServiceStub) -> None:
    """With their code points."""
    facture = await complete(libelle="Thé 茶")
    await factures.Download(wanted(facture))
    read = await factures.Get(pb.GetFactureRequest(id=facture.id))
    assert f"{fabrication.GLYPHES}:U+8336" in read.avertissements


async def test_R27_the_mention_of_the_day_is_frozen(
    complete: Issue, factures: InvoiceServiceStub, mesh: Mesh
) -> None:
    """With its code; a row that has ended warns. The table begins with the mentions of the code."""
    facture = await complete(montant=50, taux_tva=0, motif_exoneration="EXONERATION_261C")
    xml = (await factures.Download(wanted(facture, format="XML"))).content.decode()
    assert "VATEX-FR-CGI261C-2" in xml
    assert "Exonération de TVA, art. 261 C, 2° du CGI" in xml
    reader = mesh.database("factures").read()
    seeded = await reader.all(select(MentionLegaleRow))
    names = asdict(MENTIONS[0]).keys()
    assert sorted([{name: getattr(row, name) for name in names} for row in seeded], key=str) == sorted(
        map(asdict, MENTIONS), key=str
    )
    late = await mention_of(reader, "EXPORT", {"G"}, date(2028, 1, 1))
    assert (late.vatex, late.avertissements) == ("VATEX-EU-G", (PERIMEE,))
    assert (await mention_of(reader, "EXPORT", {"G"}, date(2027, 12, 31))).avertissements == ()


async def test_R28_the_code_of_a_unit_is_written(complete: Issue, factures: InvoiceServiceStub) -> None:
    """Hours are HUR."""
    facture = await complete(
        lignes=[{"description": "Conseil", "quantite": 2, "prix_unitaire": 80, "unite": "heures"}]
    )
    assert b'unitCode="HUR"' in (await factures.Download(wanted(facture, format="XML"))).content
