"""Closing a period: what is frozen, what comes later, who is reminded (R44, R45)."""

import asyncio
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from crm.factures import factures_pb2 as pb
from db_utils import Scope, within
from grpc import StatusCode
from service_factures.ereporting.depots import drop_reports
from service_factures.ereporting.rappels import remind
from service_kit import App
from service_kit.outgoing import CommandeSortante
from service_testing import Mesh, code_of, refusal, refused
from sqlalchemy import select
from tests.ereporting.declarant import Declarant

FAILED = StatusCode.FAILED_PRECONDITION
_LATE = "2026-02-01"


@pytest.fixture
async def sold(declarant: Declarant) -> pb.Facture:
    """An invoice of 22 January 2026, in 2026-01-D3."""
    with declarant.on("2026-01-22"):
        await declarant.settings(siren="552 100 554", company_name="Atelier Élan")
        return await declarant.issued()


async def test_R44_a_period_before_the_e_reporting_has_nothing_to_declare(
    declarant: Declarant, sold: pb.Facture
) -> None:
    """A closed period stays closed, so that one of another year by mistake would stay for ever."""
    with declarant.on(_LATE):
        told = await refusal(declarant.close("2025-12-D3"))
    assert (told.code, told.reason) == (FAILED, "PERIODE_SANS_DECLARATION")
    assert told.message.endswith("(début : 01/01/2026).")


async def test_R44_a_period_is_open_then_to_declare_then_declared(
    declarant: Declarant, sold: pb.Facture
) -> None:
    """Its last day is 31 January; it is declared by 10 February."""
    with declarant.on("2026-01-31"):
        report = await declarant.report("2026-01-D3")
        assert (report.statut, report.a_declarer_avant) == ("OUVERTE", "2026-02-10")
        told = await refusal(declarant.close("2026-01-D3"))
        assert (told.code, told.reason) == (FAILED, "PERIODE_EN_COURS")
        assert told.message.endswith("elle se clôt après son dernier jour (fin : 31/01/2026).")
    with declarant.on(_LATE):
        assert (await declarant.report("2026-01-D3")).statut == "A_DECLARER"
        closed = await declarant.close("2026-01-D3")
        assert closed.statut == "DECLAREE"
        assert closed.declaree_le.ToDatetime().date().isoformat() == _LATE
        assert await declarant.report("2026-01-D3") == closed
        assert await refused(declarant.close("2026-01-D3")) == (FAILED, "PERIODE_DEJA_CLOSE")


async def test_R44_the_files_hold_the_lines(declarant: Declarant, sold: pb.Facture) -> None:
    """CSV and JSON with their SHA-256, the JSON with that of the CSV; read back as they will be."""
    with declarant.on(_LATE):
        table, data = (await declarant.close("2026-01-D3")).fichiers
    assert (table.file_name, table.mime_type) == ("2026-01-D3-transaction.csv", "text/csv")
    assert (data.file_name, data.mime_type) == ("2026-01-D3-transaction.json", "application/json")
    for file in (table, data):
        assert file.sha256 == hashlib.sha256(file.content).hexdigest()
    (row,) = csv.DictReader(table.content.decode("utf-8-sig").splitlines(), delimiter=";")
    content = json.loads(data.content)
    (line,) = content.pop("lignes")
    assert content == {
        "organisation_id": declarant.org,
        "societe_id": "",
        "siren": "552100554",
        "nature": "TRANSACTION",
        "periode": "2026-01-D3",
        "csv_sha256": table.sha256,
    }
    assert line == {
        "nature": "TRANSACTION",
        "traitement": "B2C",
        "jour": "2026-01-22",
        "periode_corrigee": None,
        "categorie": "TPS1",
        "taux": "20.00",
        "facture_id": None,
        "numero": None,
        "base_ht": "41.58",
        "montant_tva": "8.32",
        "montant_ttc": "49.90",
        "nombre": 1,
    }
    assert (row["jour"], row["taux"], row["montant_ttc"]) == ("2026-01-22", "20,00", "49,90")


