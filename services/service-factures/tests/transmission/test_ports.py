"""What every way out keeps to (R36), the folder and the platform over HTTP alike."""

from collections.abc import Callable
from pathlib import Path

import pytest
from service_factures.transmission import Dossier, InvoiceTransmission, Refusee
from service_factures.transmission.plateforme import Plateforme
from tests.transmission.cdar_samples import received
from tests.transmission.depots import PDF, info
from tests.transmission.fausse_plateforme import FaussePlateforme

Way = Callable[[], tuple[InvoiceTransmission, Callable[[], list[bytes]]]]


@pytest.fixture(params=["dossier", "plateforme"])
def way(request: pytest.FixtureRequest, tmp_path: Path, fausse: FaussePlateforme) -> Way:
    """Maker of a port, and of a reader of what has arrived there: another instance each time."""

    def made() -> tuple[InvoiceTransmission, Callable[[], list[bytes]]]:
        if request.param == "plateforme":
            return Plateforme(fausse.compte), lambda: [one.content for one in fausse.deposes]
        folder = tmp_path / "org-1" / "defaut"
        return Dossier(tmp_path, "org-1", ""), lambda: [one.read_bytes() for one in folder.glob("[!.]*")]

    return made


def _named(root: Path, name: str) -> dict[str, bytes]:
    """The files of this *name* by the folder that they lie in."""
    return {one.parent.name: one.read_bytes() for one in root.rglob(name)}


async def test_R36_no_other_societe_has_the_folder_of_the_default_one(tmp_path: Path) -> None:
    """Their invoices have the same numbers, and their reports the same names."""
    for societe_id in ("defaut", ""):
        await Dossier(tmp_path, "org-1", societe_id).ecrire("R-1.csv", societe_id.encode(), "R-1")
    assert _named(tmp_path, "R-1.csv") == {"defaut": b"", "defaut~": b"defaut"}


async def test_R36_what_is_handed_over_arrives_as_it_is(way: Way) -> None:
    """An invoice and a status."""
    port, arrived = way()
    status = received("FAC2026000001", "205")
    await port.deposer(PDF, info())
    await port.deposer(
        status,
        info(status, tracking_id="cycle-1", name="a.xml", flow_syntax="CDAR", flow_profile=""),
    )
    assert sorted(arrived()) == sorted([PDF, status])


async def test_R36_the_same_file_again_is_one(way: Way) -> None:
    """Also through another instance, which knows nothing of the first."""
    first, _ = way()
    again, arrived = way()
    before = await first.deposer(PDF, info())
    after = await again.deposer(PDF, info())
    assert (before.flow_id, before.tracking_id) == (after.flow_id, after.tracking_id)
    assert arrived() == [PDF]


async def test_R36_what_was_handed_over_is_found_by_our_id(way: Way) -> None:
    """And nothing else is."""
    port, _ = way()
    deposited = await port.deposer(PDF, info())
    ((found,), _) = await port.chercher(tracking_id="facture-1")
    assert (found.flow_id, found.tracking_id) == (deposited.flow_id, "facture-1")
    assert list((await port.chercher(tracking_id="facture-2"))[0]) == []


async def test_R37_nothing_has_come_in_at_first(way: Way) -> None:
    """Our own files are not heard back."""
    port, _ = way()
    await port.deposer(PDF, info())
    assert [list(found) for found, _ in [await port.chercher()]] == [[]]


async def test_R37_what_is_not_there_cannot_be_fetched(way: Way) -> None:
    """It will never come."""
    port, _ = way()
    with pytest.raises(Refusee):
        await port.telecharger("in-7")
