"""Invoices with their lines, VAT, règlements, series, settings and journal, which nobody may change."""

from alembic import op

revision = "factures_0001"
down_revision = None
branch_labels = ("factures",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE facture (
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            contrat_id varchar(64),
            type varchar(20) NOT NULL,
            statut varchar(20) NOT NULL,
            serie varchar(20),
            annee integer,
            sequence integer,
            numero varchar(24),
            facture_origine_id uuid,
            motif_avoir varchar(500),
            date_emission date,
            date_prestation date,
            date_echeance date,
            conditions_paiement varchar(20) NOT NULL,
            mode_paiement varchar(20) NOT NULL,
            nature_operation varchar(20) NOT NULL,
            livraison jsonb,
            reference_commande varchar(100),
            notes text,
            recapitulative boolean NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            montant_ht numeric(14, 2) NOT NULL,
            montant_tva numeric(14, 2) NOT NULL,
            montant_ttc numeric(14, 2) NOT NULL,
            montant_regle numeric(14, 2) NOT NULL,
            montant_avoirs numeric(14, 2) NOT NULL,
            solde numeric(14, 2) NOT NULL,
            trop_percu numeric(14, 2) NOT NULL,
            taux_penalites numeric(5, 2),
            indemnite_recouvrement numeric(14, 2),
            motif_exoneration varchar(30),
            vendeur_snapshot jsonb,
            client_snapshot jsonb,
            identite_statut varchar(20) NOT NULL,
            avertissements text[] NOT NULL,
            idempotency_key varchar(255),
            contenu_hash bytea,
            emise_at timestamptz,
            payee_at timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture PRIMARY KEY (id),
            CONSTRAINT ck_facture_numero CHECK ((numero IS NULL) = (statut = 'BROUILLON')),
            CONSTRAINT ck_facture_date_emission CHECK ((numero IS NULL) = (date_emission IS NULL)),
            CONSTRAINT ck_facture_type CHECK (type IN ('FACTURE', 'AVOIR')),
            CONSTRAINT ck_facture_statut CHECK (statut IN ('BROUILLON', 'EMISE', 'PARTIELLEMENT_PAYEE', 'PAYEE', 'ANNULEE')),
            CONSTRAINT ck_facture_serie CHECK (serie IN ('FACTURE', 'AVOIR')),
            CONSTRAINT fk_facture_facture_origine_id FOREIGN KEY (facture_origine_id) REFERENCES facture (id),
            CONSTRAINT ck_facture_conditions_paiement CHECK (conditions_paiement IN ('RECEPTION', 'J15', 'J30', 'J45', 'J60', 'J30_FDM', 'J45_FDM')),
            CONSTRAINT ck_facture_mode_paiement CHECK (mode_paiement IN ('VIREMENT', 'PRELEVEMENT_SEPA', 'CARTE', 'CHEQUE', 'ESPECES')),
            CONSTRAINT ck_facture_nature_operation CHECK (nature_operation IN ('SERVICES', 'BIENS', 'MIXTE')),
            CONSTRAINT ck_facture_identite_statut CHECK (identite_statut IN ('COMPLETE', 'A_COMPLETER'))
        );
        CREATE INDEX ix_facture_a_completer ON facture (organisation_id, id) WHERE identite_statut = 'A_COMPLETER' AND statut <> 'BROUILLON' AND client_id ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
        CREATE INDEX ix_facture_client ON facture (organisation_id, client_id);
        CREATE INDEX ix_facture_contrat ON facture (organisation_id, contrat_id);
        CREATE INDEX ix_facture_date_echeance ON facture (organisation_id, coalesce(date_echeance, '0001-01-01'::date), id);
        CREATE INDEX ix_facture_date_emission ON facture (organisation_id, coalesce(date_emission, '0001-01-01'::date), id);
        CREATE INDEX ix_facture_montant_ttc ON facture (organisation_id, montant_ttc, id);
        CREATE INDEX ix_facture_origine ON facture (facture_origine_id);
        CREATE INDEX ix_facture_recherche ON facture (organisation_id, created_at, id) INCLUDE (recherche_cle, date_emission, date_echeance, montant_ttc);
        CREATE INDEX ix_facture_statut ON facture (organisation_id, statut, date_echeance);
        CREATE UNIQUE INDEX uq_facture_idempotency_key ON facture (organisation_id, type, idempotency_key) WHERE idempotency_key IS NOT NULL;
        CREATE UNIQUE INDEX uq_facture_numero ON facture (organisation_id, societe_id, numero) WHERE numero IS NOT NULL;
        CREATE UNIQUE INDEX uq_facture_sequence ON facture (organisation_id, societe_id, serie, annee, sequence) WHERE sequence IS NOT NULL;

        CREATE TABLE facture_audit (
            id uuid NOT NULL,
            facture_id uuid NOT NULL,
            action varchar(30) NOT NULL,
            acteur varchar(255) NOT NULL,
            avant jsonb,
            apres jsonb,
            at timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture_audit PRIMARY KEY (id)
        );
        CREATE INDEX ix_facture_audit_facture_id ON facture_audit (organisation_id, facture_id, at);

        CREATE TABLE facture_settings (
            societe_id varchar(64) NOT NULL,
            company_name varchar(255),
            forme_juridique varchar(50),
            capital numeric(14, 2),
            company_address varchar(500),
            code_postal varchar(20),
            ville varchar(100),
            pays char(2) NOT NULL,
            siren varchar(9),
            siret varchar(14),
            tva_intracom varchar(20),
            adresse_electronique varchar(130),
            rcs varchar(100),
            email varchar(255),
            telephone varchar(30),
            iban varchar(34),
            bic varchar(11),
            prefix_facture varchar(10) NOT NULL,
            prefix_avoir varchar(10) NOT NULL,
            conditions_paiement varchar(20) NOT NULL,
            calcul_fin_de_mois varchar(20) NOT NULL,
            taux_penalites numeric(5, 2),
            escompte_texte varchar(255) NOT NULL,
            option_debits boolean NOT NULL,
            franchise_tva boolean NOT NULL,
            taux_autorises numeric(5, 2)[] NOT NULL,
            couleurs varchar(100),
            header_text text,
            footer_text text,
            mentions_libres text,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture_settings PRIMARY KEY (id),
            CONSTRAINT ck_facture_settings_conditions_paiement CHECK (conditions_paiement IN ('RECEPTION', 'J15', 'J30', 'J45', 'J60', 'J30_FDM', 'J45_FDM')),
            CONSTRAINT ck_facture_settings_calcul_fin_de_mois CHECK (calcul_fin_de_mois IN ('APRES_45J', 'AVANT_45J'))
        );
        CREATE UNIQUE INDEX uq_facture_settings_societe ON facture_settings (organisation_id, societe_id);

        CREATE TABLE sequence_facture (
            organisation_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            serie varchar(20) NOT NULL,
            annee integer NOT NULL,
            dernier_numero integer NOT NULL,
            derniere_date date NOT NULL,
            prefixe varchar(10) NOT NULL,
            CONSTRAINT pk_sequence_facture PRIMARY KEY (organisation_id, societe_id, serie, annee),
            CONSTRAINT ck_sequence_facture_serie CHECK (serie IN ('FACTURE', 'AVOIR'))
        );

        CREATE TABLE facture_tva (
            facture_id uuid NOT NULL,
            taux numeric(5, 2) NOT NULL,
            categorie varchar(2) NOT NULL,
            base_ht numeric(14, 2) NOT NULL,
            montant_tva numeric(14, 2) NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_facture_tva PRIMARY KEY (facture_id, taux, categorie),
            CONSTRAINT fk_facture_tva_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id) ON DELETE CASCADE,
            CONSTRAINT ck_facture_tva_categorie CHECK (categorie IN ('S', 'E', 'AE', 'K', 'G', 'O'))
        );

        CREATE TABLE ligne_facture (
            id uuid NOT NULL,
            facture_id uuid NOT NULL,
            ordre integer NOT NULL,
            produit_id varchar(64),
            description varchar(500) NOT NULL,
            quantite numeric(12, 3) NOT NULL,
            unite varchar(50) NOT NULL,
            prix_unitaire numeric(14, 4) NOT NULL,
            remise_pct numeric(5, 2) NOT NULL,
            taux_tva numeric(5, 2) NOT NULL,
            categorie_tva varchar(2) NOT NULL,
            montant_ht numeric(14, 2) NOT NULL,
            ligne_origine_id uuid,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_ligne_facture PRIMARY KEY (id),
            CONSTRAINT fk_ligne_facture_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id) ON DELETE CASCADE,
            CONSTRAINT ck_ligne_facture_categorie_tva CHECK (categorie_tva IN ('S', 'E', 'AE', 'K', 'G', 'O')),
            CONSTRAINT fk_ligne_facture_ligne_origine_id FOREIGN KEY (ligne_origine_id) REFERENCES ligne_facture (id)
        );
        CREATE INDEX ix_ligne_facture_facture_id ON ligne_facture (facture_id, ordre);
        CREATE INDEX ix_ligne_facture_origine ON ligne_facture (ligne_origine_id);

        CREATE TABLE reglement (
            facture_id uuid NOT NULL,
            payment_id varchar(64) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            montant_annule numeric(14, 2) NOT NULL,
            date_reception date NOT NULL,
            moyen varchar(20) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_reglement PRIMARY KEY (id),
            CONSTRAINT ck_reglement_montant CHECK (montant > 0),
            CONSTRAINT ck_reglement_montant_annule CHECK (montant_annule BETWEEN 0 AND montant),
            CONSTRAINT fk_reglement_facture_id FOREIGN KEY (facture_id) REFERENCES facture (id),
            CONSTRAINT ck_reglement_moyen CHECK (moyen IN ('VIREMENT', 'PRELEVEMENT_SEPA', 'CARTE', 'CHEQUE', 'ESPECES'))
        );
        CREATE UNIQUE INDEX uq_reglement_payment_id ON reglement (facture_id, payment_id);

        CREATE TABLE annulation_reglement (
            id uuid NOT NULL,
            reglement_id uuid NOT NULL,
            montant numeric(14, 2) NOT NULL,
            motif varchar(500) NOT NULL,
            cle varchar(255) NOT NULL,
            contenu_hash bytea NOT NULL,
            date date NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_annulation_reglement PRIMARY KEY (id),
            CONSTRAINT fk_annulation_reglement_reglement_id FOREIGN KEY (reglement_id) REFERENCES reglement (id)
        );
        CREATE UNIQUE INDEX uq_annulation_reglement_cle ON annulation_reglement (reglement_id, cle);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'facture_audit is append-only';
        END
        $$;
        CREATE TRIGGER facture_audit_append_only BEFORE UPDATE OR DELETE ON facture_audit
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        """
    )
