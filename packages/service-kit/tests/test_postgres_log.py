"""Log of the embedded PostgreSQL: what was refused is told without what was in it (C16)."""

from pathlib import Path

import psycopg
import pytest
from service_kit.embedded import EmbeddedPostgres


def test_C16_a_refused_row_leaves_no_address_in_the_log(tmp_path: Path) -> None:
    """Neither the key of a second row nor its statement."""
    server = EmbeddedPostgres(tmp_path, {"fsync": "off"})
    server.start()
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE personnes (email text PRIMARY KEY)")
            connection.execute("INSERT INTO personnes VALUES ('anne@exemple.fr')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO personnes VALUES ('anne@exemple.fr')")
    finally:
        server.stop()
    log = server.log.read_text()
    assert ("personnes_pkey" in log, "anne" in log) == (True, False)
