"""Visibility and reading as SQL criteria: the one place that decides them (R1, R2).

*user* is the bound id of the user who asks; the kernel adds his organisation.
"""

from sqlalchemy import BindParameter, ColumnElement, and_, exists, or_

from service_notifications.models import UTILISATEUR, Lecture, Notification


def visible_to(user: BindParameter[str]) -> ColumnElement[bool]:
    """Notifications for the user, for the organisation and for every team.

    Nobody can subscribe to a team so far, and a team without subscribers is everybody's (R1).
    """
    return or_(Notification.destinataire_type != UTILISATEUR, Notification.destinataire_id == user)


def reading_of(user: BindParameter[str]) -> ColumnElement[bool]:
    """Readings by the user of the notification at hand."""
    return and_(Lecture.notification_id == Notification.id, Lecture.utilisateur_id == user)


def unread_by(user: BindParameter[str]) -> ColumnElement[bool]:
    """Notifications that the user has not read, whoever else has."""
    return ~exists().where(reading_of(user))
