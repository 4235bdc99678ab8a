"""Reading a `.blade` file of anyone: nothing in it is believed before it is checked."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from service.codec.container.entries import ChunkEntry, LosslessEntry, StreamEntry
from service.codec.container.fields import Reader
from service.codec.container.jpeg_fields import read_jpeg_steps
from service.codec.container.layout import (
    CRITICAL,
    MAX_INDEX,
    MAX_SIDE,
    MODEL_DIGEST_BYTES,
    MODES,
    SIGNATURE,
    VERSION,
    Chunk,
    Digest,
    Header,
    ModelReference,
)
from service.codec.container.stacks import StackEntry, assemble
from service.codec.container.stream_tables import read_lossless, read_streams
from service.codec.integrity import crc32c
from service.codec.patch_mask import PATCH, decode_mask
from service.errors import BadStream, UnsupportedStream
from service.pictures import Metadata

MAX_PIXELS = 120_000_000
_TABLED = (Chunk.LEVELS, Chunk.PATCHES, Chunk.LOSSLESS)
_CHUNKS = {chunk.value: chunk for chunk in Chunk}


@dataclass(frozen=True, eq=False)
class Blade:
    """A file whose index is sound; its streams may be missing or damaged.

    Attributes
    ----------
    header
        Geometry, model, qualities, mask.
    bands, patches
        Entries of the lossy layer's streams, as many as the geometry demands; or none.
    lossless
        Entries of the blade's lossless streams by the patch's number, ascending.
    stacks
        The stacks that these are in, if the lossless model has latents.
    chunks
        Every chunk by its label, in the file's order.
    index_length
        Bytes before the first chunk.
    declared_length
        Bytes that the whole file has.
    """

    data: memoryview
    header: Header
    bands: tuple[StreamEntry, ...]
    patches: tuple[StreamEntry, ...]
    lossless: dict[int, LosslessEntry]
    stacks: tuple[StackEntry, ...]
    chunks: dict[str, ChunkEntry]
    index_length: int
    declared_length: int

    @property
    def truncated(self) -> bool:
        """Whether the file ends before its index says so."""
        return len(self.data) < self.declared_length

    def band(self, number: int) -> memoryview | None:
        """Bytes of an upper-level stream, or None if they are not all there."""
        entry = self.bands[number]
        return self._bytes(entry.offset, entry.length)

    def patch(self, number: int) -> memoryview | None:
        """Bytes of a patch's stream, or None if they are not all there, or in a stack."""
        entry = self.patches[number]
        return None if entry.stack is not None else self._bytes(entry.offset, entry.length)

    def lossless_stream(self, number: int) -> memoryview | None:
        """Bytes of a blade patch's lossless stream, or None if they are not all there."""
        entry = self.lossless[number]
        return self._bytes(entry.offset, entry.length)

    def stack(self, number: int) -> memoryview | None:
        """Bytes of a stack, or None if they are not all there."""
        entry = self.stacks[number]
        return self._bytes(entry.offset, entry.length)

    def metadata(self) -> Metadata:
        """EXIF, XMP and ICC byte for byte; None where absent, cut off or damaged."""
        return Metadata(
            exif=self._sound(Chunk.EXIF), xmp=self._sound(Chunk.XMP), icc=self._sound(Chunk.ICC)
        )

    def digests(self) -> dict[Digest, bytes]:
        """SHA-256 digests; empty if absent, cut off or damaged."""
        body = self._sound(Chunk.DIGESTS) or b""
        known = {digest.value: digest for digest in Digest}
        return {
            known[body[at]]: body[at + 1 : at + 33]
            for at in range(0, len(body), 33)
            if body[at] in known
        }

    def check_chunks(self, labels: Container[str] | None = None) -> list[str]:
        """Labels of the chunks that are cut off, or whose bytes do not have their CRC32C.

        Of those named alone, if any are: then no byte of the others is read.
        """
        return [
            label
            for label, entry in self.chunks.items()
            if (labels is None or label in labels) and not self._is_sound(entry)
        ]

    def _bytes(self, offset: int, length: int) -> memoryview | None:
        if not length:  # nothing to miss, wherever the file ends
            return self.data[:0]
        if offset + length > len(self.data):
            return None
        return self.data[offset : offset + length]

    def _is_sound(self, entry: ChunkEntry) -> bool:
        body = self._bytes(entry.offset, entry.length)
        return body is not None and crc32c(body) == entry.check

    def _sound(self, chunk: Chunk) -> bytes | None:
        entry = self.chunks.get(chunk.label)
        if entry is None or not self._is_sound(entry):
            return None
        return bytes(self.data[entry.offset : entry.offset + entry.length])


