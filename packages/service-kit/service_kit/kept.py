"""Settings that are folders whose content must outlive the process."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_settings import BaseSettings


@dataclass(frozen=True, slots=True)
class Kept:
    """Mark of a setting that is a folder to be kept, as in `Annotated[Path, Kept("documents")]`.

    `crm up` gives it the folder *name* in its home, the compose stacks one on a volume, and tests
    one that ends with them.
    """

    name: str


def kept_folders(settings: type[BaseSettings]) -> Mapping[str, str]:
    """The names of the kept folders that *settings* declares, by setting."""
    return {
        setting: mark.name
        for setting, field in settings.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Kept)
    }
