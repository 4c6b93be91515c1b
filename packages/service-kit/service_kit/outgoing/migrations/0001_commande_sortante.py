"""Calls to other services that are owed, with their requests, and what became of them."""

from alembic import op

revision = "outgoing_0001"
down_revision = None
branch_labels = ("outgoing",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE commande_sortante (
            id uuid NOT NULL,
            rang bigint GENERATED ALWAYS AS IDENTITY,
            organisation_id varchar(64),
            type varchar(60) NOT NULL,
            cle varchar(160) NOT NULL,
            objet varchar(160) NOT NULL,
            charge jsonb NOT NULL,
            correlation_id varchar(64) NOT NULL,
            etat varchar(20) NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz NOT NULL,
            erreur varchar(200) NOT NULL,
            created_at timestamptz NOT NULL,
            terminee_le timestamptz,
            CONSTRAINT pk_commande_sortante PRIMARY KEY (id),
            CONSTRAINT ck_commande_sortante_etat
                CHECK (etat IN ('EN_ATTENTE', 'ENVOYEE', 'REFUSEE', 'ABANDONNEE'))
        );
        CREATE UNIQUE INDEX uq_commande_sortante_cle ON commande_sortante
            (coalesce(organisation_id, ''), type, cle);
        CREATE INDEX ix_commande_sortante_prochain_essai ON commande_sortante (prochain_essai)
            WHERE etat = 'EN_ATTENTE';
        CREATE INDEX ix_commande_sortante_objet ON commande_sortante (objet, rang)
            WHERE etat = 'EN_ATTENTE';
        CREATE INDEX ix_commande_sortante_terminee_le ON commande_sortante (terminee_le);
        """
    )
