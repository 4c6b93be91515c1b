"""Logos as documents can hold them: RGB, without transparency and metadata (R32)."""

import io
from typing import TYPE_CHECKING, Final

from grpc_utils.errors import InvalidArgument

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG"}
LARGEST: Final = 512 * 1024  # bytes
LONGEST: Final = 4000  # pixels a side
_PRINTED: Final = (1200, 600)  # pixels: twice what its place on the page shows at 300 a inch
_DEEP: Final = ("I", "F")  # modes with more than 8 bits begin so


class LogoInvalide(InvalidArgument):
    """Le logo doit être une image PNG ou JPEG d'au plus 512 Kio et 4000 pixels de côté."""


def converted_logo(content: bytes, mime_type: str) -> bytes:
    """*content* as a PNG that PDF/A-3 takes, transparency laid on white. Raises LogoInvalide."""
    from PIL import Image, ImageOps

    if len(content) > LARGEST or mime_type not in FORMATS:
        raise LogoInvalide(champ="logo")
    try:
        with Image.open(io.BytesIO(content), formats=[FORMATS[mime_type]]) as image:
            if max(image.size) > LONGEST:  # before its pixels are read
                raise LogoInvalide(champ="logo")
            flat = _on_white(ImageOps.exif_transpose(image))
    # What Pillow raises for a broken file depends on where it is broken.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LogoInvalide(champ="logo") from error
    flat.thumbnail(_PRINTED)
    out = io.BytesIO()
    flat.save(out, "PNG", optimize=True)
    return out.getvalue()


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith(_DEEP):
        # Converting would cut what is above 255 instead of dividing it.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white
