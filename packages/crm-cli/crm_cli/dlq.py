"""The work of `crm dlq list|show|replay|drop` on dead letters."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

from nats_utils.tables import DEAD, DROPPED, REPLAYED, REPLAYING
from service_kit import Service

from crm_cli import decoding
from crm_cli.columns import aligned
from crm_cli.dead_letters import Letter, LetterBox, parse_ids, with_schema
from crm_cli.home import CommandError

_EVERY_STATUS = (DEAD, REPLAYING, REPLAYED, DROPPED)
_POLL = 0.2
_LONGEST_ERROR = 80


def list_letters(url: str, services: Sequence[Service], *, everything: bool) -> None:
    """Print the dead letters of *services*, with *everything* also the replayed and dropped ones."""
    rows = [("ID", "EVENT", "SINCE", "ATTEMPTS", "STATUS", "REASON")]
    statuses = _EVERY_STATUS if everything else (DEAD, REPLAYING)
    for name in with_schema(url, services):
        with LetterBox(url, name) as box:
            rows += [_row(box, letter) for letter in box.letters(statuses)]
    print(aligned(rows) if len(rows) > 1 else "no dead letters")


def _row(box: LetterBox, letter: Letter) -> tuple[str, str, str, str, str, str]:
    since = f"{letter.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
    reason = " ".join(letter.error.split())
    short = reason if len(reason) <= _LONGEST_ERROR else f"{reason[: _LONGEST_ERROR - 1]}…"
    return box.name(letter.id), letter.event_type, since, str(letter.attempts), letter.status, short


def show(url: str, text: str) -> None:
    """Print all that is known of one dead letter. Raises CommandError when there is none."""
    ((service, (number,)),) = parse_ids([text]).items()
    with LetterBox(url, service) as box:
        letter = box.get([number]).get(number)
    if letter is None:
        raise CommandError(f"there is no dead letter {text}: `crm dlq list --all` shows those there are")
    facts = [
        ("id", text),
        ("event", letter.event_type),
        ("subject", letter.subject),
        ("message", letter.message_key),
        ("status", letter.status),
        ("since", f"{letter.created_at.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("attempts", str(letter.attempts)),
        ("reason", letter.error),
        ("content", _content(letter)),
    ]
    print(aligned(facts))


def _content(letter: Letter) -> str:
    try:
        return decoding.as_json(decoding.read(letter.event_type, letter.payload))
    except CommandError as error:
        return f"{error}: {letter.payload[:200].hex()}"


def drop(url: str, numbers_by_service: dict[str, list[int]]) -> bool:
    """Give letters up for good; return whether all of them were dead."""
    complete = True
    for service, numbers in numbers_by_service.items():
        with LetterBox(url, service) as box:
            dropped = box.drop(numbers)
            for number in dropped:
                print(f"{box.name(number)} dropped")
            complete &= not _explain(box, numbers, dropped)
    return complete


def replay(url: str, numbers_by_service: dict[str, list[int]], patience: float) -> bool:
    """Have letters handled again and print the result of each; return whether all succeeded.

    After *patience* seconds in which nothing happened the rest is left to the services.
    """
    with ExitStack() as stack:
        boxes = [stack.enter_context(LetterBox(url, service)) for service in numbers_by_service]
        complete, waiting = True, {}
        for box in boxes:
            numbers = numbers_by_service[box.service]
            marked = box.mark_replaying(numbers)
            complete &= not _explain(box, numbers, marked)
            waiting[box] = set(marked)
        for box, letter in _ended(waiting, patience):
            complete &= letter.status == REPLAYED
            verdict = "replayed" if letter.status == REPLAYED else f"failed again: {letter.error}"
            print(f"{box.name(letter.id)} {verdict}", flush=True)
        for box, left in waiting.items():
            complete &= not left
            for number in sorted(left):
                print(
                    f"{box.name(number)} waits: nobody has replayed it within {patience:g} s; "
                    f"it will be when the {box.service} service runs"
                )
    return complete


def dead_numbers(url: str, services: Sequence[Service]) -> dict[str, list[int]]:
    """The numbers of all dead letters of *services*."""
    numbers = {}
    for name in with_schema(url, services):
        with LetterBox(url, name) as box:
            if found := [letter.id for letter in box.letters((DEAD,))]:
                numbers[name] = found
    return numbers


def counted(numbers_by_service: dict[str, list[int]]) -> str:
    """How many letters of which services, as in "3 dead letters (clients 1, email 2)"."""
    counts = {service: len(numbers) for service, numbers in numbers_by_service.items()}
    total = sum(counts.values())
    each = ", ".join(f"{service} {count}" for service, count in counts.items())
    return f"{total} dead letter{'' if total == 1 else 's'} ({each})"


def _ended(waiting: dict[LetterBox, set[int]], patience: float) -> Iterator[tuple[LetterBox, Letter]]:
    """Yield letters as their replay ends, until none is left or none has ended for a while."""
    heard = time.monotonic()
    while any(waiting.values()) and time.monotonic() - heard < patience:
        for box, left in waiting.items():
            for letter in box.get(left).values():
                if letter.status != REPLAYING:
                    heard = time.monotonic()
                    left.discard(letter.id)
                    yield box, letter
        time.sleep(_POLL)


def _explain(box: LetterBox, numbers: Iterable[int], marked: Sequence[int]) -> bool:
    """Print why letters were left alone; return whether there were any."""
    others = sorted(set(numbers) - set(marked))
    known = box.get(others)
    for number in others:
        reason = f"is {known[number].status}" if number in known else "does not exist"
        print(f"{box.name(number)} {reason}, left alone")
    return bool(others)
