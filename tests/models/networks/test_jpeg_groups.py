from models.networks.jpeg_groups import CHANNELS, coefficient_groups, zigzag


def test_the_zigzag_goes_diagonal_by_diagonal():
    order = zigzag()
    assert order[:10] == (0, 1, 8, 16, 9, 2, 3, 10, 17, 24)
    assert order[-3:] == (55, 62, 63)
    assert sorted(order) == list(range(64))


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
