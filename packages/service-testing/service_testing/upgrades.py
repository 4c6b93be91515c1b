"""Migrations on a schema that holds rows already."""

import shutil
from pathlib import Path
from typing import Self

import psycopg
from db_utils.migrations import Schema, migrate
from service_kit import Service

from service_testing.servers import empty_database


class Upgrade:
    """The tables of *service* as they were before its migration *before*, in a database of their own.

    A test fills them through `connection`, then calls `run`, which applies that migration and
    those after it; *scratch* is a folder for copies of the migrations.
    """

    def __init__(self, service: Service, before: str, scratch: Path) -> None:
        self._all = sorted((service.folder / "migrations").glob("[0-9]*.py"))
        self._folder = scratch / service.folder.name / "migrations"
        self._folder.mkdir(parents=True)
        self._schema = Schema(f"{service.name}_upgraded", (self._folder,))
        self._url = empty_database()
        self._migrate([file for file in self._all if file.stem < before])
        search_path = f"-c search_path={self._schema.name}"
        self.connection = psycopg.connect(self._url, autocommit=True, options=search_path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def run(self) -> None:
        """Apply the migrations that are left."""
        self._migrate(self._all)

    def _migrate(self, files: list[Path]) -> None:
        for file in files:
            shutil.copy(file, self._folder)
        migrate(self._url, [self._schema])
