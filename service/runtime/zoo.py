"""The zoo: every model on disk, loaded when first used, found again by its digest."""

from __future__ import annotations

import threading
from pathlib import Path

from service.errors import ModelUnavailable, UnknownModel
from service.runtime.card import Card, read_card
from service.runtime.known_answers import check_known_answers, read_known_answers
from service.runtime.lossy_model import LossyModel
from service.runtime.sessions import Device, choose_device
from service.settings import Settings


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
        self._cards: dict[bytes, Card] = {}
        self._loaded: dict[bytes, LossyModel] = {}
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

    @property
    def provider(self) -> str:
        """``cpu`` or ``cuda``."""
        return self.device.provider

    def by_name(self, name: str | None) -> LossyModel:
        """The newest version of a model; None is the default.

        Raises
        ------
        UnknownModel, ModelUnavailable
        """
        wanted = name or self.default
        versions = [card for card in self._cards.values() if card.name == wanted]
        if not versions:
            known = ", ".join(sorted({card.name for card in self._cards.values()}))
            raise UnknownModel(f"There is no model {wanted!r}; there are: {known}.")
        return self.by_digest(max(versions, key=lambda card: int(card.version)).digest)

    def by_digest(self, digest: bytes, name: str = "?") -> LossyModel:
        """The model that a file names.

        Raises
        ------
        UnknownModel
            It is not in this zoo.
        ModelUnavailable
            It cannot run here, or gets its known answers wrong.
        """
        card = self._cards.get(digest)
        if card is None:
            raise UnknownModel(
                f"The file needs model {name!r} with digest {digest.hex()}, which is not here.",
                digest=digest.hex(),
            )
        with self._lock:
            if digest not in self._loaded:
                model = LossyModel(self._folders[digest], card, self.device)
                check_known_answers(model, read_known_answers(self._folders[digest]))
                self._loaded[digest] = model
            return self._loaded[digest]

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
        for digest, model in list(self._loaded.items()):
            check_known_answers(model, read_known_answers(self._folders[digest]))

    def models(self) -> list[dict[str, object]]:
        """The cards, JSON-able, newest version of a name first."""
        cards = sorted(self._cards.values(), key=lambda card: (card.name, -int(card.version)))
        return [
            {
                "name": card.name,
                "version": card.version,
                "digest": card.digest.hex(),
                "default": card.name == self.default,
                "loaded": card.digest in self._loaded,
                **card.model_dump(mode="json", exclude={"name", "version", "files"}),
            }
            for card in cards
        ]

    def health(self) -> dict[str, object]:
        """Provider and models, JSON-able."""
        loaded = [f"{m.card.name}/{m.card.version}" for m in list(self._loaded.values())]
        return {
            "provider": self.provider,
            "provider_fallback": self.fallback_reason,
            "models_loaded": sorted(loaded),
        }
