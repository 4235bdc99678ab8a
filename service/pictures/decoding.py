"""Opening files with Pillow, whose many kinds of errors end here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.WebPImagePlugin import WebPImageFile

from service.errors import BadPicture, BladestreamError, PictureTooLarge, UnsupportedPicture
from service.pictures import avif, bmp, jpeg, jpeg2000, png, tiff, webp
from service.pictures.findings import Findings
from service.pictures.limits import Limits
from service.pictures.signatures import format_of

# The classes are used by name and not through Image.open, so that nothing but the format that
# was found is tried, an MPO file (a photograph with a preview behind it, as drones write) is
# read as the JPEG it begins with, and limits are ours alone: no global of Pillow is touched.
_PLUGINS: Final[dict[str, Callable[[BytesIO], ImageFile.ImageFile]]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "tiff": tiff.StoredTiff,
    "ppm": PpmImageFile,
    "bmp": BmpImageFile,
    "avif": AvifImageFile,
    "jpeg2000": Jpeg2KImageFile,
}

_EXAMINERS: Final[dict[str, Callable[[bytes, Limits], Findings]]] = {
    "jpeg": jpeg.examine,
    "png": png.examine,
    "webp": webp.examine,
    "tiff": tiff.examine,
    "bmp": bmp.examine,
    "avif": avif.examine,
    "jpeg2000": jpeg2000.examine,
}


@contextmanager
def family_errors() -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into an error of the family."""
    try:
        yield
    except BladestreamError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise PictureTooLarge("Decoding the picture takes more memory than there is.") from error
    except Exception as error:
        # OSError, SyntaxError, ValueError, struct.error, OverflowError, EOFError, ...: Pillow's
        # plug-ins promise nothing.
        raise BadPicture(
            f"The picture cannot be decoded: {str(error) or type(error).__name__}"
        ) from error


def open_picture(data: bytes, limits: Limits) -> tuple[str, ImageFile.ImageFile, Findings]:
    """Read a file's header; no pixel is decoded and no memory taken for one.

    Parameters
    ----------
    data
        The file.
    limits
        What it is held against.

    Returns
    -------
    tuple
        Format, the picture ready to be decoded, and what Pillow doesn't say about it.

    Raises
    ------
    BadPicture, UnsupportedPicture, PictureTooLarge
        See `service.pictures.read_picture`.
    """
    limits.check_bytes(len(data))
    name = format_of(data)
    with family_errors():
        findings = _EXAMINERS[name](data, limits) if name in _EXAMINERS else Findings()
        image = _PLUGINS[name](BytesIO(data))
        limits.check_size(*image.size)
        # A TIFF's pages were counted by its examiner; Pillow would read each of them.
        if name != "tiff" and getattr(image, "n_frames", 1) > 1:
            raise UnsupportedPicture("Animations are not supported; send one picture.")
    return name, image, findings
