"""The zoo: every model on disk, loaded when first used, found again by its digest."""

from __future__ import annotations

import threading
from pathlib import Path

from service.errors import ModelUnavailable, UnknownModel
from service.runtime.card import (
    AnyCard,
    JpegCard,
    LatentCard,
    LosslessModelCard,
    LossyModelCard,
    SegmentationModelCard,
    read_card,
)
from service.runtime.jpeg_model import JpegModel
from service.runtime.known_answers import check_known_answers, read_known_answers
from service.runtime.latent_model import LatentModel
from service.runtime.lossless_answers import (
    AnyLossless,
    check_lossless_answers,
    read_lossless_answers,
)
from service.runtime.lossless_model import LosslessModel
from service.runtime.lossy_model import LossyModel
from service.runtime.segmentation_answers import (
    check_segmentation_answers,
    read_segmentation_answers,
)
from service.runtime.segmentation_model import SegmentationModel
from service.runtime.sessions import Device, choose_device
from service.settings import Settings

DEFAULT_LOSSLESS = "pyramid"
"""The lossless model of new files."""
JPEG_LOSSLESS = "jpeg-dct"
"""The one of those that come as a JPEG whose coefficients can be kept."""
DEFAULT_SEGMENTATION = "bunet"
"""The model that finds the blade."""


