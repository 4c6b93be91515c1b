"""The journal of e-reporting, the periods that are closed, and files to be dropped."""

from alembic import op

revision = "factures_0006"
down_revision = "factures_0005"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE ereporting_ligne (
            id uuid NOT NULL,
            societe_id varchar(64) NOT NULL,
            nature varchar(20) NOT NULL,
            traitement varchar(20) NOT NULL,
            jour date NOT NULL,
            periode varchar(10) NOT NULL,
            periode_corrigee varchar(10),
            categorie varchar(20) NOT NULL,
            taux numeric(5, 2) NOT NULL,
            base_ht numeric(14, 2) NOT NULL,
            montant_tva numeric(14, 2) NOT NULL,
            montant_ttc numeric(14, 2) NOT NULL,
            facture_id uuid NOT NULL,
            reglement_id uuid,
            sequence bigint GENERATED ALWAYS AS IDENTITY,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_ereporting_ligne PRIMARY KEY (id),
            CONSTRAINT ck_ereporting_ligne_nature CHECK (nature IN ('TRANSACTION', 'ENCAISSEMENT')),
            CONSTRAINT ck_ereporting_ligne_traitement CHECK (traitement IN ('B2C', 'B2BINT')),
            CONSTRAINT ck_ereporting_ligne_categorie CHECK (categorie IN ('TLB1', 'TPS1', 'TNT1')),
            CONSTRAINT fk_ereporting_ligne_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id),
            CONSTRAINT fk_ereporting_ligne_reglement_id FOREIGN KEY (reglement_id) REFERENCES reglement (id)
        );
        CREATE INDEX ix_ereporting_ligne_periode
            ON ereporting_ligne (organisation_id, societe_id, periode, nature, sequence);
        CREATE INDEX ix_ereporting_ligne_facture_id ON ereporting_ligne (facture_id);
        CREATE UNIQUE INDEX uq_ereporting_ligne_transaction
            ON ereporting_ligne (facture_id, taux) WHERE nature = 'TRANSACTION';
        CREATE TRIGGER ereporting_ligne_append_only BEFORE UPDATE OR DELETE ON ereporting_ligne
            FOR EACH ROW EXECUTE FUNCTION refuse_change();

        CREATE TABLE ereporting_periode (
            id uuid NOT NULL,
            societe_id varchar(64) NOT NULL,
            nature varchar(20) NOT NULL,
            periode varchar(10) NOT NULL,
            statut varchar(20) NOT NULL,
            curseur bigint NOT NULL,
            fichier_csv bytea NOT NULL,
            fichier_json bytea NOT NULL,
            sha256 varchar(64) NOT NULL,
            declaree_le timestamptz NOT NULL,
            acteur varchar(255) NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_ereporting_periode PRIMARY KEY (id),
            CONSTRAINT ck_ereporting_periode_nature CHECK (nature IN ('TRANSACTION', 'ENCAISSEMENT')),
            CONSTRAINT ck_ereporting_periode_statut CHECK (statut IN ('DECLAREE'))
        );
        CREATE UNIQUE INDEX uq_ereporting_periode_nature
            ON ereporting_periode (organisation_id, societe_id, periode, nature);
        CREATE TRIGGER ereporting_periode_append_only BEFORE UPDATE OR DELETE ON ereporting_periode
            FOR EACH ROW EXECUTE FUNCTION refuse_change();

        CREATE TABLE ereporting_depot (
            periode_id uuid NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_ereporting_depot PRIMARY KEY (periode_id),
            CONSTRAINT fk_ereporting_depot_periode_id
                FOREIGN KEY (periode_id) REFERENCES ereporting_periode (id)
        );
        """
    )
