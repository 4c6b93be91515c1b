"""requests.parse: from bytes to a request whose texts a handler may trust (C10, C19)."""

from typing import Any

import pytest
from crm.common import common_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import DESCRIPTOR as STRUCT
from grpc_utils.errors import FormatInvalide, RequeteIllisible, TropDEntrees
from grpc_utils.requests import parse

STRING, INT32, MESSAGE, BYTES = (
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_MESSAGE,
    FieldDescriptorProto.TYPE_BYTES,
)
ONE, MANY = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
FIELDS = (
    ("text", ONE, STRING, ""),
    ("texts", MANY, STRING, ""),
    ("numbers", MANY, INT32, ""),
    ("part", ONE, MESSAGE, ".requests.All"),
    ("parts", MANY, MESSAGE, ".requests.All"),
    ("labels", MANY, MESSAGE, ".requests.All.LabelsEntry"),
    ("counts", MANY, MESSAGE, ".requests.All.CountsEntry"),
    ("named", MANY, MESSAGE, ".requests.All.NamedEntry"),
    ("numbered", MANY, MESSAGE, ".requests.All.NumberedEntry"),
    ("blob", ONE, BYTES, ""),
    ("free", ONE, MESSAGE, ".google.protobuf.Struct"),
    ("password", ONE, STRING, ""),
    ("description", ONE, STRING, ""),
    ("many", MANY, STRING, ""),
)


DEEPEST = 100  # messages within a message, protobuf's own limit


def contract() -> FileDescriptorProto:
    """A message with a field of every kind."""
    file = FileDescriptorProto(name="requests.proto", package="requests", syntax="proto3")
    file.dependency.append(STRUCT.name)
    message = file.message_type.add(name="All")
    for number, (name, label, kind, other) in enumerate(FIELDS, 1):
        field = message.field.add(name=name, number=number, label=label, type=kind, type_name=other or None)
        field.options.debug_redact = name == "password"
        if name == "many":
            field.options.Extensions[common_pb2.max_entries] = 1_000
    message.nested_type.append(entry("LabelsEntry", STRING, STRING))
    message.nested_type.append(entry("CountsEntry", STRING, INT32))
    message.nested_type.append(entry("NamedEntry", STRING, MESSAGE))
    message.nested_type.append(entry("NumberedEntry", INT32, STRING))
    return file


def entry(name: str, key: Any, value: Any) -> DescriptorProto:
    """The message type of the entries of a map."""
    made = DescriptorProto(name=name)
    made.field.add(name="key", number=1, label=ONE, type=key)
    other = ".requests.All" if value == MESSAGE else None
    made.field.add(name="value", number=2, label=ONE, type=value, type_name=other)
    made.options.map_entry = True
    return made


Default().AddSerializedFile(contract().SerializeToString())
All: Any = GetMessageClass(Default().FindMessageTypeByName("requests.All"))


def parsed(**fields: Any) -> Any:
    """The request with *fields*, as a handler gets it."""
    return parse(All, All(**fields).SerializeToString())


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", ""),
        ("a", "a"),
        (" a ", "a"),
        ("\u00a0a\u2003", "a"),
        ("a\nb\tc", "a\nb\tc"),
        ("\na\n", "a"),
        ("e\u0301", "é"),
        ("\u212b", "Å"),
        ("ﬁ", "ﬁ"),
        ("👩‍👩‍👧", "👩👩👧"),
        ("\ufeffMar\u200btin", "Martin"),
        ("\u200b", ""),
    ],
)
def test_C10_texts_are_trimmed_and_composed(typed: str, stored: str) -> None:
    """Texts have their stored form in fields, lists, parts and maps alike."""
    part = All(text=typed)
    maps = {"labels": {"k": typed}, "named": {"k": part}, "numbered": {1: typed}}
    request = parsed(text=typed, texts=[typed], part=part, parts=[part], **maps)
    found = [request.text, request.texts[0], request.part.text, request.parts[0].text]
    found += [request.labels["k"], request.named["k"].text, request.numbered[1]]
    assert found == [stored] * 7


