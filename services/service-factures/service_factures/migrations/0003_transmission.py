"""How invoices are told to the administration, their way to a platform, and every status heard of them."""

from alembic import op

revision = "factures_0003"
down_revision = "factures_0002"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE facture
            ADD COLUMN traitement varchar(20),
            ADD COLUMN statut_transmission varchar(30) NOT NULL DEFAULT 'SANS_OBJET',
            ADD CONSTRAINT ck_facture_traitement CHECK (traitement IN ('B2B', 'B2BINT', 'B2C', 'OUTOFSCOPE')),
            ADD CONSTRAINT ck_facture_statut_transmission CHECK (statut_transmission IN ('SANS_OBJET', 'A_ENVOYER', 'ENVOYEE', 'DEPOSEE', 'EMISE', 'RECUE', 'MISE_A_DISPOSITION', 'PRISE_EN_CHARGE', 'APPROUVEE', 'APPROUVEE_PARTIELLEMENT', 'EN_LITIGE', 'SUSPENDUE', 'COMPLETEE', 'REFUSEE', 'PAIEMENT_TRANSMIS', 'ENCAISSEE', 'REJETEE', 'ANNULEE', 'ERREUR_ROUTAGE', 'IRRECEVABLE'));

        ALTER TABLE facture_settings
            ADD COLUMN regime_tva varchar(20),
            ADD COLUMN emission_obligatoire_le date NOT NULL DEFAULT '2027-09-01',
            ADD COLUMN ereporting_depuis date NOT NULL DEFAULT '2027-09-01',
            ADD CONSTRAINT ck_facture_settings_regime_tva CHECK (regime_tva IN ('REEL_MENSUEL', 'REEL_TRIMESTRIEL', 'SIMPLIFIE', 'FRANCHISE'));

        CREATE TABLE transmission (
            facture_id uuid NOT NULL,
            adresse_destinataire varchar(130),
            flow_id varchar(100),
            tracking_id varchar(64) NOT NULL,
            sha256 varchar(64),
            tentatives integer NOT NULL,
            depuis timestamptz NOT NULL,
            prochain_essai timestamptz,
            code integer,
            motif_code varchar(50),
            statut_le timestamptz,
            deposee_le timestamptz,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_transmission PRIMARY KEY (facture_id),
            CONSTRAINT fk_transmission_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id)
        );
        CREATE INDEX ix_transmission_prochain_essai ON transmission (prochain_essai) WHERE prochain_essai IS NOT NULL;
        CREATE INDEX ix_transmission_flow_id ON transmission (organisation_id, flow_id) WHERE flow_id IS NOT NULL;

        CREATE TABLE transmission_statut (
            id uuid NOT NULL,
            facture_id uuid NOT NULL,
            code integer,
            nom varchar(30) NOT NULL,
            date timestamptz NOT NULL,
            motif_code varchar(50),
            texte varchar(500),
            origine varchar(20) NOT NULL,
            flow_id varchar(100),
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_transmission_statut PRIMARY KEY (id),
            CONSTRAINT fk_transmission_statut_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id),
            CONSTRAINT ck_transmission_statut_origine CHECK (origine IN ('SERVICE', 'PLATEFORME', 'SAISIE'))
        );
        CREATE UNIQUE INDEX uq_transmission_statut_code_date ON transmission_statut (facture_id, code, date);
        CREATE INDEX ix_transmission_statut_facture_id ON transmission_statut (facture_id, date);
        CREATE TRIGGER transmission_statut_append_only BEFORE UPDATE OR DELETE ON transmission_statut
            FOR EACH ROW EXECUTE FUNCTION refuse_change();

        -- Invoices whose parties are frozen already: what their documents say, and what R34 says of their lines.
        UPDATE facture SET traitement = CASE
                WHEN NOT EXISTS (
                    SELECT FROM facture_tva WHERE facture_id = facture.id AND NOT (
                        categorie = 'O' OR (categorie = 'E'
                            AND facture.motif_exoneration IN ('EXONERATION_261C', 'EXONERATION_261_4')))
                ) THEN 'OUTOFSCOPE'
                WHEN client_snapshot->>'type_client' = 'PARTICULIER' THEN 'B2C'
                WHEN client_snapshot#>>'{adresse,pays}' IN ('FR', 'GP', 'MQ', 'RE')
                    AND client_snapshot->>'siren' <> '' THEN 'B2B'
                ELSE 'B2BINT'
            END
            WHERE identite_statut = 'COMPLETE' AND type = 'FACTURE' AND numero IS NOT NULL;
        UPDATE facture avoir SET traitement = origine.traitement FROM facture origine
            WHERE origine.id = avoir.facture_origine_id AND avoir.identite_statut = 'COMPLETE';
        """
    )
