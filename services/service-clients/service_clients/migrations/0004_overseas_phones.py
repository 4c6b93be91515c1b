"""Phone numbers read anew: those of overseas territories get their own country code.

What was typed tells which they are. A client that would become another one keeps its old
number, and its id is logged; a number that is refused today stays as it is. The numbers are
read before the table is locked, which takes the time of one UPDATE.
"""

import logging
from collections.abc import Iterator
from uuid import UUID

import phonenumbers
from alembic import op
from grpc_utils.errors import FormatInvalide
from service_clients import phones
from sqlalchemy import Connection, Row, text

revision = "clients_0004"
down_revision = "clients_0003"
branch_labels = None

_log = logging.getLogger("service_clients.migrations")

_READ = """
CREATE TEMPORARY TABLE numbers_read (
    id uuid PRIMARY KEY, stored text, national_of_stored text, e164 text, national text
) ON COMMIT DROP
"""
_BATCH = text(
    """
    SELECT id, telephone, telephone_e164 FROM client_bases
    WHERE telephone_e164 IS NOT NULL AND id > :after ORDER BY id LIMIT 1000
    """
)
_ADD = text("INSERT INTO numbers_read VALUES (:id, :stored, :national_of_stored, :e164, :national)")
_CORRECT = """
WITH asked AS (
    SELECT r.*, c.supprime_le IS NOT NULL OR row_number() OVER (
               PARTITION BY c.organisation_id, c.nom_cle, r.e164, c.supprime_le IS NULL
               ORDER BY r.e164 <> c.telephone_e164, c.id) = 1
           AND NOT EXISTS (
               SELECT FROM client_bases AS o
               WHERE o.organisation_id = c.organisation_id AND o.telephone_e164 = r.e164
                 AND o.nom_cle = c.nom_cle AND o.supprime_le IS NULL AND o.id <> c.id) AS free
    FROM numbers_read AS r JOIN client_bases AS c USING (id)
)
UPDATE client_bases AS c
SET telephone_e164 = CASE WHEN free THEN e164 ELSE stored END,
    telephone_national = CASE WHEN free THEN national ELSE national_of_stored END
FROM asked WHERE c.id = asked.id AND c.telephone_e164 = stored
"""
_KEPT = """
SELECT id FROM client_bases AS c JOIN numbers_read AS r USING (id)
WHERE c.telephone_e164 = r.stored AND r.stored <> r.e164 ORDER BY id
"""


def upgrade() -> None:
    connection = op.get_bind()
    op.execute(_READ)
    for clients in _batches(connection):
        connection.execute(_ADD, [_reading(client) for client in clients])
    op.execute("ALTER TABLE client_bases ADD COLUMN telephone_national varchar(16)")
    op.execute(_CORRECT)
    for kept in connection.execute(text(_KEPT)).scalars():
        _log.warning("client %s keeps its phone number: another client has the corrected one", kept)


def _batches(connection: Connection) -> Iterator[list[Row]]:
    after = UUID(int=0)
    while clients := list(connection.execute(_BATCH, {"after": after})):
        yield clients
        after = clients[-1].id


def _reading(client: Row) -> dict[str, object]:
    stored = client.telephone_e164
    as_stored = phones.Telephone(stored, phones.national(phonenumbers.parse(stored)))
    try:
        number = phones.read(client.telephone or stored)
    except FormatInvalide:
        number = as_stored
    return {
        "id": client.id,
        "stored": stored,
        "national_of_stored": as_stored.national,
        "e164": number.e164,
        "national": number.national,
    }
