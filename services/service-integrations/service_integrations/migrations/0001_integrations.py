"""Tables of accounts at outside providers, of connections that were begun, and of the audit."""

from alembic import op

revision = "integrations_0001"
down_revision = None
branch_labels = ("integrations",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE oauth_accounts (
            id uuid NOT NULL,
            user_id varchar(64) NOT NULL,
            organisation_id varchar(64),
            provider varchar(30) NOT NULL,
            provider_account_id varchar(255) NOT NULL,
            nom_affiche varchar(255) NOT NULL,
            access_token text,
            refresh_token text,
            token_type varchar(20) NOT NULL,
            scopes text[] NOT NULL,
            expires_at timestamptz,
            status varchar(20) NOT NULL,
            last_error_code varchar(40),
            echecs smallint NOT NULL,
            metadata jsonb NOT NULL,
            refresh_lease_until timestamptz,
            derniere_actualisation timestamptz,
            deconnecte_le timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            CONSTRAINT pk_oauth_accounts PRIMARY KEY (id),
            CONSTRAINT uq_oauth_account UNIQUE (user_id, provider, provider_account_id),
            CONSTRAINT ck_oauth_accounts_provider CHECK (provider IN ('instagram', 'google', 'microsoft')),
            CONSTRAINT ck_oauth_accounts_status CHECK (status IN ('connected', 'error', 'disconnected'))
        );
        CREATE INDEX ix_oauth_accounts_user ON oauth_accounts (user_id, created_at DESC);
        CREATE INDEX ix_oauth_accounts_due ON oauth_accounts (status, expires_at);
        CREATE INDEX ix_oauth_accounts_provider ON oauth_accounts (provider, provider_account_id);

        CREATE TABLE oauth_states (
            nonce_hash bytea NOT NULL,
            user_id varchar(64) NOT NULL,
            organisation_id varchar(64),
            provider varchar(30) NOT NULL,
            code_verifier text,
            redirect_url text NOT NULL,
            created_at timestamptz NOT NULL,
            expire_le timestamptz NOT NULL,
            consomme_le timestamptz,
            CONSTRAINT pk_oauth_states PRIMARY KEY (nonce_hash),
            CONSTRAINT ck_oauth_states_provider CHECK (provider IN ('instagram', 'google', 'microsoft'))
        );
        CREATE INDEX ix_oauth_states_created_at ON oauth_states (created_at);

        CREATE TABLE audit_integrations (
            id uuid NOT NULL,
            user_id varchar(64),
            provider varchar(30) NOT NULL,
            account_id varchar(255) NOT NULL,
            evenement varchar(40) NOT NULL,
            erreur varchar(200) NOT NULL,
            ip inet,
            user_agent varchar(300) NOT NULL,
            correlation_id varchar(64) NOT NULL,
            details jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_audit_integrations PRIMARY KEY (id),
            CONSTRAINT ck_audit_integrations_provider CHECK (provider IN ('instagram', 'google', 'microsoft')),
            CONSTRAINT ck_audit_integrations_evenement CHECK (
                evenement IN (
                    'OAUTH_INITIATED', 'OAUTH_COMPLETED', 'OAUTH_FAILED', 'INVALID_STATE_DETECTED',
                    'TOKEN_REFRESHED', 'TOKEN_REFRESH_FAILED', 'INTEGRATION_DISCONNECTED'
                )
            )
        );
        CREATE INDEX ix_audit_integrations_user ON audit_integrations (user_id, created_at DESC);
        CREATE INDEX ix_audit_integrations_correlation ON audit_integrations (correlation_id);
        CREATE INDEX ix_audit_integrations_created_at ON audit_integrations (created_at);
        """
    )
