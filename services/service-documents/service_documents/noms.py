"""Extensions of names of files (R4); `grpc_utils.file_name` makes the names safe (R3)."""

from pathlib import PurePosixPath


def extension(name: str) -> str:
    """The extension of *name* in lower case without its dot, "" for none."""
    return PurePosixPath(name).suffix.removeprefix(".").lower()
