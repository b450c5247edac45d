import pytest

from colorizer.approaches import create_model
from colorizer.errors import ColorizerError
from colorizer.pipelines.options import check_options, option_names, options_for


def test_each_model_gets_the_options_it_takes_and_none_may_be_for_nobody():
    dense, colorful = create_model("dense", width=1 / 64), create_model("colorful", width=1 / 64)
    assert option_names(dense) == ["saturation"]
    options = {"saturation": 1.2, "resolution": 64, "temperature": 0.4}
    assert options_for(dense, options) == {"saturation": 1.2}
    assert options_for(colorful, options) == options
    check_options({"dense": dense, "colorful": colorful}, options)
    joint = create_model("joint", width=1 / 64, resolution=32, scenes=["beach"])
    assert options_for(joint, {"temperature": 0.4, "scene": "beach"}) == {"scene": "beach"}
    with pytest.raises(ColorizerError, match=r"option resolution: floor has saturation\."):
        check_options({"floor": dense}, options)
