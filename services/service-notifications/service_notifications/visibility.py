"""Who sees which notification, as SQL criteria: the one place that decides it (R1, R2).

*user* is the bound id of the user who asks; the kernel adds his organisation.
"""

from sqlalchemy import BindParameter, ColumnElement, and_, exists, or_

from service_notifications.models import UTILISATEUR, Lecture, Notification


def visible_to(user: BindParameter[str]) -> ColumnElement[bool]:
    """His own, those of the organisation, and those of every team, as long as teams have no members."""
    return or_(Notification.destinataire_type != UTILISATEUR, Notification.destinataire_id == user)


def reading_of(user: BindParameter[str]) -> ColumnElement[bool]:
    """That a reading is his, of the notification at hand."""
    return and_(Lecture.notification_id == Notification.id, Lecture.utilisateur_id == user)


def unread_by(user: BindParameter[str]) -> ColumnElement[bool]:
    """Not read by him, whoever else has read it."""
    return ~exists().where(reading_of(user))
