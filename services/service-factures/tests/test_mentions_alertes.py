"""The monthly word about mentions that end (R27)."""

from datetime import UTC, date, datetime

import pytest
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub, InvoiceServiceStub
from db_utils import clock
from service_factures.document_models import MentionLegaleRow
from service_factures.mentions_alertes import announce_ends, ending, message
from service_testing import Mesh
from tests.alertes import alerts_of
from tests.facturation import SAVED, Invoices, save

END = date(2027, 12, 31)


def mention(
    motif: str = "EXPORT", valable_du: date = date(2014, 1, 1), valable_au: date | None = END
) -> MentionLegaleRow:
    """A mention that ends with 2027, unless told otherwise."""
    return MentionLegaleRow(
        motif=motif,
        categorie="G",
        vatex="VATEX-EU-G",
        texte="…",
        reference="…",
        valable_du=valable_du,
        valable_au=valable_au,
    )


@pytest.mark.parametrize(
    ("day", "announced"),
    [(date(2027, 9, 30), False), (date(2027, 10, 1), True), (END, True), (date(2028, 5, 1), True)],
)
def test_R27_the_end_of_a_mention_is_announced_two_months_ahead(day: date, announced: bool) -> None:
    """From the first day of a month, and for as long as nothing follows."""
    assert ending([mention()], day) == ({"EXPORT": END} if announced else {})


def test_R27_a_mention_with_a_successor_or_without_an_end_is_not_announced() -> None:
    """The last row of a reason counts, in whatever order they come."""
    followed = [mention(valable_du=date(2028, 1, 1), valable_au=None), mention()]
    endless = mention("HORS_CHAMP", valable_au=None)
    assert ending([*followed, endless, mention("INTRACOM")], END) == {"INTRACOM": END}


def test_R27_the_word_names_each_reason_and_its_last_day() -> None:
    """As people write days."""
    said = message([("EXONERATION_261C", END), ("EXPORT", date(2028, 1, 2))])
    assert "EXONERATION_261C (jusqu'au 31/12/2027), EXPORT (jusqu'au 02/01/2028)." in said


async def test_R27_a_finance_team_is_told_once_a_month(mesh: Mesh, org: str) -> None:
    """Only where invoices bear such a reason; a second run in the month adds nothing."""
    app, other = mesh["factures"].app, f"{org}-autre"
    with clock.frozen_at(datetime(2027, 9, 20, 12, tzinfo=UTC)):
        for organisation, fields in (
            (org, {"taux_tva": 0, "motif_exoneration": "EXONERATION_261C"}),
            (other, {"taux_tva": 20}),
        ):
            await mesh.stub(FactureSettingsServiceStub, organisation=organisation).Save(save(**SAVED))
            made = Invoices(mesh.stub(InvoiceServiceStub, organisation=organisation))
            await made.issued(montant=50, **fields)
        await announce_ends(app)
    for month, day in ((10, 1), (10, 31), (11, 2)):
        with clock.frozen_at(datetime(2027, month, day, 12, tzinfo=UTC)):
            await announce_ends(app)
    wanted = {org: [f"mentions-legales:{org}:2027-{month}" for month in (10, 11)], other: []}
    for organisation, keys in wanted.items():
        owed = await alerts_of(mesh, organisation)()
        assert [key for key in owed if key.startswith("mentions-legales:")] == keys