def parse(data: bytes | memoryview, *, max_pixels: int = MAX_PIXELS) -> Blade:
    """Read a file's index.

    Parameters
    ----------
    data
        The file, or a prefix of it that holds the index. Not copied; keep it as it is.
    max_pixels
        Largest width times height to accept; looked at before anything is allocated.

    Returns
    -------
    Blade
        Header, and where everything lies.

    Raises
    ------
    BadStream
        If this is no `.blade` file, its index is cut short, damaged or inconsistent, the picture
        is too large, or something follows the file's end.
    UnsupportedStream
        If a newer reader is needed.
    """
    view = memoryview(data).cast("B").toreadonly()
    index, start = _checked_index(view)
    reader = Reader(index)
    header = _read_header(reader, max_pixels)
    tables: dict[Chunk, memoryview] = {}
    chunks: dict[str, ChunkEntry] = {}
    end, last_kind = start, 0
    while reader.left:
        entry, table = _read_chunk_entry(reader, end, last_kind)
        chunks[entry.label] = entry
        if entry.type in _CHUNKS:
            tables[_CHUNKS[entry.type]] = table
        end, last_kind = end + entry.length, entry.type & ~CRITICAL
    if len(view) > end:
        raise BadStream(f"{len(view) - end} bytes follow the end of the file.")
    band_count, patch_count = header.stream_counts
    bands = read_streams(Chunk.LEVELS, chunks, tables, band_count)
    may_lend = ~header.mask if header.stacks else None
    patches = read_streams(Chunk.PATCHES, chunks, tables, patch_count, may_lend)
    lossless, fillers = read_lossless(header, chunks, tables)
    return Blade(
        data=view,
        header=header,
        bands=bands,
        patches=patches,
        lossless=lossless,
        stacks=assemble(lossless, fillers, patches),
        chunks=chunks,
        index_length=start,
        declared_length=end,
    )


def _checked_index(view: memoryview) -> tuple[memoryview, int]:
    """Check signature, version, length and CRC; return the index and where the chunks start."""
    signature = bytes(view[: len(SIGNATURE)])
    if signature != SIGNATURE:
        if signature[1:4] == SIGNATURE[1:4]:
            raise BadStream("The file was changed on its way by a text-mode transfer, or cut off.")
        raise BadStream("This is not a .blade file.")
    reader = Reader(view, len(SIGNATURE))
    version = reader.unsigned(1)
    if version != VERSION:
        raise UnsupportedStream(f"The file has format version {version}; this reads {VERSION}.")
    length = reader.varint()
    if length > MAX_INDEX:
        raise BadStream(f"The index claims {length} bytes; no index has more than {MAX_INDEX}.")
    index = reader.take(length)
    check = crc32c(view[: reader.position])
    if reader.unsigned(4) != check:
        raise BadStream("The index is damaged: its CRC32C does not match.")
    return index, reader.position


def _read_header(reader: Reader, max_pixels: int) -> Header:
    flags, mode = reader.unsigned(1), reader.unsigned(1)
    if flags > 15:
        raise UnsupportedStream(f"The file uses features of a newer version (flags {flags:#x}).")
    if mode >= len(MODES):
        raise UnsupportedStream(f"The file has mode {mode}, which this version cannot read.")
    width, height = reader.varint(), reader.varint()
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE) or width * height > max_pixels:
        raise BadStream(f"The file claims {width}x{height} pixels.", limit=max_pixels)
    quality64 = roi_quality64 = top_quality = 0
    band_rows, model = 1, None
    if not flags & 2:
        quality64, roi_quality64, top_quality = (reader.unsigned(width) for width in (2, 2, 1))
        band_rows = reader.varint()
        model = _read_reference(reader)
    lossless_model = _read_reference(reader) if mode else None
    if flags & 8 and not mode:
        raise BadStream("The index is inconsistent: coefficients in mode lossy.")
    jpeg = read_jpeg_steps(reader) if flags & 8 else None
    mask, used = decode_mask(
        reader.data[reader.position :], -(-height // PATCH), -(-width // PATCH)
    )
    reader.take(used)
    try:
        return Header(
            width=width,
            height=height,
            grey=bool(flags & 1),
            mode=MODES[mode],
            model=model,
            quality64=quality64,
            roi_quality64=roi_quality64,
            top_quality=top_quality,
            mask=mask,
            band_rows=band_rows,
            lossless_model=lossless_model,
            stacks=bool(flags & 4),
            jpeg=jpeg,
        )
    except ValueError as error:
        raise BadStream(f"The index is inconsistent: {error}.") from None


def _read_reference(reader: Reader) -> ModelReference:
    name, version = reader.text(), reader.text()
    return ModelReference(name, version, bytes(reader.take(MODEL_DIGEST_BYTES)))


def _read_chunk_entry(reader: Reader, offset: int, last_kind: int) -> tuple[ChunkEntry, memoryview]:
    """Read one entry of the chunk table: where the chunk lies, and its own table."""
    kind = reader.unsigned(1)
    length, check = reader.varint(), reader.unsigned(4)
    table = reader.take(reader.varint())
    if kind & ~CRITICAL <= last_kind:
        raise BadStream("The chunks are out of order.")
    chunk = _CHUNKS.get(kind)
    if chunk is None:
        if kind ^ CRITICAL in _CHUNKS:
            raise BadStream(f"Chunk {kind:#04x} has the wrong critical bit.")
        if kind & CRITICAL:
            raise UnsupportedStream(f"The file needs a newer version (critical chunk {kind:#04x}).")
    elif chunk not in _TABLED and len(table):
        raise BadStream(f"Chunk {chunk.label} has a table.")
    if chunk is Chunk.DIGESTS and length % 33:
        raise BadStream("The digests have an impossible length.")
    label = chunk.label if chunk else f"unknown-{kind:02x}"
    return ChunkEntry(label, kind, offset, length, check), table
