"""Decoding of requests into messages whose texts handlers may trust (C10, C19).

Texts are trimmed and in Unicode NFC. Line feed and tab are their only control characters, and only
texts of many lines keep format characters. Keys of maps must have that form already. Lists hold at
most 100 entries, or as many as their contract says. Fields marked `debug_redact` (passwords) stay
untouched.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from crm.common import common_pb2
from db_utils import without_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpc_utils.errors import FormatInvalide, RequeteIllisible, TropDEntrees

_MOST_ENTRIES = 100  # of a list or a map, unless its contract says more (C19)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # Cc and Cs but \t and \n

# Names of fields that keep their format characters: in long texts these join emoji and direct Arabic.
_OF_MANY_LINES = frozenset({"commentaire", "corps_html", "corps_texte", "description", "message"})

_Step = Callable[[Any], None]


def parse(kind: type[Message], body: bytes) -> Message:
    """The request of *kind* in *body*, cleaned. Raises RequeteIllisible, FormatInvalide, TropDEntrees."""
    try:
        request = kind.FromString(body)
    except DecodeError:
        raise RequeteIllisible from None
    for step in _steps(request.DESCRIPTOR):
        step(request)
    return request


def clean(message: Message) -> None:
    """Bring all texts of *message* into their stored form, in place. Raises FormatInvalide, TropDEntrees."""
    for step in _steps(message.DESCRIPTOR):
        step(message)


def clean_text(text: str, field: str) -> str:
    """*text* without format characters, trimmed and in NFC. Raises FormatInvalide for control characters."""
    return clean_lines(without_format(text), field)


def clean_lines(text: str, field: str) -> str:
    """*text* of many lines, trimmed and in NFC. Raises FormatInvalide for control characters."""
    text = text.strip()
    if _CONTROL.search(text):
        raise FormatInvalide(champ=field)
    return unicodedata.normalize("NFC", text)


def outer_text(told: object, longest: int) -> str:
    """A text that a party outside has *told*, as it is stored, cut to *longest*; "" for what cannot be."""
    if not isinstance(told, str):
        return ""
    try:
        return clean_text(told, "")[:longest].rstrip()
    except FormatInvalide:
        return ""


def _cleaner(name: str) -> Callable[[str, str], str]:
    return clean_lines if name in _OF_MANY_LINES else clean_text


@cache
def _steps(descriptor: Descriptor) -> tuple[_Step, ...]:
    if descriptor.full_name.startswith("google.protobuf."):  # Struct and its like are taken as they are (C10)
        return ()
    found = (_step(field) for field in descriptor.fields)
    return tuple(step for step in found if step is not None)


def _step(field: FieldDescriptor) -> _Step | None:
    if field.GetOptions().debug_redact:
        return None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _map_step(field)
    if field.is_repeated:
        return _list_step(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text_step(field.name)
    return _message_step(field.name) if field.message_type is not None else None


def _list_step(field: FieldDescriptor) -> _Step:
    most = _most_entries(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _texts_step(field.name, most)
    return _messages_step(field.name, most) if field.message_type else _counted_step(field.name, most)


def _most_entries(field: FieldDescriptor) -> int:
    return field.GetOptions().Extensions[common_pb2.max_entries] or _MOST_ENTRIES


def _text_step(name: str) -> _Step:
    cleaner = _cleaner(name)

    def step(message: Any) -> None:
        text = getattr(message, name)
        if not text:
            return
        # Most texts are printable ASCII: there is nothing to remove inside, and nothing to compose.
        cleaned = text.strip() if text.isascii() and text.isprintable() else cleaner(text, name)
        if cleaned != text:
            setattr(message, name, cleaned)

    return step


def _texts_step(name: str, most: int) -> _Step:
    cleaner = _cleaner(name)

    def step(message: Any) -> None:
        texts = _counted(getattr(message, name), name, most)
        for position, text in enumerate(texts):
            texts[position] = cleaner(text, name)

    return step


def _message_step(name: str) -> _Step:
    def step(message: Any) -> None:
        if message.HasField(name):
            clean(getattr(message, name))

    return step


def _messages_step(name: str, most: int) -> _Step:
    def step(message: Any) -> None:
        for part in _counted(getattr(message, name), name, most):
            clean(part)

    return step


def _counted_step(name: str, most: int) -> _Step:
    def step(message: Any) -> None:
        _counted(getattr(message, name), name, most)

    return step


def _map_step(field: FieldDescriptor) -> _Step:
    assert field.message_type is not None
    name, most, entry = field.name, _most_entries(field), field.message_type.fields_by_name
    named = entry["key"].type == FieldDescriptor.TYPE_STRING
    texts = entry["value"].type == FieldDescriptor.TYPE_STRING
    messages = entry["value"].message_type is not None

    def step(message: Any) -> None:
        entries = _counted(getattr(message, name), name, most)
        for key in list(entries):
            if named and clean_text(key, name) != key:
                raise FormatInvalide(champ=name)
            if texts:
                entries[key] = clean_text(entries[key], name)
            elif messages:
                clean(entries[key])

    return step


def _counted(entries: Any, name: str, most: int) -> Any:
    if len(entries) > most:
        raise TropDEntrees(champ=name, maximum=str(most))
    return entries
