"""The job that forgets what old messages said (R17): bodies and attachments go, the rest stays."""

from datetime import timedelta
from typing import Final

from db_utils import Worker, clock
from service_kit import App
from sqlalchemy import DateTime, bindparam, delete, exists, or_, select, update

from service_email.models import ContenuPiece, Message
from service_email.settings import EmailSettings

KEPT: Final = timedelta(days=180)
_BATCH: Final = 1_000  # messages: their change takes milliseconds, so that nobody waits for their locks

# A message that waits keeps what it says, however old it is.
_old = (
    Message.created_at < bindparam("before", type_=DateTime(timezone=True)),
    Message.prochain_essai.is_(None),
)
_said = or_(Message.corps_texte.is_not(None), Message.corps_html.is_not(None))
_FORGET_BODIES = (
    update(Message)
    .where(Message.id.in_(select(Message.id).where(*_old, _said).limit(_BATCH)), *_old)
    .values(corps_texte=None, corps_html=None, corps_sans_piece=None)
)
_FORGET_CONTENTS = delete(ContenuPiece).where(exists().where(Message.id == ContenuPiece.message_id, *_old))


async def forget(app: App[EmailSettings]) -> None:
    """Forget the bodies and attachments of messages that are older than 180 days."""
    before, forgotten = clock.now() - KEPT, _BATCH
    async with app.database.transaction() as tx:
        await tx.execute(_FORGET_CONTENTS, before=before)
    while forgotten == _BATCH:
        async with app.database.transaction() as tx:
            forgotten = await tx.execute(_FORGET_BODIES, before=before)


RETENTION = Worker("retention", forget, every=timedelta(hours=1))
