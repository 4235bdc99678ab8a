"""What the worker needs of a codec, and the codec it gets unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from service.codec.options import Checkpoint, CompressOptions, DecompressOptions, Mask
from service.errors import ModelUnavailable
from service.settings import Settings

if TYPE_CHECKING:
    from service.codec.decoder import Decoded
    from service.codec.encoder import Compressed
    from service.pictures import Picture
    from service.runtime.zoo import Zoo
    from service.segmentation.pipeline import Segmenter

# Where the worker finds its codec, as ``module:function``; the function takes the settings.
DEFAULT_FACTORY = "service.api.worker.codec:open_codec"


class Encodes(Protocol):
    """The encoder, as the worker calls it."""

    def compress(
        self, picture: Picture, mask: Mask, options: CompressOptions, checkpoint: Checkpoint
    ) -> Compressed:
        """Code a picture; ``checkpoint`` is called between tiles and may raise."""


class Decodes(Protocol):
    """The decoder, as the worker calls it."""

    def decompress(
        self, data: bytes, options: DecompressOptions, checkpoint: Checkpoint
    ) -> Decoded:
        """Decode a file or a region of it; ``checkpoint`` is called between tiles."""


class HoldsModels(Protocol):
    """The zoo, as the worker asks it."""

    @property
    def provider(self) -> str:
        """Where the networks run: ``cpu`` or ``cuda``."""

    def models(self) -> list[dict[str, object]]:
        """Name, version and digest of each model."""

    def health(self) -> dict[str, object]:
        """Tell what operations want to see; JSON-able."""


@dataclass(frozen=True)
class Codec:
    """Everything that the worker calls; ``segmenter`` is none where no model finds the blade."""

    encoder: Encodes
    decoder: Decodes
    inspect: Callable[[bytes], dict[str, object]]
    zoo: HoldsModels
    segmenter: Segmenter | None = None


def open_codec(settings: Settings) -> Codec:
    """Open the zoo, check known answers of the default models on this machine, put a codec on it.

    What the first request would else wait for is done here: the worker is not ready before.

    Raises
    ------
    ModelUnavailable
        A model does not give its known answers on the provider in use.
    """
    # Here, not above: the HTTP process imports this module too and must stay small.
    from service.codec.decoder import Decoder
    from service.codec.encoder import Encoder
    from service.codec.inspection import inspect
    from service.segmentation.opening import open_segmenter

    zoo = _checked_zoo(settings)
    _compile(zoo)
    return Codec(
        encoder=Encoder(zoo),
        decoder=Decoder(zoo, settings.max_pixels),
        inspect=lambda data: inspect(data, zoo, max_pixels=settings.max_pixels),
        zoo=zoo,
        segmenter=open_segmenter(zoo, settings),
    )


def _checked_zoo(settings: Settings) -> Zoo:
    """The zoo with its default models loaded; on the CPU where CUDA gets the lossless one wrong.

    The first blade would be no time to find that out.
    """
    from service.runtime.zoo import Zoo

    zoo = Zoo.open(settings)
    try:
        _load_lossless(zoo)
    except ModelUnavailable as error:
        if settings.provider != "auto" or zoo.provider == "cpu":
            raise
        zoo = Zoo.open(settings.model_copy(update={"provider": "cpu"}))
        zoo.fallback_reason = str(error)
        _load_lossless(zoo)
    return zoo


def _load_lossless(zoo: Zoo) -> None:
    """Load the lossless models that are taken by default, as far as they are there."""
    if zoo.has_lossless:
        zoo.lossless()
    zoo.lossless_of_jpegs()


def _compile(zoo: Zoo) -> None:
    """Compile what the models that are taken by default run besides networks."""
    from service.pictures.jpeg_entropy import compile_decoder
    from service.runtime.trellis import compile_search

    if zoo.by_name(None).anatomy.quantiser == "trellis":
        compile_search()
    if zoo.lossless_of_jpegs() is not None:
        compile_decoder()


def load_factory(path: str) -> Callable[[Settings], Codec]:
    """Import the factory named ``module:function``.

    Raises
    ------
    ValueError, ImportError, AttributeError
        The path names no function.
    """
    module, separator, name = path.partition(":")
    if not separator:
        raise ValueError(f"{path!r} is not of the form module:function")
    return cast(Callable[[Settings], Codec], getattr(import_module(module), name))