async def test_R44_a_late_receipt_goes_to_the_open_period(declarant: Declarant, sold: pb.Facture) -> None:
    """It names the closed one, which keeps its lines and its files to the byte."""
    with declarant.on("2026-02-05"):
        await declarant.pay(sold, montant=10)
    with declarant.on("2026-03-02"):
        closed = await declarant.close("2026-02")
        await declarant.pay(sold, "pay-2", 20, date_reception="2026-02-28")
        assert await declarant.report("2026-02") == closed
        (late,) = (await declarant.report("2026-03")).lignes
        assert (late.jour, late.periode_corrigee, late.montant_ttc) == ("2026-02-28", "2026-02", 20)


async def test_R44_a_late_line_of_a_period_that_is_over_and_open_belongs_to_it(
    declarant: Declarant, sold: pb.Facture
) -> None:
    """Only a closed one is corrected in another."""
    with declarant.on("2026-03-02"):
        await declarant.pay(sold, date_reception="2026-02-28")
        (line,) = (await declarant.report("2026-02")).lignes
        assert line.periode_corrigee == ""


async def test_R44_lines_that_came_after_the_reading_are_not_left_out(
    declarant: Declarant, sold: pb.Facture
) -> None:
    """ABORTED; a second reading closes it."""
    with declarant.on("2026-03-02"):
        await declarant.pay(sold, montant=10, date_reception="2026-02-28")
        read = (await declarant.report("2026-02")).curseur
        await declarant.pay(sold, "pay-2", 20, date_reception="2026-02-28")
        stale = declarant.close("2026-02", read)
        assert await refused(stale) == (StatusCode.ABORTED, "LIGNES_ARRIVEES")
        assert (await declarant.close("2026-02")).statut == "DECLAREE"


async def test_R44_an_empty_period_is_closed_too(declarant: Declarant) -> None:
    """With files that hold no line; of a month of two natures both are closed."""
    with declarant.on(_LATE):
        await declarant.settings(regime_tva="REEL_TRIMESTRIEL")
        closed = await declarant.close("2026-01")
        assert [one.nature for one in closed.fichiers] == ["TRANSACTION"] * 2 + ["ENCAISSEMENT"] * 2
        assert closed.statut == "DECLAREE"


async def test_R43_lines_of_a_former_regime_are_still_closed(declarant: Declarant, sold: pb.Facture) -> None:
    """Their period stays one of the société's; those that it never had are refused."""
    with declarant.on(_LATE):
        await declarant.settings(regime_tva="FRANCHISE")
        assert (await declarant.close("2026-01-D3")).statut == "DECLAREE"
        told = await refusal(declarant.report("2026-01-D2"))
        assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "PERIODE_D_UN_AUTRE_REGIME")
        assert told.message.endswith(
            "(champ : periode ; FRANCHISE : ventes par deux mois (2027-B5),"
            " encaissements par deux mois (2027-B5))."
        )


