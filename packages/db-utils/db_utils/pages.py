"""Pages of a list as values: what is asked for and what is answered (C8). `listing.py` makes them."""

from dataclasses import dataclass
from typing import Generic

from db_utils.errors import InvalidPageSize
from db_utils.reader import R

DEFAULT_SIZE, LARGEST_SIZE = 20, 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that a caller asks for, as in common.proto: size 0 means 20, above 100 means 100."""

    size: int = 0
    token: str = ""
    sort_by: str = ""
    sort_order: str = ""
    with_total: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """The rows of a page, the token of the next page ("" on the last), and the total if it was asked for."""

    rows: list[R]
    next_token: str
    total: int | None


def page_size(asked: int) -> int:
    """Rows of a page for which *asked* were asked. Raises InvalidPageSize."""
    if asked < 0:
        raise InvalidPageSize(str(asked))
    return min(asked, LARGEST_SIZE) or DEFAULT_SIZE
