"""Translation of database errors into refusals (C12). Used only by `pipeline.py`."""

from db_utils import (
    Conflict,
    DatabaseError,
    DatabaseUnavailable,
    InvalidPage,
    InvalidPageToken,
    InvalidText,
    InvalidValue,
    OrganisationRequired,
    ReferenceViolation,
    SerializationConflict,
    StatementTimeout,
    StillReferenced,
    TextTooLong,
    UnknownChoice,
    VersionConflict,
)

from grpc_utils.errors import (
    BaseIndisponible,
    ConflitDEcriture,
    EncoreUtilise,
    ExisteDeja,
    FormatInvalide,
    JetonDePageInvalide,
    OrganisationRequise,
    PageInvalide,
    ReferenceInconnue,
    Refusal,
    RequeteTropLente,
    TropLong,
    ValeurInconnue,
    VersionPerimee,
)
from grpc_utils.sentences import permitted


def refusal_of(error: DatabaseError) -> Refusal | None:
    """The refusal for a caller whose call met *error*; None for a bug of ours, which is told as one."""
    match error:
        case Conflict():
            known = {"id": str(error.existing_id)} if error.existing_id is not None else {}
            return ExisteDeja(contrainte=error.constraint, **known)
        case TextTooLong():
            limit = () if error.limit is None else (f"maximum : {error.limit} caractères",)
            return TropLong(*limit, champ=error.column)
        case UnknownChoice():
            return ValeurInconnue(*permitted(error.choices), champ=error.column)
        case InvalidValue():
            return FormatInvalide(champ=error.column)
        case ReferenceViolation():
            return ReferenceInconnue(contrainte=error.constraint)
        case InvalidPageToken():
            return JetonDePageInvalide(champ=error.field)
        case InvalidPage():
            return PageInvalide(*permitted(error.choices), champ=error.field)
    plain = (_PLAIN[kind] for kind in type(error).__mro__ if kind in _PLAIN)
    return next((refusal() for refusal in plain), None)


_PLAIN: dict[type[DatabaseError], type[Refusal]] = {
    DatabaseUnavailable: BaseIndisponible,
    StatementTimeout: RequeteTropLente,
    SerializationConflict: ConflitDEcriture,
    StillReferenced: EncoreUtilise,
    InvalidText: FormatInvalide,
    OrganisationRequired: OrganisationRequise,
    VersionConflict: VersionPerimee,
}
