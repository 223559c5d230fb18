"""Figures and the page of another pair of sources than SimpleCode and LAMP: its names, and no word of ships."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import metrics
import plotting
from figures import comparison_figure, fleet_figures, next_runs_figure, training_figures, trust_figures
from pages import report_page, sections
from settings import Config, Plotting, description
from settings.channels import validation_error
from settings.description import Description, Input, Output
from system.files import write_table

LOW, HIGH, STYLE = "MoorPy", "Two-phase computation", Plotting()
LINES = (
    Output("T1", "kN m", high="a", low="a", label="Tension of line T1 at the fairlead", mean="removed"),
    Output("Strain", "-", high="b", low="b"),
    Output("p", "Pa", high="c", low="c", label="Pressure"),
)
PAIR = Description(LOW, HIGH, "low/{}.csv", "high/{}.csv", (*LINES, Input("Offset", "m")))
NAMES, SIZES = [line.name for line in LINES], (900.0, 1.2e-6, 3.2e8)
OF_SHIPS = re.compile(r"(?i)simplecode|\blamp|\bships?\b|motion|heave|\bsea|predict_sc|wave|encounter")
TIME = np.arange(0.0, 300.0, 0.25)


@pytest.fixture(autouse=True)
def of_pair():
    description.use(PAIR)


def record() -> metrics.Motions:
    rng = np.random.default_rng(3)
    high = np.array(SIZES) * np.sin(TIME[:, None] / [1.3, 1.1, 0.9] + rng.random(3))
    return metrics.Motions(high, 0.8 * high, 0.99 * high)


def rows_of(sources=(HIGH, LOW, "LSTM"), **values) -> pd.DataFrame:
    """A row for each channel and source; values: (number of rows,) times the channel's size."""
    rows = [
        {"channel": name, "source": source, **{key: size * value for key, value in values.items()}}
        for name, size in zip(NAMES, SIZES, strict=True)
        for source in sources
    ]
    table = pd.DataFrame(rows)
    return table.explode(list(values), ignore_index=True).astype(dict.fromkeys(values, float)) if values else table


def of_records() -> list[Figure]:
    one, looks = record(), (NAMES, STYLE)
    maxima = metrics.Motions(*(metrics.record_maxima(values, NAMES) for values in one))
    return [
        plotting.prediction_figure(TIME, one, *looks, "011 (test)"),
        plotting.error_figure(TIME, one, *looks, "011 (test)"),
        plotting.maxima_figure({"train": [maxima], "val": [], "test": []}, *looks),
        plotting.histogram_figure({"train": [one], "val": [], "test": []}, *looks),
        training_figures.evolution_figure(TIME, one.lamp, one.simple, {3: one.network}, 3, *looks, "evolution"),
    ]


