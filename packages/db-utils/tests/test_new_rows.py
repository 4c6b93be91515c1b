"""Checks of new rows before they are written."""

import pytest
from db_utils import EVERYTHING, Entity, OrganisationRequired, Row, Tenant, TenantOrSystem, metadata
from db_utils.statements import table_plan


class Base(Row):
    """Tables of this test."""

    __abstract__ = True
    metadata = metadata()


class Dossier(Entity, Tenant, Base):
    """A row of an organisation."""

    __tablename__ = "dossiers"


class Modele(Entity, TenantOrSystem, Base):
    """A row of an organisation, or supplied by the system."""

    __tablename__ = "modeles"


@pytest.mark.parametrize("row", [Dossier(organisation_id=""), Modele(organisation_id="")])
def test_a_row_of_nobody_is_refused(row: Row) -> None:
    """An empty organisation is none, also in tables with rows of the system."""
    with pytest.raises(OrganisationRequired):
        table_plan(type(row)).check_new(row, EVERYTHING)


@pytest.mark.parametrize("row", [Dossier(organisation_id="org-1"), Modele(organisation_id=None)])
def test_a_row_of_somebody_is_accepted(row: Row) -> None:
    """NULL is the system, in tables that have its rows."""
    table_plan(type(row)).check_new(row, EVERYTHING)
