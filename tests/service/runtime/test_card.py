"""A card names what it pins; a file is known by all that decoding depends on, not by prose."""

from __future__ import annotations

import pytest

from service.errors import ModelUnavailable
from service.runtime.card import DIGEST_BYTES, read_card
from tests.service.runtime.conftest import Copy


def test_a_shipped_card_is_sound(copy: Copy) -> None:
    card = read_card(copy.folder)
    assert (card.name, card.version, card.kind) == ("lite", "1", "lossy")
    assert len(card.digest) == DIGEST_BYTES
    assert sum(group.channels for group in card.lossy.groups) == card.lossy.channels
    loaded = {path.name for path in copy.folder.iterdir()}
    assert loaded - set(card.files) == {"model.json", "known_answers.npz"}


def test_prose_does_not_change_the_digest(copy: Copy) -> None:
    before = read_card(copy.folder).digest
    copy.change_card(lambda card: card.update(description="another", version="7", licence="none"))
    assert read_card(copy.folder).digest == before


@pytest.mark.parametrize("what", ["halo", "file", "group"])
def test_whatever_decoding_depends_on_does(copy: Copy, what: str) -> None:
    before = read_card(copy.folder).digest
    if what == "halo":
        copy.change_card(lambda card: card["lossy"].update(synthesis_halo=256))
    elif what == "group":
        copy.change_card(lambda card: card["lossy"]["groups"][0].update(channels=11))
    else:
        (copy.folder / "means.onnx").write_bytes(b"another")
        copy.pin("means.onnx")
    assert read_card(copy.folder).digest != before


@pytest.mark.parametrize("name", ["analysis.onnx", "step_0.integer.onnx", "tables.npz"])
def test_a_changed_file_is_refused(copy: Copy, name: str) -> None:
    data = bytearray((copy.folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy.folder / name).write_bytes(data)
    with pytest.raises(ModelUnavailable, match=name):
        read_card(copy.folder)


def test_a_missing_file_is_refused(copy: Copy) -> None:
    (copy.folder / "synthesis.onnx").unlink()
    with pytest.raises(ModelUnavailable, match=r"synthesis\.onnx"):
        read_card(copy.folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("lossy"),
        lambda card: card.update(extra=1),
        lambda card: card.update(name="../lite"),
        lambda card: card.update(version="one"),
        lambda card: card["files"].update({"../../etc/passwd": "0" * 64}),
        lambda card: card["files"].update({"analysis.onnx": "0" * 63}),
        lambda card: card["lossy"].update(groups=[]),
        lambda card: card["lossy"].update(synthesis_halo=-16),
        lambda card: card["lossy"].update(synthesis_halo=272),
        lambda card: card["lossy"].update(analysis_halo=50),
        *(
            lambda card, groups=groups: card["lossy"].update(predicted_groups=groups)
            for groups in ([], [0, 1], [3, 4, 1, 2], [1, 1], [5, 6, 7, 8], [-2, -1])
        ),
        lambda card: card["lossy"].update(predicted_groups=[1], mean_channels=13),
    ],
)
def test_a_malformed_card_is_refused(copy: Copy, change) -> None:
    copy.change_card(change)
    with pytest.raises(ModelUnavailable):
        read_card(copy.folder)


@pytest.mark.parametrize("groups", [(1,), (2, 4), (1, 2, 5, 6)])
def test_groups_with_predicted_means_change_the_digest(copy: Copy, groups: tuple[int, ...]) -> None:
    before = read_card(copy.folder).digest
    copy.change_card(lambda card: card["lossy"].update(predicted_groups=list(groups)))
    card = read_card(copy.folder)
    assert card.lossy.predicted_groups == groups
    assert card.digest != before


@pytest.mark.parametrize("text", ["", "{", "[]", "\0"])
def test_what_is_no_card_is_refused(copy: Copy, text: str) -> None:
    (copy.folder / "model.json").write_text(text)
    with pytest.raises(ModelUnavailable):
        read_card(copy.folder)
