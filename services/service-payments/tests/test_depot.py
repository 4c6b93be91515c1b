"""The folder of files for banks."""

from pathlib import Path
from typing import Any

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceStub
from db_utils import Scope, clock, within
from service_kit import App
from service_payments.depot import Depot
from service_testing import Mesh
from tests.debits_due import RUN, Debits


def lying(folder: Path) -> dict[str, bytes]:
    """What a bank's channel finds."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def hidden(folder: Path) -> int:
    """How many files are not ready."""
    return sum(path.name.startswith(".") for path in folder.iterdir())


async def test_R17_a_file_lies_in_the_folder_after_its_commit(
    mesh: Mesh, org: str, due: Debits, sepa: SepaServiceStub
) -> None:
    """As it can be downloaded, for nobody else to read; one that was taken away does not come back."""
    app: App[Any] = mesh["payments"].app
    folder = app.settings.remises_dir
    await due.creancier()
    await due.mandat()
    await due.payment()
    with clock.frozen_at(RUN):
        (remise,) = (await due.emit()).remises
        given = await sepa.DownloadRemise(pb.DownloadRemiseRequest(id=remise.id))
        assert lying(folder)[given.file_name] == given.content
        path = folder / given.file_name
        assert path.stat().st_mode & 0o077 == 0
        path.unlink()
        await due.emit()
    assert given.file_name not in lying(folder)
    assert (given.sha256, given.file_name) == (remise.sha256, f"{remise.msg_id}.xml")


async def test_R17_what_a_crash_left_is_published_or_dropped_by_the_next_run(
    mesh: Mesh, org: str, due: Debits, sepa: SepaServiceStub, tmp_path: Path
) -> None:
    """Published when its remise was committed; files of other sociétés stay as they are."""
    await due.creancier()
    await due.mandat()
    await due.payment()
    with clock.frozen_at(RUN):
        (remise,) = (await due.emit()).remises
    depot, other = Depot(tmp_path, org, "soc-1"), Depot(tmp_path, org, "soc-2")
    await depot.prepare(remise.msg_id, b"committed")
    await depot.prepare("R2026020300000000", b"lost")
    await other.prepare("R2026020300000001", b"in work")
    assert lying(tmp_path) == {}
    with within(Scope(org)):
        await depot.settle(mesh.database("payments").read())
    assert lying(tmp_path) == {f"{remise.msg_id}.xml": b"committed"}
    assert hidden(tmp_path) == 1


async def test_R17_without_a_folder_nothing_is_written(mesh: Mesh, tmp_path: Path) -> None:
    """The files are in the database all the same."""
    depot = Depot(None, "org-1", "soc-1")
    await depot.prepare("R1", b"file")
    depot.publish("R1")
    with within(Scope("org-1")):
        await depot.settle(mesh.database("payments").read())
    assert (lying(tmp_path), hidden(tmp_path)) == ({}, 0)
