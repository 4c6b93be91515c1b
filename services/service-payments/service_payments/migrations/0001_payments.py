"""Schedules and payments, mandates and files for banks, reports of banks."""

from alembic import op

revision = "payments_0001"
down_revision = None
branch_labels = ("payments",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE creancier (
            societe_id varchar(64) NOT NULL,
            nom varchar(70) NOT NULL,
            ics varchar(35) NOT NULL,
            iban_chiffre text NOT NULL,
            iban_masque varchar(12) NOT NULL,
            bic varchar(11),
            preavis_jours integer NOT NULL,
            delai_remise_jours_ouvres integer NOT NULL,
            confirmation_auto_jours_ouvres integer NOT NULL,
            sequence_premier varchar(20) NOT NULL,
            provider varchar(20) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_creancier PRIMARY KEY (id),
            CONSTRAINT ck_creancier_sequence_premier CHECK (sequence_premier IN ('RCUR', 'FRST'))
        );
        CREATE UNIQUE INDEX uq_creancier_societe ON creancier (organisation_id, societe_id);
        CREATE TABLE mandat (
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            contrat_id varchar(64),
            rum varchar(35) NOT NULL,
            iban_chiffre text,
            iban_masque varchar(12),
            bic varchar(11),
            titulaire varchar(70),
            type varchar(20) NOT NULL,
            schema varchar(20) NOT NULL,
            date_signature date,
            statut varchar(20) NOT NULL,
            premier_reglement_le date,
            derniere_presentation_le date,
            adresse_rue varchar(70),
            adresse_code_postal varchar(16),
            adresse_ville varchar(35),
            adresse_pays char(2),
            motif varchar(255),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_mandat PRIMARY KEY (id),
            CONSTRAINT ck_mandat_type CHECK (type IN ('RECURRENT', 'PONCTUEL')),
            CONSTRAINT ck_mandat_schema CHECK (schema IN ('CORE', 'B2B')),
            CONSTRAINT ck_mandat_statut CHECK (statut IN (
                'EN_ATTENTE', 'ACTIF', 'SUSPENDU',
                'REVOQUE', 'EXPIRE', 'CONSOMME'
            ))
        );
        CREATE INDEX ix_mandat_client ON mandat (organisation_id, client_id, created_at, id);
        CREATE INDEX ix_mandat_contrat ON mandat (organisation_id, contrat_id);
        CREATE INDEX ix_mandat_created_at ON mandat (organisation_id, created_at, id);
        CREATE UNIQUE INDEX uq_mandat_actif
            ON mandat (organisation_id, societe_id, client_id, coalesce(contrat_id, ''))
            WHERE statut = 'ACTIF';
        CREATE UNIQUE INDEX uq_mandat_rum ON mandat (organisation_id, societe_id, rum);
        CREATE TABLE rapport_bancaire (
            id uuid NOT NULL,
            sha256 char(64) NOT NULL,
            format varchar(20) NOT NULL,
            file_name varchar(255) NOT NULL,
            importe_le timestamptz NOT NULL,
            resultat jsonb NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_rapport_bancaire PRIMARY KEY (id),
            CONSTRAINT ck_rapport_bancaire_format CHECK (format IN ('pain.002', 'camt.053', 'camt.054'))
        );
        CREATE UNIQUE INDEX uq_rapport_bancaire_sha256 ON rapport_bancaire (organisation_id, sha256);
        CREATE TABLE remise (
            societe_id varchar(64) NOT NULL,
            msg_id varchar(35) NOT NULL,
            schema varchar(20) NOT NULL,
            date_remise date NOT NULL,
            nb integer NOT NULL,
            total numeric(14, 2) NOT NULL,
            sha256 char(64) NOT NULL,
            statut varchar(20) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_remise PRIMARY KEY (id),
            CONSTRAINT ck_remise_schema CHECK (schema IN ('CORE', 'B2B')),
            CONSTRAINT ck_remise_statut CHECK (statut IN ('GENEREE', 'ACCEPTEE', 'REJETEE'))
        );
        CREATE INDEX ix_remise_created_at ON remise (organisation_id, created_at, id);
        CREATE UNIQUE INDEX uq_remise_msg_id ON remise (msg_id);
        CREATE TABLE echeancier (
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            contrat_id varchar(64),
            produit_id varchar(64),
            montant_total numeric(14, 2),
            montant_echeance numeric(14, 2),
            frequence varchar(20) NOT NULL,
            nombre_echeances integer,
            date_debut date NOT NULL,
            date_fin date,
            date_signature date,
            moyen varchar(20) NOT NULL,
            mandat_id uuid,
            facturation boolean NOT NULL,
            tva jsonb NOT NULL,
            statut varchar(20) NOT NULL,
            motif varchar(255),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            cle_idempotence varchar(255),
            contenu_hash bytea,
            CONSTRAINT pk_echeancier PRIMARY KEY (id),
            CONSTRAINT ck_echeancier_periode CHECK (date_fin IS NULL OR date_fin >= date_debut),
            CONSTRAINT ck_echeancier_frequence CHECK (frequence IN (
                'UNIQUE', 'HEBDOMADAIRE', 'MENSUELLE',
                'TRIMESTRIELLE', 'SEMESTRIELLE', 'ANNUELLE'
            )),
            CONSTRAINT ck_echeancier_moyen CHECK (moyen IN (
                'SEPA_DEBIT', 'VIREMENT', 'CARTE',
                'CHEQUE', 'ESPECES'
            )),
            CONSTRAINT fk_echeancier_mandat_id FOREIGN KEY(mandat_id) REFERENCES mandat (id),
            CONSTRAINT ck_echeancier_statut CHECK (statut IN (
                'INCOMPLETE', 'ACTIVE', 'PAUSED',
                'CANCELLED', 'COMPLETED'
            ))
        );
        CREATE INDEX ix_echeancier_client ON echeancier (organisation_id, client_id, created_at, id);
        CREATE INDEX ix_echeancier_contrat ON echeancier (organisation_id, contrat_id);
        CREATE INDEX ix_echeancier_created_at ON echeancier (organisation_id, created_at, id);
        CREATE INDEX ix_echeancier_statut ON echeancier (statut);
        CREATE UNIQUE INDEX uq_echeancier_cle ON echeancier (organisation_id, cle_idempotence);
        CREATE UNIQUE INDEX uq_echeancier_contrat
            ON echeancier (organisation_id, contrat_id)
            WHERE contrat_id IS NOT NULL AND statut IN ('INCOMPLETE', 'ACTIVE', 'PAUSED');
        CREATE TABLE remise_fichier (
            remise_id uuid NOT NULL,
            contenu bytea NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_remise_fichier PRIMARY KEY (remise_id),
            CONSTRAINT fk_remise_fichier_remise_id FOREIGN KEY(remise_id) REFERENCES remise (id)
        );
        CREATE TABLE echeance (
            echeancier_id uuid NOT NULL,
            rang integer NOT NULL,
            montant numeric(14, 2) NOT NULL,
            mois_cible varchar(7) NOT NULL,
            date_cible date,
            date_prelevement date,
            decalage_motif varchar(255),
            planification varchar(20) NOT NULL,
            statut varchar(20) NOT NULL,
            facture_id varchar(64),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_echeance PRIMARY KEY (id),
            CONSTRAINT ck_echeance_montant CHECK (montant > 0),
            CONSTRAINT fk_echeance_echeancier_id FOREIGN KEY(echeancier_id) REFERENCES echeancier (id),
            CONSTRAINT ck_echeance_planification CHECK (planification IN ('A_PLANIFIER', 'PLANIFIEE')),
            CONSTRAINT ck_echeance_statut CHECK (statut IN (
                'PLANIFIEE', 'FACTUREE', 'EN_COURS', 'PAYEE',
                'IMPAYEE', 'BLOQUEE', 'ANNULEE'
            ))
        );
        CREATE INDEX ix_echeance_statut ON echeance (statut, date_prelevement);
        CREATE UNIQUE INDEX uq_echeance_rang ON echeance (echeancier_id, rang);
        CREATE TABLE payment (
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            echeance_id uuid,
            schedule_id uuid,
            facture_id varchar(64),
            contrat_id varchar(64),
            mandat_id uuid,
            parent_payment_id uuid,
            retry_attempt_id varchar(64),
            moyen varchar(20) NOT NULL,
            provider varchar(20) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            montant_rembourse numeric(14, 2) NOT NULL,
            statut varchar(20) NOT NULL,
            date_prelevement date,
            sequence_sepa varchar(20),
            end_to_end_id varchar(35) NOT NULL,
            remise_id uuid,
            pmt_inf_id varchar(35),
            motif_rejet varchar(35),
            motif_texte varchar(500),
            frais_bancaires numeric(14, 2),
            r_type varchar(20),
            date_reception date,
            date_rejet date,
            reference_externe varchar(140),
            libelle varchar(140),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            cle_idempotence varchar(255),
            contenu_hash bytea,
            CONSTRAINT pk_payment PRIMARY KEY (id),
            CONSTRAINT fk_payment_echeance_id FOREIGN KEY(echeance_id) REFERENCES echeance (id),
            CONSTRAINT fk_payment_schedule_id FOREIGN KEY(schedule_id) REFERENCES echeancier (id),
            CONSTRAINT fk_payment_mandat_id FOREIGN KEY(mandat_id) REFERENCES mandat (id),
            CONSTRAINT fk_payment_parent_payment_id FOREIGN KEY(parent_payment_id) REFERENCES payment (id),
            CONSTRAINT ck_payment_moyen CHECK (moyen IN (
                'SEPA_DEBIT', 'VIREMENT', 'CARTE',
                'CHEQUE', 'ESPECES'
            )),
            CONSTRAINT ck_payment_statut CHECK (statut IN (
                'PENDING', 'SUBMITTED', 'PAID', 'REJECTED',
                'FAILED', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED'
            )),
            CONSTRAINT ck_payment_sequence_sepa CHECK (sequence_sepa IN ('RCUR', 'FRST', 'OOFF')),
            CONSTRAINT fk_payment_remise_id FOREIGN KEY(remise_id) REFERENCES remise (id),
            CONSTRAINT ck_payment_r_type CHECK (r_type IN ('REJET', 'RETOUR', 'REMBOURSEMENT'))
        );
        CREATE INDEX ix_payment_client ON payment (organisation_id, client_id, created_at, id);
        CREATE INDEX ix_payment_contrat ON payment (organisation_id, contrat_id);
        CREATE INDEX ix_payment_created_at ON payment (organisation_id, created_at, id);
        CREATE INDEX ix_payment_facture ON payment (organisation_id, facture_id);
        CREATE INDEX ix_payment_lot ON payment (remise_id, pmt_inf_id);
        CREATE INDEX ix_payment_schedule ON payment (schedule_id);
        CREATE INDEX ix_payment_statut ON payment (statut, date_prelevement);
        CREATE UNIQUE INDEX uq_payment_cle ON payment (organisation_id, cle_idempotence);
        CREATE UNIQUE INDEX uq_payment_echeance
            ON payment (echeance_id)
            WHERE statut IN ('PENDING', 'SUBMITTED', 'PAID', 'PARTIALLY_REFUNDED');
        CREATE UNIQUE INDEX uq_payment_end_to_end_id ON payment (end_to_end_id);
        CREATE TABLE payment_transition (
            id uuid NOT NULL,
            payment_id uuid NOT NULL,
            de varchar(20) NOT NULL,
            vers varchar(20) NOT NULL,
            cause varchar(255) NOT NULL,
            acteur varchar(255) NOT NULL,
            at timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_payment_transition PRIMARY KEY (id),
            CONSTRAINT fk_payment_transition_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
            CONSTRAINT ck_payment_transition_de CHECK (de IN (
                '', 'PENDING', 'SUBMITTED', 'PAID', 'REJECTED',
                'FAILED', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED'
            )),
            CONSTRAINT ck_payment_transition_vers CHECK (vers IN (
                'PENDING', 'SUBMITTED', 'PAID', 'REJECTED',
                'FAILED', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED'
            ))
        );
        CREATE INDEX ix_payment_transition_payment ON payment_transition (payment_id, at);
        CREATE TABLE rapport_ligne (
            id uuid NOT NULL,
            rapport_id uuid NOT NULL,
            payment_id uuid,
            nature varchar(20) NOT NULL,
            code varchar(35) NOT NULL,
            date date NOT NULL,
            montant_ligne numeric(14, 2) NOT NULL,
            frais numeric(14, 2) NOT NULL,
            motif varchar(35),
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_rapport_ligne PRIMARY KEY (id),
            CONSTRAINT fk_rapport_ligne_rapport_id FOREIGN KEY(rapport_id) REFERENCES rapport_bancaire (id),
            CONSTRAINT fk_rapport_ligne_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id),
            CONSTRAINT ck_rapport_ligne_nature CHECK (nature IN (
                'REGLEMENT', 'RETOUR',
                'REFUS', 'NON_RAPPROCHE'
            ))
        );
        CREATE INDEX ix_rapport_ligne_rapport ON rapport_ligne (rapport_id);
        CREATE UNIQUE INDEX uq_rapport_ligne ON rapport_ligne (payment_id, nature, code, date);
        CREATE TABLE remboursement (
            payment_id uuid NOT NULL,
            montant numeric(14, 2) NOT NULL,
            motif varchar(255) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            cle_idempotence varchar(255),
            contenu_hash bytea,
            CONSTRAINT pk_remboursement PRIMARY KEY (id),
            CONSTRAINT ck_remboursement_montant CHECK (montant > 0),
            CONSTRAINT fk_remboursement_payment_id FOREIGN KEY(payment_id) REFERENCES payment (id)
        );
        CREATE INDEX ix_remboursement_payment ON remboursement (payment_id);
        CREATE UNIQUE INDEX uq_remboursement_cle ON remboursement (organisation_id, cle_idempotence);
        """
    )
