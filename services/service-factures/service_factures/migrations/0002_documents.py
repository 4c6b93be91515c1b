"""Documents of invoices, those that are still to be made, legal mentions and logos."""

from dataclasses import asdict

import sqlalchemy as sa
from alembic import op
from service_factures.documents.exonerations import MENTIONS

revision = "factures_0002"
down_revision = "factures_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE facture ADD COLUMN mention_exoneration text, ADD COLUMN vatex varchar(30);
        ALTER TABLE ligne_facture ADD COLUMN unite_code varchar(3);
        ALTER TABLE facture_settings ADD COLUMN logo_mime varchar(20);

        CREATE TABLE facture_document (
            facture_id uuid NOT NULL,
            pdf bytea NOT NULL,
            xml bytea NOT NULL,
            sha256 varchar(64) NOT NULL,
            genere_at timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture_document PRIMARY KEY (facture_id),
            CONSTRAINT fk_facture_document_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id)
        );

        CREATE TABLE document_a_faire (
            facture_id uuid NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_document_a_faire PRIMARY KEY (facture_id),
            CONSTRAINT fk_document_a_faire_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id)
        );
        CREATE INDEX ix_document_a_faire_prochain_essai ON document_a_faire (prochain_essai);

        CREATE TABLE mention_legale (
            motif varchar(30) NOT NULL,
            valable_du date NOT NULL,
            categorie varchar(2) NOT NULL,
            vatex varchar(30) NOT NULL,
            texte text NOT NULL,
            reference varchar(100) NOT NULL,
            valable_au date,
            CONSTRAINT pk_mention_legale PRIMARY KEY (motif, valable_du),
            CONSTRAINT ck_mention_legale_categorie CHECK (categorie IN ('S', 'E', 'AE', 'K', 'G', 'O'))
        );

        CREATE TABLE facture_logo (
            settings_id uuid NOT NULL,
            logo bytea NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture_logo PRIMARY KEY (settings_id),
            CONSTRAINT fk_facture_logo_settings_id FOREIGN KEY (settings_id) REFERENCES facture_settings (id) ON DELETE CASCADE
        );

        CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END
        $$;
        CREATE TRIGGER facture_document_append_only BEFORE UPDATE OR DELETE ON facture_document
            FOR EACH ROW EXECUTE FUNCTION refuse_change();

        -- Complete invoices that were issued before documents were made get theirs, too.
        INSERT INTO document_a_faire (facture_id, tentatives, prochain_essai, organisation_id)
            SELECT id, 0, now(), organisation_id FROM facture
            WHERE identite_statut = 'COMPLETE' AND numero IS NOT NULL;
        """
    )
    names = ("motif", "categorie", "vatex", "texte", "reference", "valable_du", "valable_au")
    dates = ("valable_du", "valable_au")
    columns = (sa.column(name, sa.Date if name in dates else sa.Text) for name in names)
    op.bulk_insert(sa.table("mention_legale", *columns), [asdict(one) for one in MENTIONS])
