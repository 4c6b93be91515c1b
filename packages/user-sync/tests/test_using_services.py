"""Services with the component, and services without it, which have nothing of it."""

from dataclasses import replace
from typing import Any

import pytest
from crm.dashboard.dashboard_pb2 import DashboardFilters
from crm.dashboard.dashboard_pb2_grpc import DashboardKpisServiceStub
from db_utils.migrations import differences
from grpc_utils import caller
from service_dashboard.service import SERVICE as DASHBOARD
from service_kit import Service, load
from service_kit.registry import services
from service_testing import fresh_database, running
from tests.comptoirs.service import COMPTABILITE, VENTE
from tests.visiteurs import BESIDE, Comptoirs, Visiteur, copies_in, organisation_in
from user_sync import UserSync, UserSyncSettings, utilisateur_local
from user_sync.models import Base

FIGURES = replace(DASHBOARD, components=(UserSync(app_code="crm", service_name="dashboard-service"),))


@pytest.mark.parametrize("service", [COMPTABILITE, VENTE, FIGURES], ids=lambda service: service.name)
def test_migrations_make_the_declared_tables(service: Service) -> None:
    """Migrations make the component's tables in the schema of each service, beside its own."""
    assert differences(fresh_database(service), service.name, service.declared) == []
    assert Base.metadata in service.declared


async def test_an_existing_service_switches_it_on_by_one_line_of_its_data(visiteur: Visiteur) -> None:
    """Callers of the service get copies, and its own work goes on."""
    async with running(*BESIDE, FIGURES, bcrypt_cost=4) as mesh:
        token = visiteur.token(mesh)
        figures = DashboardKpisServiceStub(mesh.channel("dashboard", token))
        answer = await figures.GetKpis(DashboardFilters(periode_rapide="mois_courant"))
        assert answer.HasField("calcule_le")
        (copy,) = await copies_in(mesh.database("dashboard"), visiteur.organisation)
        assert (copy.auth0_id, copy.role) == (visiteur.sujet, "ADMIN")
        organisation = await organisation_in(mesh.database("dashboard"), visiteur.organisation)
        assert organisation is not None
        assert organisation.initialisation_etat == "fait"  # it has no hook


def test_a_service_hears_of_sign_ins_under_a_name_of_its_own() -> None:
    """Each service has a consumer of its own, and so its own copies."""
    consumers = [
        subscription.consumer(service.name)
        for service in (COMPTABILITE, VENTE)
        for subscription in service.subscriptions
    ]
    assert consumers == ["comptabilite--user-login", "vente--user-login"]


def test_its_settings_are_those_of_the_service() -> None:
    """The component adds these settings to those of its service, as the environment spells them."""
    assert issubclass(COMPTABILITE.settings, UserSyncSettings)
    names = set(COMPTABILITE.settings.model_fields) - set(DASHBOARD.settings.model_fields)
    assert {name.upper() for name in names} == {
        "USER_SYNC_ENABLED",
        "USER_SYNC_TIMEOUT_MS",
        "USER_SYNC_WAIT_MS",
        "USER_SYNC_INTERVAL_S",
        "USER_CACHE_S",
        "ISSUER_PROVIDERS",
        "USER_TYPE_CLAIMS",
    }


def test_its_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read from the environment, lists comma-separated."""
    told = {"DATABASE_URL": "postgresql://localhost/crm", "USER_SYNC_WAIT_MS": "5", "GRPC_PORT": "1"}
    for name, value in (told | {"USER_TYPE_CLAIMS": "type, kind"}).items():
        monkeypatch.setenv(name, value)
    settings: Any = load(COMPTABILITE.settings)
    assert (settings.user_sync_wait_ms, settings.grpc_port) == (5, 1)
    assert (settings.user_type_claims, settings.user_cache_s) == (("type", "kind"), 60)


def test_a_service_without_it_has_nothing_of_it() -> None:
    """Services without the component have no greeting, no table and no consumer of it."""
    without = [service for service in services().values() if not service.greeters]
    assert DASHBOARD in without
    assert not any(Base.metadata in service.declared for service in without)


def test_outside_calls_there_is_no_local_user() -> None:
    """Jobs and consumers have no local user."""
    assert utilisateur_local() is None
    with pytest.raises(LookupError):
        caller()


async def test_handlers_read_who_calls(comptoirs: Comptoirs, visiteur: Visiteur) -> None:
    """Handlers read the id and role of the copy, and the permissions of the token at hand."""
    counts = []
    for permissions in ([], ["lire", "ecrire"], ["lire"]):
        answer = await comptoirs.visit(visiteur, permissions=permissions)
        counts.append(answer.nouveaux_clients)
    copy = await comptoirs.known(visiteur)
    assert (answer.date_debut, answer.date_fin) == (str(copy.id), copy.role)
    assert counts == [0, 2, 1]
