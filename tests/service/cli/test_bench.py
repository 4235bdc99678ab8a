import json
from pathlib import Path

from service.cli.peers import PEERS


def test_bench_reports_codec_and_peers_as_one_json_object(bladestream, codec, photo: Path) -> None:
    run = bladestream("bench", photo, photo, "--json")
    assert run.status == 0
    report = json.loads(run.out)
    assert report["provider"] == "cpu"
    assert report["peak_memory_bytes"] > 10e6
    assert len(report["pictures"]) == 2
    row = report["pictures"][0]
    assert (row["width"], row["height"], row["bytes"]) == (24, 16, 100)
    assert row["psnr"] is None  # the stand-in gives back what it was given
    assert row["seconds"]["compress"]["entropy"] == 0.5
    assert row["seconds"]["decompress"]["total"] > 0
    assert set(row["peers"]) == {peer.name for peer in PEERS}
    for result in row["peers"].values():
        assert result["bpp"] == 8 * result["bytes"] / (24 * 16)
        assert result["psnr"] > 5


def test_bench_codes_without_a_mask_at_the_default_quality(bladestream, codec, photo: Path) -> None:
    assert bladestream("bench", photo, "--json").status == 0
    assert codec.calls[0].mask == "none"
    assert codec.calls[0].options.quality is None


def test_bench_prints_a_table_for_people(bladestream, codec, photo: Path) -> None:
    run = bladestream("bench", photo)
    assert run.status == 0
    for word in ("bladestream lite", "avif", "jpeg2000", "MB/s", "peak memory"):
        assert word in run.out
