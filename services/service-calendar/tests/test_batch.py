"""A thousand debit dates at once: as good as one, in as many statements."""

from collections.abc import AsyncIterator

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarEngineServiceStub,
    DebitConfigurationServiceStub,
    HolidayServiceStub,
)
from db_utils import Database, Reader, Scope, within
from db_utils.reader import Answer
from db_utils.statements import Statement, Values
from grpc import StatusCode
from service_calendar.engine import CalendarEngineService
from service_kit import App
from service_testing import Mesh, refusal

MOST = 1_000


class Counted(Reader):
    """Reads like *reader* and counts the statements."""

    def __init__(self, reader: Reader) -> None:
        self.statements = 0
        self._reader = reader

    async def _run(self, statement: Statement, values: Values) -> Answer:
        self.statements += 1
        return await self._reader._run(statement, values)


class CountedDatabase(Database):
    """The database of a service, all of whose reads are counted."""

    def read(self) -> Counted:
        """The one reader of this database."""
        if not hasattr(self, "counted"):
            self.counted = Counted(super().read())
        return self.counted


@pytest.fixture
async def database(mesh: Mesh) -> AsyncIterator[CountedDatabase]:
    """The database of calendar, counted."""
    database = CountedDatabase(mesh.database("calendar").url, "calendar", pool_size=2)
    await database.open()
    yield database
    await database.close()


def one(ref: object, month: int = 4, **fields: str) -> pb.PlannedDateInput:
    """A question about a month of 2026."""
    return pb.PlannedDateInput(ref=str(ref), target_year=2026, target_month=month, **fields)


def batch(*inputs: pb.PlannedDateInput) -> pb.CalculatePlannedDatesBatchRequest:
    """The request for *inputs*."""
    return pb.CalculatePlannedDatesBatchRequest(inputs=inputs)


async def test_R18_a_thousand_dates_are_as_many_statements_as_one(
    mesh: Mesh,
    org: str,
    database: CountedDatabase,
    configurations: DebitConfigurationServiceStub,
    holidays: HolidayServiceStub,
) -> None:
    """Three: configurations of all levels, zones of the organisation, entered holidays."""
    await holidays.CreateZone(pb.CreateHolidayZoneRequest(code="SIEGE", nom="Siège", region="FR-ALS"))
    for number in range(5):
        await configurations.Save(
            pb.SaveDebitConfigurationRequest(
                niveau="CLIENT", reference_id=f"c-{number}", mode="BATCH", batch="L2", zone_code="SIEGE"
            )
        )
    app = mesh["calendar"].app
    service = CalendarEngineService(App(app.settings, database, app.peers))
    inputs = [
        one(number, number % 12 + 1, client_id=f"c-{number % 9}", contrat_id=f"k-{number}", societe_id="s")
        for number in range(MOST)
    ]
    counts = list[int]()
    with within(Scope(org)):
        for asked in (inputs[:1], inputs):
            request = pb.CalculatePlannedDatesBatchRequest(organisation_id=org, inputs=asked)
            answer = await service.CalculatePlannedDatesBatch(request, None)  # type: ignore[arg-type]  # no call
            assert answer.success_count == len(asked)
            counts.append(database.read().statements)
    assert counts == [3, 6]


async def test_R18_a_batch_answers_like_single_questions(
    engine: CalendarEngineServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """In the order of the inputs, with the same configuration, twice the same."""
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(niveau="CONTRAT", reference_id="k-1", mode="BATCH", batch="L1")
    )
    inputs = [one("b", 3, contrat_id="k-1"), one("a", 4), one("c", 1, min_date="2026-01-26")]
    first, again = [await engine.CalculatePlannedDatesBatch(batch(*inputs)) for _ in range(2)]
    assert first == again
    for asked, result in zip(inputs, first.results, strict=True):
        alone = await engine.CalculatePlannedDate(
            pb.CalculatePlannedDateRequest(
                target_year=asked.target_year,
                target_month=asked.target_month,
                contrat_id=asked.contrat_id,
                min_date=asked.min_date,
            )
        )
        expected = pb.PlannedDateResult(
            ref=asked.ref,
            success=True,
            planned_debit_date=alone.planned_debit_date,
            original_target_date=alone.original_target_date,
            shift_reason=alone.shift_reason,
            resolved_config=alone.resolved_config,
        )
        assert result == expected


async def test_R18_a_bad_input_fails_alone(engine: CalendarEngineServiceStub) -> None:
    """With the reason and the sentence of the refusal it would get alone; also when all are bad."""
    bad = [one("a", 13), one("b", min_date="2026-02-30"), one("c", societe_id="a b")]
    answer = await engine.CalculatePlannedDatesBatch(batch(bad[0], one("x"), *bad[1:]))
    told = [(result.ref, result.success, result.error_code) for result in answer.results]
    assert told == [
        ("a", False, "DATE_INVALIDE"),
        ("x", True, ""),
        ("b", False, "DATE_INVALIDE"),
        ("c", False, "FORMAT_INVALIDE"),
    ]
    assert (answer.total_count, answer.success_count, answer.error_count) == (4, 1, 3)
    sentence = answer.results[3].error_message
    assert sentence.startswith("Le format de la valeur est invalide (champ : societe_id ; 1 à 64 lettres")
    answer = await engine.CalculatePlannedDatesBatch(batch(*bad))
    assert (answer.success_count, answer.error_count) == (0, 3)


@pytest.mark.parametrize(
    ("inputs", "reason", "metadata"),
    [
        ([], "CHAMP_REQUIS", {"champ": "inputs"}),
        ([one("")], "CHAMP_REQUIS", {"champ": "ref"}),
        ([one("a"), one("b"), one("a")], "REFERENCE_EN_DOUBLE", {"champ": "ref"}),
        (
            [one(number) for number in range(MOST + 1)],
            "TROP_D_ENTREES",
            {"champ": "inputs", "maximum": "1000"},
        ),
    ],
)
async def test_R18_batches_that_are_refused_as_a_whole(
    engine: CalendarEngineServiceStub,
    inputs: list[pb.PlannedDateInput],
    reason: str,
    metadata: dict[str, str],
) -> None:
    """Empty ones, those of more than a thousand, and those whose results could not be told apart."""
    told = await refusal(engine.CalculatePlannedDatesBatch(batch(*inputs)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, metadata)


async def test_C6_a_batch_sees_the_configurations_of_its_organisation(
    engine: CalendarEngineServiceStub, foreign_configurations: DebitConfigurationServiceStub
) -> None:
    """A société of the same id elsewhere decides nothing here."""
    await foreign_configurations.Save(
        pb.SaveDebitConfigurationRequest(niveau="SOCIETE", reference_id="s", mode="FIXED_DAY", fixed_day=20)
    )
    answer = await engine.CalculatePlannedDatesBatch(batch(one("a", societe_id="s")))
    assert answer.results[0].original_target_date == "2026-04-05"
