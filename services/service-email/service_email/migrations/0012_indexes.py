"""Indexes for the messages that wait for a mailbox, and for those whose content is to be forgotten."""

from db_utils.migrations import build_index

revision = "email_0012"
down_revision = "email_0011"
branch_labels = None


def upgrade() -> None:
    build_index(
        "ix_messages_boite",
        "messages (boite_mail_id) WHERE boite_mail_id IS NOT NULL AND prochain_essai IS NOT NULL",
    )
    build_index(
        "ix_messages_contenu",
        "messages (created_at) WHERE corps_texte IS NOT NULL OR corps_html IS NOT NULL",
    )