async def test_R44_each_societe_closes_its_own(declarant: Declarant, sold: pb.Facture) -> None:
    """And another organisation sees nothing of it."""
    with declarant.on(_LATE):
        told = await refusal(declarant.close("2026-01-D3", societe_id="soc-2"))
        assert told.reason == "PERIODE_SANS_DECLARATION"  # without settings of its own it does not report yet
        await declarant.settings(societe_id="soc-2", siren="732 829 320", company_name="Atelier Deux")
        assert (await declarant.close("2026-01-D3", societe_id="soc-2")).statut == "DECLAREE"
        assert (await declarant.report("2026-01-D3")).statut == "A_DECLARER"
        assert (await declarant.report("2026-01-D3", societe_id="soc-2")).lignes == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"periode": ""}, "CHAMP_REQUIS"),
        ({"periode": "2026-13"}, "PERIODE_INCONNUE"),
        ({"periode": "2026-B1"}, "PERIODE_D_UN_AUTRE_REGIME"),
        ({"curseur": ""}, "CHAMP_REQUIS"),
        ({"curseur": "x"}, "FORMAT_INVALIDE"),
        ({"curseur": "9" * 30}, "FORMAT_INVALIDE"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R44_what_cannot_be_closed(declarant: Declarant, fields: dict[str, Any], reason: str) -> None:
    """With INVALID_ARGUMENT."""
    with declarant.on(_LATE):
        request = pb.CloseEReportingRequest(**({"periode": "2026-01-D3", "curseur": "0"} | fields))
        call = declarant.transmissions.CloseEReporting(request)
        assert await refused(call) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R44_of_closings_at_once_one_works(declarant: Declarant, sold: pb.Facture) -> None:
    """The others find the period closed; its files are written once."""
    with declarant.on(_LATE):
        curseur = (await declarant.report("2026-01-D3")).curseur
        calls = [code_of(declarant.close("2026-01-D3", curseur)) for _ in range(5)]
        codes = await asyncio.gather(*calls)
        assert sorted(codes, key=str) == [FAILED] * 4 + [StatusCode.OK]
        assert len((await declarant.report("2026-01-D3")).fichiers) == 2


async def test_R44_receipts_while_a_period_is_closed_are_in_it_or_after_it(
    declarant: Declarant, sold: pb.Facture
) -> None:
    """None is lost, none is in a closed period that its files do not hold."""
    with declarant.on("2026-03-02"):
        calls = [declarant.pay(sold, f"pay-{rang}", 1, date_reception="2026-02-28") for rang in range(8)]
        closed, _ = await asyncio.gather(_until_closed(declarant), asyncio.gather(*calls))
        content = json.loads(closed.fichiers[1].content)
        within_it = sum(line["nombre"] for line in content["lignes"])
        assert within_it == sum(line.nombre for line in (await declarant.report("2026-02")).lignes)
        after = (await declarant.report("2026-03")).lignes
        assert within_it + sum(line.nombre for line in after) == 8
        assert {line.periode_corrigee for line in after} <= {"2026-02"}


async def _until_closed(declarant: Declarant) -> pb.EReporting:
    """Read and close, again while lines come in between."""
    while True:
        try:
            return await declarant.close("2026-02")
        except grpc.aio.AioRpcError as error:
            if error.code() != StatusCode.ABORTED:
                raise


async def test_R45_files_lie_in_the_folder_of_the_societe(
    declarant: Declarant, sold: pb.Facture, mesh: Mesh
) -> None:
    """Once: who takes them away does not find them there again."""
    with declarant.on(_LATE):
        closed = await declarant.close("2026-01-D3")
        app: App[Any] = mesh["factures"].app
        await drop_reports(app)
        folder: Path = app.settings.factures_depot_dir / declarant.org / "defaut" / "ereporting"
        assert _taken(folder) == {one.file_name: one.content for one in closed.fichiers}
        await drop_reports(app)
        assert _taken(folder) == {}


def _taken(folder: Path) -> dict[str, bytes]:
    """The files of *folder*, which are then no longer in it."""
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    for name in files:
        (folder / name).unlink()
    return files


async def _alerts(declarant: Declarant, mesh: Mesh, day: str, hour: int = 6) -> list[str]:
    """The keys of the alerts that are owed once the job has run twice at *hour* of *day*."""
    with declarant.on(day, hour):
        for _ in range(2):
            await remind(mesh["factures"].app)
    with within(Scope(declarant.org)):
        rows = await mesh.database("factures").read().all(select(CommandeSortante))
    return sorted(one.cle for one in rows if one.cle.startswith("ereporting:"))


async def test_R44_finance_is_reminded_of_a_period_that_is_over(
    declarant: Declarant, sold: pb.Facture, mesh: Mesh
) -> None:
    """From 06:00 of the day after it, again two days before it is due, never of a closed one."""
    over, near = "ereporting::2026-01-D3:fin", "ereporting::2026-01-D3:echeance"
    assert await _alerts(declarant, mesh, "2026-01-31", 23) == []
    assert await _alerts(declarant, mesh, _LATE, 5) == []
    assert await _alerts(declarant, mesh, _LATE) == [over]
    assert await _alerts(declarant, mesh, "2026-02-07") == [over]
    assert await _alerts(declarant, mesh, "2026-02-08") == [near, over]
    with declarant.on("2026-02-08"):
        await declarant.pay(sold)
        await declarant.close("2026-01-D3")
    assert await _alerts(declarant, mesh, "2026-03-01") == [near, over, "ereporting::2026-02:fin"]
