"""Configurations, zones, holidays, planned debits, thresholds, imports and the journal of changes."""

from alembic import op

revision = "calendar_0001"
down_revision = None
branch_labels = ("calendar",)

_ENTITY = """
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
"""


def upgrade() -> None:
    op.execute(
        f"""
        CREATE TABLE debit_configuration (
            {_ENTITY}
            niveau varchar(20) NOT NULL,
            reference_id varchar(64) NOT NULL,
            mode varchar(20) NOT NULL,
            batch varchar(2),
            fixed_day integer,
            shift_strategy varchar(30),
            zone_code varchar(20),
            cutoff_time time,
            lead_days integer,
            CONSTRAINT pk_debit_configuration PRIMARY KEY (id),
            CONSTRAINT ck_debit_configuration_niveau CHECK (niveau IN ('SYSTEM', 'SOCIETE', 'CLIENT', 'CONTRAT')),
            CONSTRAINT ck_debit_configuration_mode CHECK (mode IN ('BATCH', 'FIXED_DAY')),
            CONSTRAINT ck_debit_configuration_batch CHECK (batch IN ('L1', 'L2', 'L3', 'L4')),
            CONSTRAINT ck_debit_configuration_shift_strategy CHECK (shift_strategy IN ('NEXT_BUSINESS_DAY', 'PREVIOUS_BUSINESS_DAY', 'NEXT_WEEK_SAME_DAY')),
            CONSTRAINT ck_debit_configuration_reference CHECK ((niveau = 'SYSTEM') = (reference_id = '')),
            CONSTRAINT ck_debit_configuration_lot CHECK ((mode = 'BATCH') = (batch IS NOT NULL)),
            CONSTRAINT ck_debit_configuration_jour_fixe CHECK ((mode = 'FIXED_DAY') = (fixed_day IS NOT NULL)),
            CONSTRAINT ck_debit_configuration_fixed_day CHECK (fixed_day BETWEEN 1 AND 28),
            CONSTRAINT ck_debit_configuration_lead_days CHECK (lead_days BETWEEN 0 AND 30)
        );
        CREATE UNIQUE INDEX uq_debit_configuration_reference ON debit_configuration (organisation_id, niveau, reference_id);
        CREATE INDEX ix_debit_configuration_niveau ON debit_configuration (organisation_id, niveau, id);
        CREATE INDEX ix_debit_configuration_reference_id ON debit_configuration (organisation_id, reference_id, id);
        CREATE INDEX ix_debit_configuration_created_at ON debit_configuration (organisation_id, created_at, id);

        CREATE TABLE holiday_zone (
            {_ENTITY}
            code varchar(20) NOT NULL,
            nom varchar(100) NOT NULL,
            pays char(2),
            region varchar(20),
            inclure_target boolean DEFAULT true NOT NULL,
            CONSTRAINT pk_holiday_zone PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_holiday_zone_code ON holiday_zone (organisation_id, code);

        CREATE TABLE holiday (
            {_ENTITY}
            zone_code varchar(20) NOT NULL,
            date date NOT NULL,
            nom varchar(100) NOT NULL,
            type varchar(20) NOT NULL,
            recurrent boolean DEFAULT false NOT NULL,
            ouvre boolean DEFAULT false NOT NULL,
            CONSTRAINT pk_holiday PRIMARY KEY (id),
            CONSTRAINT ck_holiday_type CHECK (type IN ('PUBLIC', 'BANK', 'REGIONAL', 'COMPANY'))
        );
        CREATE UNIQUE INDEX uq_holiday_date ON holiday (organisation_id, zone_code, date);
        CREATE INDEX ix_holiday_recurrent ON holiday (organisation_id, zone_code) WHERE recurrent;

        CREATE TABLE planned_debit (
            {_ENTITY}
            schedule_id varchar(64) NOT NULL,
            rang integer NOT NULL,
            contrat_id varchar(64),
            client_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            planned_debit_date date NOT NULL,
            original_target_date date NOT NULL,
            batch varchar(2),
            montant numeric(14, 2) NOT NULL,
            montant_reel numeric(14, 2),
            date_reelle date,
            statut varchar(20) NOT NULL,
            CONSTRAINT pk_planned_debit PRIMARY KEY (id),
            CONSTRAINT ck_planned_debit_batch CHECK (batch IN ('L1', 'L2', 'L3', 'L4')),
            CONSTRAINT ck_planned_debit_statut CHECK (statut IN ('PLANNED', 'CONFIRMED', 'PROCESSING', 'EXECUTED', 'FAILED', 'CANCELLED'))
        );
        CREATE UNIQUE INDEX uq_planned_debit_rang ON planned_debit (organisation_id, schedule_id, rang);
        CREATE INDEX ix_planned_debit_date ON planned_debit (organisation_id, planned_debit_date, id);
        CREATE INDEX ix_planned_debit_societe ON planned_debit (organisation_id, societe_id, planned_debit_date);
        CREATE INDEX ix_planned_debit_client ON planned_debit (organisation_id, client_id, planned_debit_date);
        CREATE INDEX ix_planned_debit_contrat ON planned_debit (organisation_id, contrat_id, planned_debit_date);
        CREATE INDEX ix_planned_debit_created_at ON planned_debit (organisation_id, created_at, id);
        CREATE INDEX ix_planned_debit_montant ON planned_debit (organisation_id, montant, id);

        CREATE TABLE volume_threshold (
            {_ENTITY}
            societe_id varchar(64) NOT NULL,
            max_nombre integer,
            max_montant numeric(14, 2),
            actif boolean DEFAULT true NOT NULL,
            CONSTRAINT pk_volume_threshold PRIMARY KEY (id),
            CONSTRAINT ck_volume_threshold_max_nombre CHECK (max_nombre > 0),
            CONSTRAINT ck_volume_threshold_max_montant CHECK (max_montant > 0)
        );
        CREATE UNIQUE INDEX uq_volume_threshold_societe ON volume_threshold (organisation_id, societe_id);

        CREATE TABLE csv_import (
            {_ENTITY}
            type varchar(20) NOT NULL,
            sha256 char(64) NOT NULL,
            lignes jsonb NOT NULL,
            nb_erreurs integer NOT NULL,
            statut varchar(20) NOT NULL,
            expire_le timestamptz NOT NULL,
            CONSTRAINT pk_csv_import PRIMARY KEY (id),
            CONSTRAINT ck_csv_import_type CHECK (type IN ('DEBIT_CONFIG', 'HOLIDAYS')),
            CONSTRAINT ck_csv_import_statut CHECK (statut IN ('ANALYSE', 'CONFIRME'))
        );
        CREATE INDEX ix_csv_import_expire_le ON csv_import (expire_le);

        CREATE TABLE calendar_audit (
            id uuid NOT NULL,
            organisation_id varchar(64) NOT NULL,
            entity_type varchar(30) NOT NULL,
            entity_id varchar(64) NOT NULL,
            action varchar(20) NOT NULL,
            acteur varchar(255) NOT NULL,
            source varchar(20) NOT NULL,
            avant jsonb,
            apres jsonb,
            at timestamptz NOT NULL,
            CONSTRAINT pk_calendar_audit PRIMARY KEY (id),
            CONSTRAINT ck_calendar_audit_action CHECK (action IN ('CREATE', 'UPDATE', 'DELETE', 'CONFIRM')),
            CONSTRAINT ck_calendar_audit_source CHECK (source IN ('UI', 'CSV', 'API', 'SYSTEM'))
        );
        CREATE INDEX ix_calendar_audit_at ON calendar_audit (organisation_id, at, id);
        CREATE INDEX ix_calendar_audit_entity ON calendar_audit (organisation_id, entity_type, entity_id, at);
        CREATE INDEX ix_calendar_audit_acteur ON calendar_audit (organisation_id, acteur, at);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME; END $$;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON calendar_audit
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        """
    )
