"""Policies, schedules, attempts, notices, runs and the journal."""

from alembic import op

revision = "retry_0001"
down_revision = None
branch_labels = ("retry",)

_ENTITY = """
            organisation_id varchar(64) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
"""


def upgrade() -> None:
    op.execute(
        f"""
        CREATE TABLE retry_policy (
            {_ENTITY}
            societe_id varchar(64) DEFAULT '' NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            description varchar(10000),
            retry_delays_days integer[] NOT NULL,
            max_attempts integer NOT NULL,
            max_total_days integer NOT NULL,
            retryable_codes varchar[] NOT NULL,
            stop_on_payment_settled boolean NOT NULL,
            stop_on_contract_cancelled boolean NOT NULL,
            stop_on_mandate_revoked boolean NOT NULL,
            notifier_client boolean NOT NULL,
            actif boolean NOT NULL,
            is_default boolean NOT NULL,
            priority integer NOT NULL,
            CONSTRAINT pk_retry_policy PRIMARY KEY (id),
            CONSTRAINT ck_retry_policy_max_attempts CHECK (max_attempts BETWEEN 1 AND 10),
            CONSTRAINT ck_retry_policy_max_total_days CHECK (max_total_days BETWEEN 1 AND 90)
        );
        CREATE UNIQUE INDEX uq_retry_policy_default ON retry_policy (organisation_id, societe_id)
            WHERE is_default AND actif;
        CREATE INDEX ix_retry_policy_priority ON retry_policy (organisation_id, priority, id);
        CREATE INDEX ix_retry_policy_nom_cle ON retry_policy (organisation_id, nom_cle, id);

        CREATE TABLE retry_schedule (
            {_ENTITY}
            societe_id varchar(64) DEFAULT '' NOT NULL,
            original_payment_id varchar(64) NOT NULL,
            schedule_id varchar(64),
            facture_id varchar(64),
            contrat_id varchar(64),
            client_id varchar(64) NOT NULL,
            rejection_code varchar(35) NOT NULL,
            rejection_date date NOT NULL,
            montant numeric(14,2) NOT NULL,
            date_prelevement date,
            policy_id uuid,
            policy_snapshot jsonb NOT NULL,
            eligibility varchar(40) NOT NULL,
            eligibility_reason varchar(255),
            current_attempt integer DEFAULT 0 NOT NULL,
            max_attempts integer NOT NULL,
            next_retry_date date,
            is_resolved boolean DEFAULT false NOT NULL,
            resolution_reason varchar(40),
            resolved_at timestamptz,
            a_lire boolean DEFAULT false NOT NULL,
            CONSTRAINT pk_retry_schedule PRIMARY KEY (id),
            CONSTRAINT fk_retry_schedule_policy_id FOREIGN KEY (policy_id) REFERENCES retry_policy (id) ON DELETE SET NULL,
            CONSTRAINT ck_retry_schedule_eligibility CHECK (eligibility IN ('ELIGIBLE', 'NOT_ELIGIBLE_REASON_CODE', 'NOT_ELIGIBLE_MAX_ATTEMPTS', 'NOT_ELIGIBLE_PAYMENT_SETTLED', 'NOT_ELIGIBLE_CONTRACT_CANCELLED', 'NOT_ELIGIBLE_MANDATE_REVOKED', 'NOT_ELIGIBLE_MANUAL_CANCEL')),
            CONSTRAINT ck_retry_schedule_resolution_reason CHECK (resolution_reason IN ('RETRY_SUCCEEDED', 'MAX_ATTEMPTS_REACHED', 'PAYMENT_SETTLED', 'CONTRACT_CANCELLED', 'MANDATE_REVOKED', 'PRESENTATION_REFUSEE', 'NOT_ELIGIBLE_REASON_CODE', 'NOT_ELIGIBLE_MANUAL_CANCEL'))
        );
        CREATE UNIQUE INDEX uq_retry_schedule_payment ON retry_schedule (organisation_id, original_payment_id);
        CREATE INDEX ix_retry_schedule_open ON retry_schedule (organisation_id, next_retry_date)
            WHERE NOT is_resolved;
        CREATE INDEX ix_retry_schedule_created_at ON retry_schedule (organisation_id, created_at, id);
        CREATE INDEX ix_retry_schedule_next_retry_date ON retry_schedule
            (organisation_id, coalesce(next_retry_date, '9999-12-31'::date), id);
        CREATE INDEX ix_retry_schedule_facture_id ON retry_schedule (organisation_id, facture_id);
        CREATE INDEX ix_retry_schedule_client_id ON retry_schedule (organisation_id, client_id);
        CREATE INDEX ix_retry_schedule_contrat_id ON retry_schedule (organisation_id, contrat_id);
        CREATE INDEX ix_retry_schedule_rejection_date ON retry_schedule (organisation_id, rejection_date);
        CREATE INDEX ix_retry_schedule_policy_id ON retry_schedule (policy_id);

        CREATE TABLE retry_attempt (
            {_ENTITY}
            retry_schedule_id uuid NOT NULL,
            attempt_number integer NOT NULL,
            planned_date date NOT NULL,
            date_remise date NOT NULL,
            appel_le timestamptz,
            statut varchar(20) NOT NULL,
            payment_id varchar(64),
            new_rejection_code varchar(35),
            erreur varchar(255),
            executed_at timestamptz,
            resolved_at timestamptz,
            CONSTRAINT pk_retry_attempt PRIMARY KEY (id),
            CONSTRAINT fk_retry_attempt_retry_schedule_id FOREIGN KEY (retry_schedule_id) REFERENCES retry_schedule (id),
            CONSTRAINT ck_retry_attempt_attempt_number CHECK (attempt_number >= 1),
            CONSTRAINT ck_retry_attempt_statut CHECK (statut IN ('SCHEDULED', 'SUBMITTED', 'SUCCEEDED', 'FAILED', 'SKIPPED', 'CANCELLED'))
        );
        CREATE UNIQUE INDEX uq_retry_attempt_number ON retry_attempt (retry_schedule_id, attempt_number);
        CREATE UNIQUE INDEX uq_retry_attempt_payment ON retry_attempt (organisation_id, payment_id)
            WHERE payment_id IS NOT NULL;
        CREATE INDEX ix_retry_attempt_due ON retry_attempt (date_remise) WHERE statut = 'SCHEDULED';
        CREATE INDEX ix_retry_attempt_unheard ON retry_attempt (planned_date) WHERE statut = 'SUBMITTED';

        CREATE TABLE retry_avis (
            organisation_id varchar(64) NOT NULL,
            id uuid NOT NULL,
            tentatives integer DEFAULT 0 NOT NULL,
            prochain_essai timestamptz NOT NULL,
            CONSTRAINT pk_retry_avis PRIMARY KEY (id),
            CONSTRAINT fk_retry_avis_id FOREIGN KEY (id) REFERENCES retry_attempt (id)
        );
        CREATE INDEX ix_retry_avis_prochain_essai ON retry_avis (prochain_essai);

        CREATE TABLE retry_job (
            {_ENTITY}
            target_date date NOT NULL,
            statut varchar(20) NOT NULL,
            total integer DEFAULT 0 NOT NULL,
            soumis integer DEFAULT 0 NOT NULL,
            ignores integer DEFAULT 0 NOT NULL,
            echoues integer DEFAULT 0 NOT NULL,
            is_manual boolean NOT NULL,
            triggered_by varchar(255) NOT NULL,
            started_at timestamptz NOT NULL,
            ended_at timestamptz,
            CONSTRAINT pk_retry_job PRIMARY KEY (id),
            CONSTRAINT ck_retry_job_statut CHECK (statut IN ('RUNNING', 'COMPLETED', 'PARTIAL', 'FAILED'))
        );
        CREATE INDEX ix_retry_job_started_at ON retry_job (organisation_id, started_at);

        CREATE TABLE retry_audit (
            id uuid NOT NULL,
            organisation_id varchar(64) NOT NULL,
            retry_schedule_id uuid NOT NULL,
            retry_attempt_id uuid,
            action varchar(30) NOT NULL,
            avant jsonb,
            apres jsonb,
            acteur varchar(255) NOT NULL,
            at timestamptz NOT NULL,
            CONSTRAINT pk_retry_audit PRIMARY KEY (id)
        );
        CREATE INDEX ix_retry_audit_schedule ON retry_audit (organisation_id, retry_schedule_id, at, id);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME; END $$;
        CREATE TRIGGER retry_audit_append_only BEFORE UPDATE OR DELETE ON retry_audit
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        """
    )
