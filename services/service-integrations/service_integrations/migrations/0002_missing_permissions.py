"""A column for permissions that usages need and that were not granted (R23); stored accounts are judged.

An account without scopes had an answer without them: all was granted. Microsoft's answer to a
code is about the profile (User.Read) and says nothing of mail.
"""

from alembic import op

revision = "integrations_0002"
down_revision = "integrations_0001"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE oauth_accounts ADD COLUMN scopes_manquants text[] NOT NULL DEFAULT '{}';

        UPDATE oauth_accounts SET scopes_manquants = ARRAY['https://mail.google.com/']
        WHERE provider = 'google' AND scopes <> '{}' AND 'https://mail.google.com/' <> ALL (scopes);

        UPDATE oauth_accounts SET scopes_manquants = ARRAY['https://outlook.office.com/SMTP.Send']
        WHERE provider = 'microsoft' AND scopes <> '{}' AND 'https://outlook.office.com/SMTP.Send' <> ALL (scopes)
            AND NOT scopes && ARRAY['User.Read', 'https://graph.microsoft.com/User.Read'];

        UPDATE oauth_accounts SET scopes_manquants = ARRAY['instagram_business_basic']
        WHERE provider = 'instagram' AND scopes <> '{}' AND 'instagram_business_basic' <> ALL (scopes);
        """
    )
