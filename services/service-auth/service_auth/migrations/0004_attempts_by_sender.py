"""Index by which the attempts of a sender are counted: an IPv4 address, or the /64 of an IPv6 one."""

from db_utils.migrations import build_index

revision = "auth_0004"
down_revision = "auth_0003"
branch_labels = None


def upgrade() -> None:
    build_index(
        "ix_tentatives_sender",
        "tentatives_connexion "
        "(network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 32 ELSE 64 END)), created_at DESC)",
    )
