import pytest
import torch


@pytest.fixture(autouse=True)
def alone_and_repeatable():
    """One thread, so that tests don't fight over cores; the same random numbers each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
