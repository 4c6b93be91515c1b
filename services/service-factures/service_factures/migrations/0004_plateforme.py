"""Accounts on platforms, how far their statuses were read, and the statuses that are sent to them."""

from alembic import op

revision = "factures_0004"
down_revision = "factures_0003"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE connexion_plateforme (
            societe_id varchar(64) NOT NULL,
            flow_url varchar(500) NOT NULL,
            directory_url varchar(500) NOT NULL,
            token_url varchar(500) NOT NULL,
            client_id varchar(255) NOT NULL,
            client_secret text NOT NULL,
            organisation varchar(100) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_connexion_plateforme PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_connexion_plateforme_societe ON connexion_plateforme (organisation_id, societe_id);

        CREATE TABLE curseur_flux (
            organisation_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            cursor text NOT NULL,
            updated_after timestamptz,
            CONSTRAINT pk_curseur_flux PRIMARY KEY (organisation_id, societe_id)
        );

        CREATE TABLE cycle_sortant (
            id uuid NOT NULL,
            facture_id uuid NOT NULL,
            code integer NOT NULL,
            rang integer NOT NULL,
            cdar bytea NOT NULL,
            sens varchar(20) NOT NULL,
            statut varchar(20) NOT NULL,
            cle varchar(64) NOT NULL,
            flow_id varchar(100),
            motif_code varchar(50),
            emis_le timestamptz NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            envoye_le timestamptz,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_cycle_sortant PRIMARY KEY (id),
            CONSTRAINT fk_cycle_sortant_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id),
            CONSTRAINT ck_cycle_sortant_sens CHECK (sens IN ('ENCAISSEMENT', 'ANNULATION')),
            CONSTRAINT ck_cycle_sortant_statut CHECK (statut IN ('EN_ATTENTE', 'ENVOYE', 'ACCEPTE', 'ABANDONNE', 'REFUSE'))
        );
        CREATE UNIQUE INDEX uq_cycle_sortant_cle ON cycle_sortant (cle);
        CREATE UNIQUE INDEX uq_cycle_sortant_rang ON cycle_sortant (facture_id, rang);
        CREATE INDEX ix_cycle_sortant_prochain_essai ON cycle_sortant (prochain_essai) WHERE prochain_essai IS NOT NULL;
        """
    )
