from models.networks.jpeg_groups import coefficient_groups
from service.runtime.jpeg_model import CHANNELS


def test_every_coefficient_is_coded_once():
    found = [channel for group in coefficient_groups() for channel in group.channels]
    assert sorted(found) == list(range(CHANNELS))


def test_means_come_from_what_is_known_before():
    known: set[int] = set()
    for group in coefficient_groups():
        assert known.issuperset(group.inputs)
        assert not (group.differences and (group.inputs or len(group.channels) > 1))
        known |= set(group.channels)


def test_what_a_sampling_has_comes_first():
    groups = coefficient_groups()
    phases = [{channel // 64 % 4 for channel in group.channels} for group in groups]
    grey = [all(channel < 256 for channel in group.channels) for group in groups]
    assert grey == [True] * 11 + [False] * 12
    assert all(found == {0} for found in phases[11:17])
    assert all(found == {2} for found in phases[17:20])
    assert all(found == {1, 3} for found in phases[20:])
