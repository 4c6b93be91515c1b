"""Meshes of documents and of the services that it asks, run once for all tests of this folder.

The jobs are left out of them: tests call them at the instant they choose.
"""

from collections.abc import Iterator

import pytest
from crm.documents.documents_pb2_grpc import ArchiveServiceStub, PieceJointeServiceStub
from service_kit.registry import service_named
from service_testing import Mesh
from service_testing.fixtures import mesh_of, of_member
from service_testing.servers import fresh_folder
from tests.contrat_doubles import Heard, contrats_of
from tests.piece_stores import IDLE, Bucket, Folder, app_of, running_bucket

HEARD = Heard()

mesh = mesh_of(
    service_named("clients"),
    service_named("organisations"),
    IDLE,
    doubles={"contrats": [contrats_of(HEARD)]},
    user_sync_enabled=False,
)
pieces = of_member(PieceJointeServiceStub)
archives = of_member(ArchiveServiceStub)


@pytest.fixture(scope="package")
def folder() -> Folder:
    """A folder for contents."""
    return Folder(fresh_folder())


@pytest.fixture(scope="package")
def bucket() -> Iterator[Bucket]:
    """A bucket of an S3-compatible store."""
    with running_bucket() as bucket:
        yield bucket


@pytest.fixture
def kept(mesh: Mesh) -> Folder:
    """The folder in which the service of `mesh` keeps its contents."""
    return Folder(app_of(mesh).settings.stockage_racine)


@pytest.fixture
def contrats() -> Iterator[Heard]:
    """The contracts service that answers whatever it is asked, until the test says otherwise."""
    yield HEARD
    HEARD.failures.clear()
    HEARD.may_answer.set()
