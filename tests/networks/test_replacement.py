"""Which settings and descriptions make another network."""

import dataclasses

from networks.network_folder import NetworkFolder, use_description_of
from networks.replacement import different_settings
from settings import Config, UserInput, description
from settings.description import SHIP, Description, Input, Output

T1 = Output("T1", "kN", high="FairTen1 * 1e-3", low="T1", label="Line 1")
PAIR = Description("MoorPy", "MoorDyn", "here/{}.csv", "here/{}.out", (T1, Input("Wave", "m", file="here/{}.wav")))


def differences(pair: Description) -> list[str]:
    """Between a network that was trained with PAIR and one of this description."""
    frozen = Config(user=UserInput(description=PAIR)).as_dict()
    return list(different_settings(frozen, UserInput(description=pair)).values())


def test_another_description_is_named_by_the_channels_that_differ():
    n = Output("T1", "N", high="FairTen1", low="T1")
    assert differences(dataclasses.replace(PAIR, channels=(n,))) == [
        "channel T1 was unit kN, high FairTen1 * 1e-3, low T1 and is now unit N, high FairTen1, low T1",
        "channel Wave was unit m, file {}.wav and is now not there",
    ]
    assert differences(dataclasses.replace(PAIR, high_name="OrcaFlex")) == [
        "sources was MoorPy and MoorDyn and is now MoorPy and OrcaFlex"
    ]


def test_where_the_files_lie_and_what_channels_are_called_make_no_other_network():
    channels = (dataclasses.replace(T1, label="Tension"), Input("Wave", "m", file="there/{}.wav"))
    assert differences(Description("MoorPy", "MoorDyn", "there/{}.csv", "there/{}.out", channels)) == []


def test_the_studies_use_the_description_and_the_time_scale_of_a_network(tmp_path):
    folder = NetworkFolder(tmp_path)
    try:
        settings = Config(user=UserInput(description=PAIR)).as_dict()
        folder.write_metadata({"settings": settings, "network": {"time_scale": 0.1}})
        use_description_of([folder])
        assert description.in_use() == PAIR and description.time_scale() == 0.1
        use_description_of([NetworkFolder(tmp_path / "none")])
        assert description.in_use() == SHIP and description.time_scale() == 1.0
    finally:
        description.use(SHIP)
