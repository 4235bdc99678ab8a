"""Metadata: byte for byte through reading and writing; the policies."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from service.errors import BadParameter
from service.pictures import Metadata, read_picture, select_metadata, write_picture
from service.pictures.jpeg import split_xmp

PACKET = b'<?xpacket begin="\xef\xbb\xbf"?><x:xmpmeta>Turbine 7</x:xmpmeta>\n<?xpacket end="w"?>\n'


def drone_exif():
    """An EXIF block with a serial number, a maker note and a position, as a drone writes it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 3
    exif.get_ifd(0x8769)[0xA431] = "SERIAL-0815"
    exif.get_ifd(0x8769)[0x927C] = b"note" * 5
    gps = exif.get_ifd(0x8825)
    gps[0] = b"\2\3\0\0"
    gps[1] = "N"
    gps[2] = (54.0, 30.0, 12.345)
    gps[5] = 0
    gps[6] = 88.25
    return exif.tobytes().removeprefix(b"Exif\0\0")


def all_kinds():
    rng = np.random.default_rng(7)
    return Metadata(exif=drone_exif(), xmp=PACKET, icc=rng.bytes(3000))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("fmt", ["png", "jpeg", "webp"])
def test_every_block_comes_back_byte_for_byte(tools, limits, fmt, grey):
    data = write_picture(tools.pixels(grey=grey), fmt, metadata=all_kinds())
    assert read_picture(data, limits=limits).metadata == all_kinds()


@pytest.mark.parametrize("fmt", ["png", "jpeg", "webp", "ppm"])
def test_none_stays_none(tools, limits, fmt):
    data = write_picture(tools.pixels(), fmt, metadata=Metadata())
    assert read_picture(data, limits=limits).metadata == Metadata()


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_blocks_others_wrote_are_found(tools, limits, fmt):
    kinds = all_kinds()
    exif = kinds.exif if fmt != "TIFF" else None
    options = {"exif": b"Exif\0\0" + exif} if exif else {}
    # Pillow drops an orientation of AVIF's own boxes into the block; this one has none.
    if fmt == "AVIF":
        plain = Image.Exif()
        plain[0x010F] = "Maker"
        exif = plain.tobytes().removeprefix(b"Exif\0\0")
        options = {"exif": b"Exif\0\0" + exif}
    if fmt == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", PACKET, zip=True)
    elif fmt == "TIFF":
        options["tiffinfo"] = {700: PACKET}
    else:
        options["xmp"] = PACKET
    data = tools.encode(tools.pixels(), fmt, icc_profile=kinds.icc, **options)
    found = read_picture(data, limits=limits).metadata
    assert (found.exif, found.xmp, found.icc) == (exif, PACKET, kinds.icc)


def test_png_metadata_behind_the_pixels_is_found(tools, limits):
    data = tools.encode(tools.pixels(), "PNG")
    end = data.index(b"IEND") - 4
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET)
    late = tools.png_chunk(b"eXIf", drone_exif()) + tools.png_chunk(b"iTXt", text)
    found = read_picture(data[:end] + late + data[end:], limits=limits).metadata
    assert found == Metadata(exif=drone_exif(), xmp=PACKET)


def test_jpeg2000_boxes_are_found(tools, limits):
    data = tools.encode(tools.pixels(), "JPEG2000")
    codestream = data.index(b"jp2c") - 4
    bodies = (
        bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + PACKET,
        b"JpgTiffExif->JP2" + drone_exif(),
    )
    boxes = b"".join(struct.pack(">I", len(body) + 8) + b"uuid" + body for body in bodies)
    found = read_picture(data[:codestream] + boxes + data[codestream:], limits=limits).metadata
    assert found == Metadata(exif=drone_exif(), xmp=PACKET)


def test_what_is_longer_than_a_segment_goes_into_several(tools, limits):
    rng = np.random.default_rng(1)
    long = Metadata(exif=b"II*\0" + rng.bytes(150_000), icc=rng.bytes(200_000))
    data = write_picture(tools.pixels(), "jpeg", metadata=long)
    assert read_picture(data, limits=limits).metadata == long
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == long.icc


