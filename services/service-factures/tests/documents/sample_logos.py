"""Logos of each kind that people upload."""

import io
from typing import Any, Final

from PIL import Image

_SIZE: Final = (240, 90)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """*image* as a file of *kind*."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _shaded(mode: str) -> Image.Image:
    return Image.linear_gradient("L").resize(_SIZE).convert(mode)


def _see_through() -> Image.Image:
    image = Image.new("RGBA", _SIZE, (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, 60, 90))
    return image


def _deep() -> Image.Image:
    image = Image.new("I;16", _SIZE, 0x8000)
    image.paste(0xFFFF, (0, 0, 60, 90))
    return image


LOGOS: Final[dict[str, tuple[bytes, str]]] = {
    "RGB": (encoded(_shaded("RGB"), "PNG"), "image/png"),
    "alpha": (encoded(_see_through(), "PNG"), "image/png"),
    "palette": (encoded(_shaded("P"), "PNG"), "image/png"),
    "transparent palette": (encoded(_shaded("P"), "PNG", transparency=0), "image/png"),
    "grey": (encoded(_shaded("L"), "PNG"), "image/png"),
    "grey alpha": (encoded(_see_through().convert("LA"), "PNG"), "image/png"),
    "16 bit": (encoded(_deep(), "PNG"), "image/png"),
    "1 bit": (encoded(_shaded("1"), "PNG"), "image/png"),
    "JPEG": (encoded(_shaded("RGB"), "JPEG"), "image/jpeg"),
    "CMYK": (encoded(_shaded("RGB").convert("CMYK"), "JPEG"), "image/jpeg"),
}
