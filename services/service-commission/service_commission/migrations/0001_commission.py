"""Commissions, reprises, bordereaux with their lines and files, carry-overs, acomptes, contestations.

What a bordereau says from its validation on, its files and the journal cannot be changed.
"""

from alembic import op

revision = "commission_0001"
down_revision = None
branch_labels = ("commission",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE acompte (
            beneficiaire_id varchar(64) NOT NULL,
            periode char(7) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            montant_restant numeric(14, 2) NOT NULL,
            statut varchar(20) NOT NULL,
            motif varchar(1000) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            cle_idempotence varchar(255),
            contenu_hash bytea,
            CONSTRAINT pk_acompte PRIMARY KEY (id),
            CONSTRAINT ck_acompte_montant CHECK (montant > 0),
            CONSTRAINT ck_acompte_montant_restant CHECK (montant_restant BETWEEN 0 AND montant),
            CONSTRAINT ck_acompte_apure CHECK ((statut = 'APURE') = (montant_restant = 0)),
            CONSTRAINT ck_acompte_statut CHECK (statut IN ('EN_COURS', 'APURE'))
        );
        CREATE INDEX ix_acompte_beneficiaire ON acompte (organisation_id, beneficiaire_id, statut);
        CREATE INDEX ix_acompte_created_at ON acompte (organisation_id, created_at, id);
        CREATE INDEX ix_acompte_periode ON acompte (organisation_id, periode, id);
        CREATE UNIQUE INDEX uq_acompte_cle_idempotence ON acompte (organisation_id, cle_idempotence);

        CREATE TABLE bordereau (
            beneficiaire_id varchar(64) NOT NULL,
            periode char(7) NOT NULL,
            reference varchar(30) NOT NULL,
            societe_id varchar(64) NOT NULL,
            statut varchar(20) NOT NULL,
            total_brut numeric(14, 2) NOT NULL,
            total_reprises numeric(14, 2) NOT NULL,
            total_reports numeric(14, 2) NOT NULL,
            total_acomptes numeric(14, 2) NOT NULL,
            total_net numeric(14, 2) NOT NULL,
            report_genere numeric(14, 2) NOT NULL,
            nombre_lignes integer NOT NULL,
            valide_le timestamptz,
            valide_par varchar(255),
            date_paiement date,
            reference_paiement varchar(100),
            sha256_pdf varchar(64),
            sha256_xlsx varchar(64),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_bordereau PRIMARY KEY (id),
            CONSTRAINT ck_bordereau_reference CHECK ((reference = '') = (statut = 'BROUILLON')),
            CONSTRAINT ck_bordereau_date_paiement CHECK ((date_paiement IS NOT NULL) = (statut = 'PAYE')),
            CONSTRAINT ck_bordereau_totaux CHECK (total_net >= 0 AND report_genere >= 0),
            CONSTRAINT ck_bordereau_statut CHECK (statut IN ('BROUILLON', 'VALIDE', 'EXPORTE', 'PAYE'))
        );
        CREATE INDEX ix_bordereau_periode ON bordereau (organisation_id, periode, id);
        CREATE INDEX ix_bordereau_reference ON bordereau (organisation_id, reference, id);
        CREATE UNIQUE INDEX uq_bordereau_periode ON bordereau (organisation_id, beneficiaire_id, periode);
        CREATE UNIQUE INDEX uq_bordereau_reference ON bordereau (organisation_id, reference) WHERE reference <> '';

        CREATE TABLE commission_audit (
            id uuid NOT NULL,
            scope varchar(20) NOT NULL,
            ref_id varchar(64) NOT NULL,
            action varchar(40) NOT NULL,
            beneficiaire_id varchar(64),
            contrat_id varchar(64),
            avant jsonb,
            apres jsonb,
            acteur varchar(255) NOT NULL,
            at timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_commission_audit PRIMARY KEY (id),
            CONSTRAINT ck_commission_audit_scope CHECK (scope IN ('COMMISSION', 'REPRISE', 'BORDEREAU', 'ACOMPTE', 'CONTESTATION', 'PAIEMENT'))
        );
        CREATE INDEX ix_commission_audit_at ON commission_audit (organisation_id, at, id);
        CREATE INDEX ix_commission_audit_ref ON commission_audit (organisation_id, ref_id);

        CREATE TABLE compteur (
            organisation_id varchar(64) NOT NULL,
            serie varchar(20) NOT NULL,
            valeur integer NOT NULL,
            CONSTRAINT pk_compteur PRIMARY KEY (organisation_id, serie)
        );

        CREATE TABLE demande_reprise (
            organisation_id varchar(64) NOT NULL,
            cle varchar(255) NOT NULL,
            empreinte bytea NOT NULL,
            resultat jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_demande_reprise PRIMARY KEY (organisation_id, cle)
        );

        CREATE TABLE bordereau_fichiers (
            bordereau_id uuid NOT NULL,
            pdf bytea NOT NULL,
            xlsx bytea NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_bordereau_fichiers PRIMARY KEY (bordereau_id),
            CONSTRAINT fk_bordereau_fichiers_bordereau_id FOREIGN KEY(bordereau_id) REFERENCES bordereau (id)
        );

        CREATE TABLE commission (
            reference varchar(30) NOT NULL,
            type varchar(20) NOT NULL,
            role varchar(20) NOT NULL,
            beneficiaire_id varchar(64),
            manager_id varchar(64),
            contrat_id varchar(64),
            client_id varchar(64),
            societe_id varchar(64) NOT NULL,
            produit_id varchar(64),
            type_produit varchar(50),
            payment_id varchar(64),
            facture_id varchar(64),
            montant_encaisse numeric(14, 2),
            base_ht numeric(14, 2) NOT NULL,
            taux numeric(5, 2),
            montant numeric(14, 2) NOT NULL,
            montant_repris numeric(14, 2) NOT NULL,
            periode char(7) NOT NULL,
            date_encaissement date NOT NULL,
            numero_mois integer,
            bareme_code varchar(50) NOT NULL,
            bareme_version integer,
            bareme_snapshot jsonb NOT NULL,
            palier_code varchar(50),
            detail jsonb NOT NULL,
            statut varchar(20) NOT NULL,
            bordereau_id uuid,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_commission PRIMARY KEY (id),
            CONSTRAINT ck_commission_montant CHECK (montant > 0),
            CONSTRAINT ck_commission_montant_repris CHECK (montant_repris BETWEEN 0 AND montant),
            CONSTRAINT ck_commission_beneficiaire CHECK ((beneficiaire_id IS NULL) = (role IN ('AGENCE', 'ENTREPRISE'))),
            CONSTRAINT ck_commission_bordereau CHECK ((bordereau_id IS NOT NULL) = (statut IN ('VALIDEE', 'PAYEE'))),
            CONSTRAINT ck_commission_type CHECK (type IN ('INITIALE', 'RECURRENCE', 'PRIME', 'REGULARISATION')),
            CONSTRAINT ck_commission_role CHECK (role IN ('COMMERCIAL', 'MANAGER', 'AGENCE', 'ENTREPRISE')),
            CONSTRAINT ck_commission_statut CHECK (statut IN ('EN_ATTENTE', 'VALIDEE', 'PAYEE', 'ANNULEE')),
            CONSTRAINT fk_commission_bordereau_id FOREIGN KEY(bordereau_id) REFERENCES bordereau (id)
        );
        CREATE INDEX ix_commission_beneficiaire ON commission (organisation_id, beneficiaire_id, periode, statut);
        CREATE INDEX ix_commission_bordereau ON commission (bordereau_id);
        CREATE INDEX ix_commission_contrat ON commission (organisation_id, contrat_id);
        CREATE INDEX ix_commission_date ON commission (organisation_id, date_encaissement, id);
        CREATE INDEX ix_commission_montant ON commission (organisation_id, montant, id);
        CREATE UNIQUE INDEX uq_commission_payment ON commission (organisation_id, payment_id, type, role) WHERE payment_id IS NOT NULL;
        CREATE UNIQUE INDEX uq_commission_prime ON commission (organisation_id, beneficiaire_id, bareme_code, palier_code, periode) WHERE type = 'PRIME';
        CREATE UNIQUE INDEX uq_commission_reference ON commission (organisation_id, reference);

        CREATE TABLE report_negatif (
            beneficiaire_id varchar(64) NOT NULL,
            periode_origine char(7) NOT NULL,
            montant_initial numeric(14, 2) NOT NULL,
            montant_restant numeric(14, 2) NOT NULL,
            statut varchar(20) NOT NULL,
            bordereau_origine_id uuid NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_report_negatif PRIMARY KEY (id),
            CONSTRAINT ck_report_negatif_montant_restant CHECK (montant_restant BETWEEN 0 AND montant_initial),
            CONSTRAINT ck_report_negatif_apure CHECK ((statut = 'APURE') = (montant_restant = 0)),
            CONSTRAINT ck_report_negatif_statut CHECK (statut IN ('EN_COURS', 'APURE')),
            CONSTRAINT fk_report_negatif_bordereau_origine_id FOREIGN KEY(bordereau_origine_id) REFERENCES bordereau (id)
        );
        CREATE INDEX ix_report_negatif_beneficiaire ON report_negatif (organisation_id, beneficiaire_id, statut);
        CREATE INDEX ix_report_negatif_periode ON report_negatif (organisation_id, periode_origine, id);
        CREATE UNIQUE INDEX uq_report_negatif_bordereau ON report_negatif (bordereau_origine_id);

        CREATE TABLE contestation (
            commission_id uuid NOT NULL,
            motif varchar(1000) NOT NULL,
            ouverte_par varchar(255) NOT NULL,
            ouverte_le timestamptz NOT NULL,
            statut varchar(20) NOT NULL,
            commentaire varchar(1000),
            decidee_le timestamptz,
            decidee_par varchar(255),
            montant_correction numeric(14, 2),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_contestation PRIMARY KEY (id),
            CONSTRAINT ck_contestation_decidee_le CHECK ((decidee_le IS NULL) = (statut = 'OUVERTE')),
            CONSTRAINT fk_contestation_commission_id FOREIGN KEY(commission_id) REFERENCES commission (id),
            CONSTRAINT ck_contestation_statut CHECK (statut IN ('OUVERTE', 'ACCEPTEE', 'REJETEE'))
        );
        CREATE INDEX ix_contestation_commission ON contestation (commission_id);
        CREATE UNIQUE INDEX uq_contestation_ouverte ON contestation (commission_id) WHERE statut = 'OUVERTE';

        CREATE TABLE imputation (
            id uuid NOT NULL,
            bordereau_id uuid NOT NULL,
            report_id uuid,
            acompte_id uuid,
            montant numeric(14, 2) NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_imputation PRIMARY KEY (id),
            CONSTRAINT ck_imputation_montant CHECK (montant > 0),
            CONSTRAINT ck_imputation_objet CHECK (num_nonnulls(report_id, acompte_id) = 1),
            CONSTRAINT fk_imputation_bordereau_id FOREIGN KEY(bordereau_id) REFERENCES bordereau (id),
            CONSTRAINT fk_imputation_report_id FOREIGN KEY(report_id) REFERENCES report_negatif (id),
            CONSTRAINT fk_imputation_acompte_id FOREIGN KEY(acompte_id) REFERENCES acompte (id)
        );
        CREATE UNIQUE INDEX uq_imputation_acompte ON imputation (bordereau_id, acompte_id);
        CREATE UNIQUE INDEX uq_imputation_report ON imputation (bordereau_id, report_id);

        CREATE TABLE reprise (
            commission_id uuid NOT NULL,
            type varchar(20) NOT NULL,
            beneficiaire_id varchar(64),
            contrat_id varchar(64),
            montant numeric(14, 2) NOT NULL,
            taux_reprise numeric(5, 2) NOT NULL,
            mois_ecoules integer,
            date_evenement date NOT NULL,
            periode_origine char(7) NOT NULL,
            periode_application char(7) NOT NULL,
            statut varchar(20) NOT NULL,
            bordereau_id uuid,
            motif varchar(1000) NOT NULL,
            cle varchar(255) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_reprise PRIMARY KEY (id),
            CONSTRAINT ck_reprise_montant CHECK (montant > 0),
            CONSTRAINT ck_reprise_bordereau CHECK ((bordereau_id IS NOT NULL) = (statut = 'APPLIQUEE')),
            CONSTRAINT fk_reprise_commission_id FOREIGN KEY(commission_id) REFERENCES commission (id),
            CONSTRAINT ck_reprise_type CHECK (type IN ('RESILIATION', 'IMPAYE', 'ANNULATION')),
            CONSTRAINT ck_reprise_statut CHECK (statut IN ('EN_ATTENTE', 'APPLIQUEE', 'ANNULEE')),
            CONSTRAINT fk_reprise_bordereau_id FOREIGN KEY(bordereau_id) REFERENCES bordereau (id)
        );
        CREATE INDEX ix_reprise_beneficiaire ON reprise (organisation_id, beneficiaire_id, periode_application, statut);
        CREATE INDEX ix_reprise_bordereau ON reprise (bordereau_id);
        CREATE INDEX ix_reprise_commission ON reprise (commission_id);
        CREATE INDEX ix_reprise_contrat ON reprise (organisation_id, contrat_id);
        CREATE INDEX ix_reprise_date ON reprise (organisation_id, date_evenement, id);
        CREATE INDEX ix_reprise_montant ON reprise (organisation_id, montant, id);
        CREATE UNIQUE INDEX uq_reprise_cle ON reprise (organisation_id, cle, commission_id);

        CREATE TABLE ligne_bordereau (
            bordereau_id uuid NOT NULL,
            section varchar(20) NOT NULL,
            commission_id uuid,
            reprise_id uuid,
            report_id uuid,
            acompte_id uuid,
            libelle varchar(200) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            selectionne boolean NOT NULL,
            motif_deselection varchar(500),
            ordre integer NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_ligne_bordereau PRIMARY KEY (id),
            CONSTRAINT ck_ligne_bordereau_objet CHECK (num_nonnulls(commission_id, reprise_id, report_id, acompte_id) = 1 AND CASE section WHEN 'LINEAIRE' THEN commission_id WHEN 'REPRISE' THEN reprise_id WHEN 'REPORT' THEN report_id ELSE acompte_id END IS NOT NULL),
            CONSTRAINT ck_ligne_bordereau_motif CHECK (selectionne = (motif_deselection IS NULL)),
            CONSTRAINT fk_ligne_bordereau_bordereau_id FOREIGN KEY(bordereau_id) REFERENCES bordereau (id) ON DELETE CASCADE,
            CONSTRAINT ck_ligne_bordereau_section CHECK (section IN ('LINEAIRE', 'REPRISE', 'REPORT', 'ACOMPTE')),
            CONSTRAINT fk_ligne_bordereau_commission_id FOREIGN KEY(commission_id) REFERENCES commission (id),
            CONSTRAINT fk_ligne_bordereau_reprise_id FOREIGN KEY(reprise_id) REFERENCES reprise (id),
            CONSTRAINT fk_ligne_bordereau_report_id FOREIGN KEY(report_id) REFERENCES report_negatif (id),
            CONSTRAINT fk_ligne_bordereau_acompte_id FOREIGN KEY(acompte_id) REFERENCES acompte (id)
        );
        CREATE INDEX ix_ligne_bordereau_commission ON ligne_bordereau (commission_id);
        CREATE INDEX ix_ligne_bordereau_reprise ON ligne_bordereau (reprise_id);
        CREATE UNIQUE INDEX uq_ligne_bordereau_ordre ON ligne_bordereau (bordereau_id, ordre);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% keeps its rows as they are', TG_TABLE_NAME;
        END
        $$;
        CREATE TRIGGER commission_audit_append_only BEFORE UPDATE OR DELETE ON commission_audit
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER bordereau_fichiers_fixed BEFORE UPDATE OR DELETE ON bordereau_fichiers
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER imputation_fixed BEFORE UPDATE OR DELETE ON imputation
            FOR EACH ROW EXECUTE FUNCTION refuse_change();

        CREATE FUNCTION keep_bordereau() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.statut = 'BROUILLON' THEN
                RETURN COALESCE(NEW, OLD);
            END IF;
            IF TG_OP = 'DELETE' OR NEW.statut = 'BROUILLON'
                OR (OLD.reference, OLD.beneficiaire_id, OLD.societe_id, OLD.periode, OLD.total_brut, OLD.total_reprises,
                    OLD.total_reports, OLD.total_acomptes, OLD.total_net, OLD.report_genere, OLD.nombre_lignes,
                    OLD.valide_le, OLD.valide_par, OLD.sha256_pdf, OLD.sha256_xlsx)
                IS DISTINCT FROM
                   (NEW.reference, NEW.beneficiaire_id, NEW.societe_id, NEW.periode, NEW.total_brut, NEW.total_reprises,
                    NEW.total_reports, NEW.total_acomptes, NEW.total_net, NEW.report_genere, NEW.nombre_lignes,
                    NEW.valide_le, NEW.valide_par, NEW.sha256_pdf, NEW.sha256_xlsx)
            THEN
                RAISE EXCEPTION 'bordereau % is validated', OLD.reference;
            END IF;
            RETURN NEW;
        END
        $$;
        CREATE TRIGGER bordereau_fixed BEFORE UPDATE OR DELETE ON bordereau
            FOR EACH ROW EXECUTE FUNCTION keep_bordereau();

        CREATE FUNCTION keep_lignes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM bordereau
                WHERE id = COALESCE(NEW.bordereau_id, OLD.bordereau_id) AND statut <> 'BROUILLON';
            IF FOUND THEN
                RAISE EXCEPTION 'the lines of a validated bordereau stay as they are';
            END IF;
            RETURN COALESCE(NEW, OLD);
        END
        $$;
        CREATE TRIGGER ligne_bordereau_fixed BEFORE INSERT OR UPDATE OR DELETE ON ligne_bordereau
            FOR EACH ROW EXECUTE FUNCTION keep_lignes();
        """
    )