def test_pieces_of_a_profile_are_put_in_order(tools, limits):
    def piece(number, count, body):
        payload = b"ICC_PROFILE\0" + bytes((number, count)) + body
        return b"\xff\xe2" + struct.pack(">H", len(payload) + 2) + payload

    jpeg = tools.encode(tools.pixels(), "JPEG")
    shuffled = jpeg[:2] + piece(2, 2, b"world") + piece(1, 2, b"hello ") + jpeg[2:]
    assert read_picture(shuffled, limits=limits).metadata.icc == b"hello world"
    missing = jpeg[:2] + piece(1, 3, b"hello ") + piece(3, 3, b"!") + jpeg[2:]
    assert read_picture(missing, limits=limits).metadata.icc is None


def extended_xmp():
    extension = b"<x:xmpmeta><depth>" + b"0123456789" * 15_000 + b"</depth></x:xmpmeta>"
    digest = hashlib.md5(extension).hexdigest().upper().encode()
    standard = (
        b'<?xpacket begin=""?><x:xmpmeta xmpNote:HasExtendedXMP="' + digest + b'">'
        b'<rdf:RDF></rdf:RDF></x:xmpmeta><?xpacket end="w"?>\n'
    )
    return standard, extension


def test_extended_xmp_goes_through_jpeg_and_leaves_its_standard_packet_elsewhere(tools, limits):
    standard, extension = extended_xmp()
    metadata = Metadata(xmp=standard + extension)
    jpeg = write_picture(tools.pixels(), "jpeg", metadata=metadata)
    assert read_picture(jpeg, limits=limits).metadata == metadata
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.info["xmp"] == standard
    for fmt in ("png", "webp"):
        other = write_picture(tools.pixels(), fmt, metadata=metadata)
        assert read_picture(other, limits=limits).metadata.xmp == standard


def test_an_incomplete_extension_is_left_alone(tools, limits):
    standard, extension = extended_xmp()
    jpeg = write_picture(tools.pixels(), "jpeg", metadata=Metadata(xmp=standard + extension))
    changed = jpeg.replace(b"<depth>0123", b"<depth>9123")
    assert changed != jpeg
    assert read_picture(changed, limits=limits).metadata.xmp == standard


def test_an_unnamed_extension_is_no_extension():
    assert split_xmp(PACKET + PACKET) == (PACKET + PACKET, b"")


def test_xmp_too_long_for_jpeg_is_refused_with_the_way_out(tools):
    with pytest.raises(BadParameter, match="PNG"):
        write_picture(tools.pixels(), "jpeg", metadata=Metadata(xmp=b"<x/>" * 20_000))
    with pytest.raises(BadParameter, match="ICC"):
        write_picture(tools.pixels(), "jpeg", metadata=Metadata(icc=bytes(17_000_000)))


def test_keep_and_strip():
    assert select_metadata(all_kinds(), "keep") == all_kinds()
    assert select_metadata(all_kinds(), "strip") == Metadata()
    with pytest.raises(BadParameter, match="geo"):
        select_metadata(all_kinds(), "geo")


def test_geo_only_keeps_the_position_and_nothing_else():
    kept = select_metadata(all_kinds(), "geo-only")
    assert (kept.xmp, kept.icc) == (None, None)
    for secret in (b"Maker", b"SERIAL", b"note"):
        assert secret in all_kinds().exif
        assert secret not in kept.exif
    before, after = Image.Exif(), Image.Exif()
    before.load(b"Exif\0\0" + all_kinds().exif)
    after.load(b"Exif\0\0" + kept.exif)
    assert dict(after) == {0x8825: after[0x8825]}
    assert after.get_ifd(0x8825) == before.get_ifd(0x8825)
    assert after.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("exif", [None, b"", b"II*\0", b"nonsense", drone_exif()[:60]])
def test_geo_only_of_damage_is_nothing(exif):
    assert select_metadata(Metadata(exif=exif, icc=b"x"), "geo-only") == Metadata()