class Zoo:
    """Models under ``folder/NAME/VERSION``.

    Old versions stay, so that old files decode; new files use the highest version of a name. A
    model is used only after its known answers came out right on this device.

    Raises
    ------
    ModelUnavailable
        A card or a file is missing or not what the card says.
    """

    def __init__(self, folder: Path, device: Device, default: str) -> None:
        self.device = device
        self.default = default
        self._folders: dict[bytes, Path] = {}
        self._cards: dict[bytes, AnyCard] = {}
        self._lossy: dict[bytes, LossyModel] = {}
        self._lossless: dict[bytes, AnyLossless] = {}
        self._segmentation: dict[bytes, SegmentationModel] = {}
        self._lock = threading.Lock()
        for path in sorted(folder.glob("*/*/model.json")):
            card = read_card(path.parent)
            self._folders[card.digest] = path.parent
            self._cards[card.digest] = card
        if not self._cards:
            raise ModelUnavailable(f"There is no model in {folder}.")

    @classmethod
    def open(cls, settings: Settings) -> Zoo:
        """The zoo of the settings, its default model loaded and checked.

        With ``provider=auto``, a CUDA device that cannot run the default model, or gets its known
        answers wrong, is left for the CPU; ``health`` then says so.
        """
        device = choose_device(settings.provider, settings.threads)
        zoo = cls(settings.zoo_path, device, settings.default_model)
        try:
            zoo.by_name(None)
        except ModelUnavailable as error:
            if settings.provider != "auto" or device.provider == "cpu":
                raise
            zoo = cls(settings.zoo_path, Device("cpu", settings.threads), settings.default_model)
            zoo.fallback_reason = str(error)
            zoo.by_name(None)
        return zoo

    fallback_reason: str | None = None
    """Why CUDA was left for the CPU, if it was."""
    segmentation_failure: str | None = None
    """Why the blade cannot be found here, once that was tried in vain."""

    @property
    def provider(self) -> str:
        """``cpu`` or ``cuda``."""
        return self.device.provider

    def by_name(self, name: str | None) -> LossyModel:
        """The newest version of a lossy model; None is the default.

        Raises
        ------
        UnknownModel, ModelUnavailable
        """
        return self.by_digest(self._newest("lossy", name or self.default))

    def by_digest(self, digest: bytes, name: str = "?") -> LossyModel:
        """The lossy model that a file names.

        Raises
        ------
        UnknownModel
            It is not in this zoo.
        ModelUnavailable
            It cannot run here, or gets its known answers wrong.
        """
        card = self._cards.get(digest)
        if not isinstance(card, LossyModelCard):
            raise _not_here("lossy", digest, name)
        with self._lock:
            if digest not in self._lossy:
                model = LossyModel(self._folders[digest], card, self.device)
                check_known_answers(model, read_known_answers(self._folders[digest]))
                self._lossy[digest] = model
            return self._lossy[digest]

    def lossless(self, name: str | None = None) -> AnyLossless:
        """The newest version of a lossless model; None is the default.

        Raises
        ------
        UnknownModel, ModelUnavailable
        """
        return self.lossless_by_digest(self._newest("lossless", name or DEFAULT_LOSSLESS))

    def lossless_of_jpegs(self) -> JpegModel | None:
        """The newest model of a JPEG's coefficients; None if there is none.

        Raises
        ------
        ModelUnavailable
            It cannot run here, or gets its known answers wrong.
        """
        if not any(_is_jpeg_default(card) for card in self._cards.values()):
            return None
        model = self.lossless(JPEG_LOSSLESS)
        return model if isinstance(model, JpegModel) else None

    def lossless_by_digest(self, digest: bytes, name: str = "?") -> AnyLossless:
        """The lossless model that a file names.

        Raises
        ------
        UnknownModel
            It is not in this zoo.
        ModelUnavailable
            It cannot run here, or gets its known answers wrong.
        """
        card = self._cards.get(digest)
        if not isinstance(card, LosslessModelCard):
            raise _not_here("lossless", digest, name)
        with self._lock:
            if digest not in self._lossless:
                model = _lossless_kind(card)(self._folders[digest], card, self.device)
                check_lossless_answers(model, *read_lossless_answers(self._folders[digest]))
                self._lossless[digest] = model
            return self._lossless[digest]

    def segmentation(self, name: str | None = None) -> SegmentationModel:
        """The newest version of a model that finds the blade; None is the default.

        Raises
        ------
        UnknownModel
            It is not in this zoo.
        ModelUnavailable
            It cannot run here, or gets its known answers wrong.
        """
        digest = self._newest("segmentation", name or DEFAULT_SEGMENTATION)
        card = self._cards[digest]
        assert isinstance(card, SegmentationModelCard)  # noqa: S101 - its kind says so
        with self._lock:
            if digest not in self._segmentation:
                model = SegmentationModel(self._folders[digest], card, self.device)
                check_segmentation_answers(model, *read_segmentation_answers(self._folders[digest]))
                self._segmentation[digest] = model
            return self._segmentation[digest]

    def segmentation_if_usable(self) -> SegmentationModel | None:
        """The default model that finds the blade; None if it cannot be used, and `health` says why.

        Everything else works without one.
        """
        try:
            return self.segmentation()
        except (UnknownModel, ModelUnavailable) as error:
            self.segmentation_failure = error.detail
            return None

    @property
    def has_lossless(self) -> bool:
        """Whether there is a lossless model to take by default."""
        return any(
            card.kind == "lossless" and card.name == DEFAULT_LOSSLESS
            for card in self._cards.values()
        )

    def _newest(self, kind: str, name: str) -> bytes:
        cards = [card for card in self._cards.values() if card.kind == kind]
        versions = [card for card in cards if card.name == name]
        if not versions:
            known = ", ".join(sorted({card.name for card in cards})) or "none"
            raise UnknownModel(f"There is no {kind} model {name!r}; there are: {known}.")
        return max(versions, key=lambda card: int(card.version)).digest

    def knows(self, digest: bytes) -> bool:
        """Whether a file's model is here."""
        return digest in self._cards

    def check_known_answers(self) -> None:
        """Run the known answers of every loaded model again.

        Raises
        ------
        ModelUnavailable
            A network's integers came out different.
        """
        for digest, lossy in list(self._lossy.items()):
            check_known_answers(lossy, read_known_answers(self._folders[digest]))
        for digest, lossless in list(self._lossless.items()):
            check_lossless_answers(lossless, *read_lossless_answers(self._folders[digest]))
        for digest, network in list(self._segmentation.items()):
            check_segmentation_answers(network, *read_segmentation_answers(self._folders[digest]))

    def models(self) -> list[dict[str, object]]:
        """The cards, JSON-able, newest version of a name first."""
        defaults = {
            "lossy": self.default,
            "lossless": DEFAULT_LOSSLESS,
            "segmentation": DEFAULT_SEGMENTATION,
        }
        loaded = {*self._lossy, *self._lossless, *self._segmentation}
        cards = sorted(self._cards.values(), key=lambda card: (card.name, -int(card.version)))
        return [
            {
                "name": card.name,
                "version": card.version,
                "digest": card.digest.hex(),
                "default": card.name == defaults[card.kind]
                and card.digest == self._newest(card.kind, card.name),
                "loaded": card.digest in loaded,
                **card.model_dump(mode="json", exclude={"name", "version", "files"}),
            }
            for card in cards
        ]

    def health(self) -> dict[str, object]:
        """Provider and models, JSON-able."""
        cards: list[AnyCard] = [model.card for model in list(self._lossy.values())]
        cards += [model.card for model in list(self._lossless.values())]
        cards += [model.card for model in list(self._segmentation.values())]
        loaded = [f"{card.name}/{card.version}" for card in cards]
        return {
            "provider": self.provider,
            "provider_fallback": self.fallback_reason,
            "models_loaded": sorted(loaded),
            "segmentation": bool(self._segmentation),
            "segmentation_failure": self.segmentation_failure,
        }


def _lossless_kind(card: LosslessModelCard) -> type[AnyLossless]:
    if isinstance(card.lossless, JpegCard):
        return JpegModel
    return LatentModel if isinstance(card.lossless, LatentCard) else LosslessModel


def _is_jpeg_default(card: AnyCard) -> bool:
    return card.kind == "lossless" and card.name == JPEG_LOSSLESS


def _not_here(kind: str, digest: bytes, name: str) -> UnknownModel:
    return UnknownModel(
        f"The file needs the {kind} model {name!r} with digest {digest.hex()}, which is not here.",
        digest=digest.hex(),
    )
