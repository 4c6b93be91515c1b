"""A process that is killed while it validates a bordereau: all of it is there, or nothing (R25)."""

import signal
from collections.abc import Iterator

import pytest
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub
from db_utils import uuid7
from grpc import StatusCode
from service_commission.service import SERVICE
from service_testing import code_of
from service_testing.site import Site, site_of

_COMMISSION = """
INSERT INTO commission (id, organisation_id, reference, type, role, beneficiaire_id, societe_id, payment_id,
    base_ht, montant, montant_repris, periode, date_encaissement, bareme_code, bareme_version,
    bareme_snapshot, detail, statut, updated_at)
VALUES ('{id}', '{organisation}', 'COM-2026-02-000001', 'INITIALE', 'COMMERCIAL', 'app-1', '', 'payment-1',
    41.58, 4.16, 0, '2026-02', '2026-02-05', 'STANDARD', 1, '{{}}', '{{}}', 'EN_ATTENTE', now())"""
_PAID = "SELECT statut, bordereau_id IS NOT NULL FROM commission WHERE organisation_id = '{}'"
_NUMBERED = "SELECT reference FROM bordereau WHERE organisation_id = '{}'"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A database and a broker; the names in the files are ids, as no other service is there."""
    with site_of(SERVICE) as site:
        yield site


@pytest.mark.parametrize(
    ("failpoint", "statut"),
    [("bordereau.before_commit", "EN_ATTENTE"), ("bordereau.after_commit", "VALIDEE")],
)
async def test_R25_a_validation_that_is_killed_pays_once(site: Site, failpoint: str, statut: str) -> None:
    """Before the commit it can be repeated, after it the repetition is refused; there is one number."""
    organisation = str(uuid7())
    site.query(_COMMISSION.format(id=uuid7(), organisation=organisation))
    async with site.running(FAILPOINT=failpoint) as killed:
        draft = await generated(site, organisation)
        assert await validated(site, organisation, draft) == StatusCode.UNAVAILABLE
        assert await killed.wait() == -signal.SIGKILL
    paid = statut == "VALIDEE"
    assert site.query(_PAID.format(organisation)) == [(statut, paid)]
    assert site.query(_NUMBERED.format(organisation)) == [("BRD-2026-02-000001" if paid else "",)]
    async with site.running():
        again = await validated(site, organisation, draft)
    assert again == (StatusCode.FAILED_PRECONDITION if paid else StatusCode.OK)
    assert site.query(_PAID.format(organisation)) == [("VALIDEE", True)]
    assert site.query(_NUMBERED.format(organisation)) == [("BRD-2026-02-000001",)]


async def generated(site: Site, organisation: str) -> pb.Bordereau:
    async with site.stub(BordereauServiceStub, organisation=organisation) as bordereaux:
        asked = pb.GenererBordereauRequest(beneficiaire_id="app-1", periode="2026-02")
        return await bordereaux.Generer(asked, timeout=30, wait_for_ready=True)


async def validated(site: Site, organisation: str, draft: pb.Bordereau) -> StatusCode:
    async with site.stub(BordereauServiceStub, organisation=organisation) as bordereaux:
        asked = pb.ValiderBordereauRequest(id=draft.id, version=draft.version)
        return await code_of(bordereaux.Valider(asked, timeout=60, wait_for_ready=True))
