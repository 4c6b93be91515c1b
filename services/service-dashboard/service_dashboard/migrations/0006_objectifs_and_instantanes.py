"""Objectives, last answers of other services, and events whose organisation is not known yet."""

from alembic import op

revision = "dashboard_0006"
down_revision = "dashboard_0005"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE objectifs (
            organisation_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            mois char(7) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            CONSTRAINT pk_objectifs PRIMARY KEY (organisation_id, societe_id, mois),
            CONSTRAINT ck_objectifs_montant CHECK (montant >= 0)
        );
        CREATE TABLE instantanes (
            organisation_id varchar(64) NOT NULL,
            cle varchar(200) NOT NULL,
            valeur jsonb NOT NULL,
            pris_le timestamptz NOT NULL,
            CONSTRAINT pk_instantanes PRIMARY KEY (organisation_id, cle)
        );
        CREATE INDEX ix_instantanes_pris_le ON instantanes (pris_le);
        CREATE TABLE evenements_orphelins (
            event_id uuid NOT NULL,
            type varchar(50) NOT NULL,
            charge jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_evenements_orphelins PRIMARY KEY (event_id)
        );
        CREATE INDEX ix_evenements_orphelins_created_at ON evenements_orphelins (created_at);
        """
    )
