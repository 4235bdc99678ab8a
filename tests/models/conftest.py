import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def alone():
    """One thread, so that tests don't fight over cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def repeatable():
    """The same random numbers each time."""
    torch.manual_seed(0)
