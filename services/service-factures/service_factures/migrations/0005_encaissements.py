"""Receipts by rate of VAT, also of the règlements that came before."""

from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa
from alembic import op
from db_utils import uuid7
from service_factures import repartition
from service_factures.repartition import Poste

revision = "factures_0005"
down_revision = "factures_0004"
branch_labels = None

_PAID = sa.text(
    "SELECT r.facture_id, r.id, r.organisation_id, r.montant - r.montant_annule, r.date_reception"
    " FROM reglement r WHERE r.montant > r.montant_annule ORDER BY r.facture_id, r.created_at, r.id"
)
_RATES = sa.text(
    "SELECT t.taux, t.categorie, t.base_ht + t.montant_tva - COALESCE((SELECT sum(a.base_ht + a.montant_tva)"
    " FROM facture_tva a JOIN facture f ON f.id = a.facture_id"
    " WHERE f.facture_origine_id = t.facture_id AND a.taux = t.taux), 0)"
    " FROM facture_tva t WHERE t.facture_id = :facture_id ORDER BY t.taux DESC"
)
_ROWS = sa.table(
    "encaissement_tva",
    *(sa.column(name) for name in ("id", "facture_id", "reglement_id", "mouvement", "taux", "categorie")),
    *(sa.column(name) for name in ("montant", "date", "organisation_id")),
)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE encaissement_tva (
            id uuid NOT NULL,
            facture_id uuid NOT NULL,
            reglement_id uuid NOT NULL,
            mouvement uuid NOT NULL,
            taux numeric(5, 2) NOT NULL,
            categorie varchar(2) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            date date NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_encaissement_tva PRIMARY KEY (id),
            CONSTRAINT ck_encaissement_tva_categorie CHECK (categorie IN ('S', 'E', 'AE', 'K', 'G', 'O')),
            CONSTRAINT fk_encaissement_tva_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id),
            CONSTRAINT fk_encaissement_tva_reglement_id FOREIGN KEY (reglement_id) REFERENCES reglement (id)
        );
        CREATE INDEX ix_encaissement_tva_facture_id ON encaissement_tva (facture_id);
        CREATE TRIGGER encaissement_tva_append_only BEFORE UPDATE OR DELETE ON encaissement_tva
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        """
    )
    _split_earlier(op.get_bind())


def _split_earlier(connection: sa.Connection) -> None:
    """Split what is left of the règlements that came before over what avoirs have left of each rate."""
    received: dict[object, dict[Decimal, Decimal]] = {}
    for facture_id, reglement_id, organisation_id, montant, day in connection.execute(_PAID).all():
        rates = connection.execute(_RATES, {"facture_id": facture_id}).all()
        own = received.setdefault(facture_id, {})
        postes = [Poste(taux, du, own.get(taux, Decimal("0.00"))) for taux, _, du in rates]
        owed = sum((one.reste for one in postes), Decimal("0.00"))
        moves = repartition.receipt(postes, min(montant, owed))
        categories = {taux: categorie for taux, categorie, _ in rates}
        place = {"facture_id": facture_id, "reglement_id": reglement_id, "organisation_id": organisation_id}
        _insert(connection, moves, categories, place | {"mouvement": uuid7(), "date": day})
        for taux, amount in moves.items():
            own[taux] = own.get(taux, Decimal("0.00")) + amount


def _insert(
    connection: sa.Connection,
    moves: dict[Decimal, Decimal],
    categories: dict[Decimal, str],
    place: dict[str, object],
) -> None:
    rows: Iterable[dict[str, object]] = [
        place | {"id": uuid7(), "taux": taux, "categorie": categories[taux], "montant": montant}
        for taux, montant in moves.items()
    ]
    for row in rows:
        connection.execute(sa.insert(_ROWS).values(row))