def of_tables() -> list[Figure]:
    frequency = np.linspace(0.1, 2, 20)
    empty = dict.fromkeys(("wave_frequency", "rao", "rao_per_slope", "phase", "coherence"), np.nan)
    spectra = rows_of(spectrum=frequency, lower=0 * frequency, upper=frequency).assign(**empty)
    spectra["frequency"] = np.tile(frequency, len(spectra) // len(frequency))
    amplitudes = rows_of(level=frequency).assign(per_hour=3.0, rayleigh=2.0)
    pairs = pd.DataFrame({f"{kind}_{name}": [0.9, 0.8] for name in NAMES for kind in ("correlation", "ratio")})
    pairs = pairs.assign(fit=0.9, wave_fit_lamp=np.nan, odd=["", "lag"])
    names = dict.fromkeys(("nrmse", "nrmse_min", "nrmse_max"), 0.1) | {"networks": 1, "left_out": "", "set": "val"}
    compared = rows_of((LOW, "a")).rename(columns={"source": "name"}).assign(**names)
    compared["rank"] = compared["name"].map({"a": 1})
    means = rows_of((HIGH,), estimate=1.0, lamp=1.1, simplecode=0.9).assign(sea_state="all", statistic="mean_ssa")
    bounds = [f"{name}{side}" for name in ("", "lamp_", "simplecode_") for side in ("lower", "upper")]
    means = means.assign(side="", **dict.fromkeys(bounds, np.nan))
    groups = pd.concat([means.assign(sea_state=str(place)) for place in range(9)])
    factors, choice = pd.DataFrame(np.eye(3), columns=[*next_runs_figure.LABELS]), pd.DataFrame({"drawn": [False]})
    losses = {"epoch": [1, 2], "loss": 1.0, "val_loss": 1.0, "learning_rate": 0.01, "elapsed_s": [1.0, 2.0]}
    history = pd.DataFrame(losses | {validation_error(name): size for name, size in zip(NAMES, SIZES, strict=True)})
    return [
        fleet_figures.spectra_figure(spectra, STYLE, "spectra"),
        fleet_figures.amplitudes_figure(amplitudes, STYLE, "amplitudes"),
        fleet_figures.means_figure(groups, STYLE, "means"),
        trust_figures.pairs_figure(pairs, NAMES, STYLE, "pairs"),
        comparison_figure.comparison_figure(compared),
        next_runs_figure.next_runs_figure(factors, choice, "next"),
        training_figures.learning_curve_figure(history, 2, "training"),
    ]


@pytest.mark.parametrize("draw", [of_records, of_tables])
def test_figures_name_the_sources_and_no_ship_and_nothing_overlaps(draw):
    for figure in draw():
        figure.draw_without_rendering()
        words = " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())
        assert not OF_SHIPS.search(words), words
        assert LOW in words or HIGH in words or "kN m" in words
        # Labels and titles of a row of panels, and the powers of ten behind them.
        shown = [ax for ax in figure.axes if ax.axison]
        texts = [text for ax in shown for text in (ax.title, ax.xaxis.label, ax.xaxis.get_offset_text())]
        boxes = [text.get_window_extent().shrunk(0.98, 0.98) for text in texts if text.get_text()]
        for place, box in enumerate(boxes):
            assert box.count_overlaps(boxes[place + 1 :]) == 0, [text.get_text() for text in texts]


def test_spectra_without_waves_have_no_empty_panels():
    figure, *_ = of_tables()
    assert len(figure.axes) == len(NAMES)
    assert figure.axes[0].get_ylabel() == "Spectrum [(kN m)² s]" and figure.axes[2].get_ylabel() == "Spectrum [Pa² s]"
    assert figure.axes[0].get_xlabel() == "Frequency\n[rad/s]"


def page(folder, tables: dict[str, pd.DataFrame]) -> str:
    output, network = folder / "output", folder / "network"
    output.mkdir()
    network.mkdir()
    for name, table in tables.items():
        write_table(output / name, table)
    settings = Config().as_dict()
    settings["data"] |= {"train_sc": ["001", "002"], "test_sc": ["011"]}
    of_network = {"inputs": [*NAMES, "Offset"], "outputs": NAMES, "network_type": "lstm", "num_layers": 2}
    of_network |= {"hidden_size": 30, "num_networks": 1, "time_step": 0.1}
    facts = {"settings": settings, "network": of_network}
    (network / "settings.json").write_text(json.dumps(facts, default=str))
    report_page.write(output, network)
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", (output / "report.html").read_text(), flags=re.DOTALL)


def test_the_page_names_sources_and_channels_and_no_ship(tmp_path):
    one = record()
    sums = {"test": [metrics.model_sums([*one[:1], one.simple, one.network])]}
    tables = {
        "error_report.csv": metrics.error_report(sums, NAMES),
        "error_by_record.csv": metrics.error_by_record(sums, {"test": [("011", "", "1f")]}, NAMES),
        "pairs.csv": pd.DataFrame({"set": ["test"], "record": ["011"], "odd": ["lag"]}),
    }
    words = " ".join(page(tmp_path, tables).split())
    assert not OF_SHIPS.search(words), OF_SHIPS.findall(words)
    what = f"{HIGH}&#x27;s tension of line T1 at the fairlead, strain and pressure from {LOW}&#x27;s"
    assert words.count(what) == 4  # in the title, below it, in the summary and in the first section
    assert f"{what} tension of line T1 at the fairlead, strain, pressure and offset on 2 records." in words
    assert f"1 record with {HIGH}" in words and f"Next {HIGH} runs" in words
    assert "Largest: largest value, of tension of line T1 at the fairlead from the record&#x27;s mean." in words
    assert "Tension of line T1 at the fairlead: rms error 1 % of" in words
    assert f"learn the difference {HIGH} - {LOW} instead" in words and "input_3dof" not in words


def test_texts_of_the_page_are_those_of_the_built_in_pair_with_other_names():
    texts = [part for section in sections.SECTIONS.values() for part in (section.title, section.without)]
    texts += [caption for *_, caption in sections.FIGURES]
    assert not any(OF_SHIPS.search(sections.in_words_of_run(text)) for text in texts)
    with_waves = Description(LOW, HIGH, "{}", "{}", (*LINES, Input("Wave", "m")))
    description.use(with_waves)
    assert "the signal's maximum comes before the crest" in sections.in_words_of_run(sections.SPECTRA)
    description.use(description.SHIP)
    assert [sections.in_words_of_run(text) for text in texts] == texts
    assert sections.page_title() == "LAMP's motions from SimpleCode's"


def test_the_title_of_many_channels_stays_short():
    many = tuple(Output(f"C{n}", "m", high="a") for n in range(9))
    description.use(Description(LOW, HIGH, "{}", "{}", many))
    assert sections.page_title() == f"{HIGH}'s C0, C1, C2, C3, C4 and others from {LOW}'s"
