"""The folder: what lies there, with which rights, and that nothing leads out of it (R17)."""

import io
import os
from pathlib import Path

import pytest
from service_documents.file_engine import FileEngine
from service_documents.storage import ObjectMissing, StorageFailure

KEY = "org-1/2026/03/0190"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the files; beside it lies something that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "0190").write_bytes(b"secret")
    return tmp_path / "root"


@pytest.fixture
def engine(root: Path) -> FileEngine:
    """The engine of that folder."""
    return FileEngine(root)


def write(engine: FileEngine, key: str = KEY) -> None:
    """Write something."""
    engine.write(key, io.BytesIO(b"abc"), b"")


def test_R17_files_are_readable_by_the_service_alone(engine: FileEngine, root: Path) -> None:
    """Files 0600, folders 0700, and nothing is left beside them."""
    write(engine)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes == {"root": 0o700, "org-1": 0o700, "2026": 0o700, "03": 0o700, "0190": 0o600}


@pytest.mark.parametrize("linked", ["org-1", "org-1/2026", "org-1/2026/03"])
def test_R17_no_link_below_the_root_is_followed(engine: FileEngine, root: Path, linked: str) -> None:
    """Nothing behind a link is read, written or removed, even where a file of that name is there."""
    outside = root.parent / "outside"
    (root / linked).parent.mkdir(parents=True)
    (root / linked).symlink_to(outside, target_is_directory=True)
    for call in (
        lambda: write(engine),
        lambda: engine.open(KEY, 0, 3),
        lambda: engine.delete(KEY),
    ):
        with pytest.raises(StorageFailure):
            call()
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"0190": b"secret"}


def test_R17_a_file_that_is_a_link_is_replaced_and_never_read(engine: FileEngine, root: Path) -> None:
    """What it leads to stays as it is."""
    outside = root.parent / "outside" / "0190"
    (root / KEY).parent.mkdir(parents=True)
    (root / KEY).symlink_to(outside)
    with pytest.raises(StorageFailure):
        engine.open(KEY, 0, 3)
    write(engine)
    assert ((root / KEY).read_bytes(), (root / KEY).is_symlink()) == (b"abc", False)
    engine.delete(KEY)
    assert outside.read_bytes() == b"secret"


def test_R17_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    """Where the files lie is for the operator to say."""
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    root.mkdir()
    write(FileEngine(tmp_path / "link"))
    assert (root / KEY).read_bytes() == b"abc"


@pytest.mark.parametrize(
    "key", ["../outside/0190", "org-1/../../outside/0190", "/etc/passwd", "a//b", "a/./b", ""]
)
def test_R17_a_key_is_a_path_downwards(engine: FileEngine, key: str) -> None:
    """Anything else is a bug, not a file."""
    for call in (lambda: write(engine, key), lambda: engine.open(key, 0, 1), lambda: engine.delete(key)):
        with pytest.raises(ValueError, match="no key"):
            call()


def test_R17_a_root_that_is_not_mounted_is_no_loss(engine: FileEngine) -> None:
    """A missing root is a store that is away; a missing file is a content that is lost."""
    with pytest.raises(StorageFailure):
        engine.open(KEY, 0, 1)
    write(engine)
    with pytest.raises(ObjectMissing):
        engine.open("org-2/2026/03/0190", 0, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_R18_a_folder_that_cannot_be_written_is_a_failure(engine: FileEngine, root: Path) -> None:
    """Nothing is left in it."""
    write(engine)
    (root / KEY).parent.chmod(0o500)
    with pytest.raises(StorageFailure):
        write(engine, f"{KEY}1")
