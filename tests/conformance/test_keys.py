"""Rows that a former version has written without their keys are found in every table that has some (C10)."""

from datetime import UTC, datetime

import pytest
from db_utils import keyed_models, rekey
from service_kit import Service
from service_kit.registry import services
from service_testing import Mesh

EVER = datetime(2000, 1, 1, tzinfo=UTC)
KEYED = [(service, model) for service in services().values() for model in keyed_models(service.tables)]


@pytest.mark.parametrize(
    ("service", "model"), KEYED, ids=lambda one: getattr(one, "name", getattr(one, "__tablename__", ""))
)
async def test_every_row_that_is_written_has_its_keys(mesh: Mesh, service: Service, model: type) -> None:
    """Those of the other tests here, too: nothing is left to be written."""
    assert await rekey(mesh.database(service.name), model, EVER) == 0


def test_tables_with_keys_come_by_name() -> None:
    """Whatever order the process met them in: test processes must agree on theirs."""
    for service in services().values():
        names = [model.__tablename__ for model in keyed_models(service.tables)]
        assert names == sorted(names)


def test_searched_lists_have_keys() -> None:
    """At least those of clients, users, organisations and mails."""
    assert {service.name for service, _ in KEYED} >= {"clients", "users", "organisations", "email"}
