"""Visibility and reading as SQL criteria: the one place that decides them (R1, R2, R3).

*user* is the id of the user who asks, a bound value or a column; the kernel adds his organisation.
Each EXISTS says what it does not share with the statement around it: SQLAlchemy's own choice leaves the
notification of a statement two levels up out, and the criterion would be about any notification.
"""

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from service_notifications.models import (
    EQUIPE,
    ORGANISATION,
    UTILISATEUR,
    Abonnement,
    Lecture,
    Notification,
)

_OF_THE_TEAM = and_(
    Abonnement.organisation_id == Notification.organisation_id,
    Abonnement.equipe == Notification.destinataire_id,
)
# Another name than that of the readings, with which statements join notifications.
_hiding = aliased(Lecture)


def addressed_to(user: ColumnElement[str]) -> ColumnElement[bool]:
    """Notifications for the user, for the organisation, and for the teams that he belongs to.

    What is for a team without subscribers is for everybody.
    """
    anybody = exists().where(_OF_THE_TEAM).correlate_except(Abonnement)
    member = anybody.where(Abonnement.utilisateur_id == user)
    return or_(
        Notification.destinataire_type == ORGANISATION,
        own(user),
        and_(Notification.destinataire_type == EQUIPE, or_(member, ~anybody)),
    )


def own(user: ColumnElement[str]) -> ColumnElement[bool]:
    """Notifications for the user alone."""
    return and_(Notification.destinataire_type == UTILISATEUR, Notification.destinataire_id == user)


def visible_to(user: ColumnElement[str]) -> ColumnElement[bool]:
    """Notifications that are addressed to the user and not hidden from him."""
    hidden = (
        exists()
        .where(
            _hiding.notification_id == Notification.id,
            _hiding.utilisateur_id == user,
            _hiding.masquee_le.is_not(None),
        )
        .correlate_except(_hiding)
    )
    return and_(addressed_to(user), ~hidden)


def reading_of(user: ColumnElement[str]) -> ColumnElement[bool]:
    """What the user did with the notification at hand."""
    return and_(Lecture.notification_id == Notification.id, Lecture.utilisateur_id == user)


def unread_by(user: ColumnElement[str]) -> ColumnElement[bool]:
    """Notifications that the user has not read, whoever else has."""
    return ~exists().where(reading_of(user), Lecture.lu_le.is_not(None)).correlate_except(Lecture)