@pytest.mark.parametrize("character", ["\0", "\x01", "\x08", "\x1b", "\x7f", "\x85", "\r"])
@pytest.mark.parametrize("where", ["text", "texts", "part", "parts", "labels"])
def test_C10_control_characters_are_refused(character: str, where: str) -> None:
    """FORMAT_INVALIDE names the field that holds the control character."""
    text = f"a{character}b"
    values: dict[str, Any] = {
        "text": text,
        "texts": ["a", text],
        "part": All(text=text),
        "parts": [All(text=text)],
        "labels": {"k": text},
    }
    with pytest.raises(FormatInvalide) as told:
        parsed(**{where: values[where]})
    assert told.value.metadata["champ"] == (where if where in ("texts", "labels") else "text")


def test_a_password_is_taken_as_it_was_typed() -> None:
    """A field marked `debug_redact` is neither trimmed, composed nor refused."""
    assert parsed(password=" e\u0301\0 ").password == " e\u0301\0 "


def test_C10_a_text_of_many_lines_keeps_its_format_characters() -> None:
    """A description keeps the joiner inside an emoji; a password keeps format characters as well."""
    request = parsed(description=" 👩\u200d👧 ", password="a\u200b")
    assert (request.description, request.password) == ("👩\u200d👧", "a\u200b")


def test_bytes_and_free_structures_are_taken_as_they_are() -> None:
    """Fields of bytes and Struct are left to the service that knows their meaning."""
    request = parsed(blob=b" \0 ", free={"a": " b "})
    assert (request.blob, request.free["a"]) == (b" \0 ", " b ")


LISTS: dict[str, Any] = {
    "texts": lambda size: ["a"] * size,
    "numbers": lambda size: [1] * size,
    "parts": lambda size: [All()] * size,
    "labels": lambda size: {str(key): "a" for key in range(size)},
    "counts": lambda size: {str(key): 1 for key in range(size)},
}


@pytest.mark.parametrize("name", LISTS)
def test_C19_lists_have_at_most_hundred_entries(name: str) -> None:
    """A list of 100 entries is taken; one of 101 is refused with its name, also inside a part."""
    assert len(getattr(parsed(**{name: LISTS[name](100)}), name)) == 100
    for fields in ({name: LISTS[name](101)}, {"part": All(**{name: LISTS[name](101)})}):
        with pytest.raises(TropDEntrees) as told:
            parsed(**fields)
        assert told.value.metadata == {"champ": name, "maximum": "100"}


def test_C19_a_contract_may_allow_more_entries() -> None:
    """With common.max_entries, which the refusal names."""
    assert len(parsed(many=["a"] * 1_000).many) == 1_000
    with pytest.raises(TropDEntrees) as told:
        parsed(many=["a"] * 1_001)
    assert told.value.metadata == {"champ": "many", "maximum": "1000"}


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x0a", b"\x0a\x05ab", b"\x0a\x02\xc3\x28", b"\x0c", b"\x22\x02\x0a\x7f", b"\x22" * 50],
)
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    """Noise, half a message, a text that is not UTF-8, parts that end behind their message."""
    with pytest.raises(RequeteIllisible):
        parse(All, body)


@pytest.mark.parametrize("key", [" a", "a\0b", "e\u0301"])
def test_C10_the_keys_of_a_map_must_be_clean(key: str) -> None:
    """A key is refused rather than cleaned, since its stored form would be another key."""
    for fields in ({"labels": {key: "a"}}, {"counts": {key: 1}}, {"named": {key: All()}}):
        with pytest.raises(FormatInvalide):
            parsed(**fields)


def nested(depth: int) -> bytes:
    """The bytes of *depth* messages, each within the one before."""
    body = b""
    for _ in range(depth):
        length = len(body)
        size = bytes([length]) if length < 128 else bytes([length % 128 | 128, length // 128])
        body = b"\x22" + size + body
    return body


def test_depth_is_limited() -> None:
    """Protobuf reads a hundred levels of messages; one more is refused."""
    shallow: Any = parse(All, nested(DEEPEST))
    assert shallow.part.part.HasField("part")
    with pytest.raises(RequeteIllisible):
        parse(All, nested(DEEPEST + 1))


def test_unknown_fields_are_ignored() -> None:
    """A field of a newer contract does not keep the rest of the request from being read."""
    request: Any = parse(All, b"\x0a\x01a" + b"\xf8\x7f\x01")
    assert request.text == "a"
