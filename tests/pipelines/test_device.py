"""Devices that come from outside."""

import pytest
import torch

from colorizer.errors import ColorizerError, quote
from colorizer.pipelines.device import checked_device


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), -1, None])
def test_the_cpu_is_there(device: object) -> None:
    assert checked_device(device) == device


@pytest.mark.parametrize(
    "device",
    [
        *(
            "meta",
            "hpu",
            "privateuseone",
            "vulkan",
            "xla",
            "lazy",
            "mkldnn",
            "toaster",
            "",
            "cpu:x",
            "cuda:999",
            "x" * 5000,
        ),
        *(torch.device("meta"), 999, 10**5000, 1.5, True, ["cpu"]),
    ],
    ids=lambda device: quote(device)[:20],
)
def test_others_are_refused_in_one_line(device: object) -> None:
    with pytest.raises(ColorizerError, match="device") as caught:
        checked_device(device)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
