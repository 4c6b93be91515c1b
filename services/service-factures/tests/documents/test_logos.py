"""Logos: whatever is uploaded becomes an RGB PNG without transparency and metadata (R32)."""

import io

import pytest
from PIL import Image
from service_factures.documents import LogoInvalide, converted_logo
from tests.documents.sample_logos import LOGOS, encoded

WHITE = (255, 255, 255)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("name", LOGOS)
def test_R32_a_logo_becomes_plain_rgb(name: str) -> None:
    """Of each kind that people have."""
    found = _opened(converted_logo(*LOGOS[name]))
    assert (found.format, found.mode, found.size, found.info) == ("PNG", "RGB", (240, 90), {})


@pytest.mark.parametrize("name", ["alpha", "grey alpha"])
def test_R32_transparency_is_laid_on_white(name: str) -> None:
    """What is opaque keeps its colour."""
    found = _opened(converted_logo(*LOGOS[name]))
    assert found.getpixel((5, 5)) == WHITE
    assert found.getpixel((200, 50)) != WHITE


def test_R32_deep_greys_are_divided_and_not_cut() -> None:
    """A middle grey of 16 bits stays one."""
    found = _opened(converted_logo(*LOGOS["16 bit"]))
    assert found.getpixel((200, 50)) == (128, 128, 128)
    assert found.getpixel((5, 5)) == WHITE


def test_R32_metadata_is_dropped_after_it_has_turned_the_image() -> None:
    """A photograph taken upright is printed upright."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    exif[0x010E] = "secret"
    content = encoded(Image.new("RGB", (40, 20), "red"), "JPEG", exif=exif.tobytes())
    found = converted_logo(content, "image/jpeg")
    assert _opened(found).size == (20, 40)
    assert b"secret" not in found


def test_R32_a_large_logo_is_printed_as_finely_as_it_can_be_seen() -> None:
    """More points would make every document slow."""
    content = encoded(Image.new("RGB", (4000, 1000), "red"), "PNG")
    assert _opened(converted_logo(content, "image/png")).size == (1200, 300)


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (b"", "image/png"),
        (b"no image", "image/png"),
        (LOGOS["RGB"][0][:200], "image/png"),
        (LOGOS["JPEG"][0], "image/png"),
        (LOGOS["RGB"][0], "image/gif"),
        (LOGOS["RGB"][0] + bytes(512 * 1024), "image/png"),
        (encoded(Image.new("1", (4001, 1)), "PNG"), "image/png"),
    ],
    ids=["empty", "text", "cut", "other type", "unknown type", "too heavy", "too wide"],
)
def test_R32_what_is_no_such_image_is_refused(content: bytes, mime_type: str) -> None:
    """With one reason for all."""
    with pytest.raises(LogoInvalide):
        converted_logo(content, mime_type)
