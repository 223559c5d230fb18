"""The report page: what it says, that it is one sound file, and how it looks in a browser of any width."""

import json
import re
import shutil
import struct
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import metrics
from pages import report_page, sections
from settings import Config
from system.run_folder import RunFolder

RECORD = "SC_<b>h2</b>_h2_p9_a90_hh0_pp0_aa0_s5-0000001"
VOID = {"meta", "img", "link", "br", "hr"}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def png(width: int = 1200, height: int = 300) -> bytes:
    """A white picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def settings_of(**user) -> dict:
    settings = Config().as_dict()
    settings["user"] |= {"lr": 0.02, "num_folds": 4, "window_length": 100} | user
    settings["data"] |= {"train_sc": [RECORD, "b"], "train_lamp": ["a", "b"], "val_sc": ["c"], "val_lamp": ["c"]}
    network = {"inputs": ["Zcg", "Roll", "Wave"], "outputs": ["Zcg", "Roll"], "network_type": "lstm", "num_layers": 2}
    network |= {"hidden_size": 30, "num_networks": 4, "time_step": 0.1}
    settings |= {"base": {"lr": 0.01, "num_folds": 0}, "base_file": "input_<b>.py"}
    return {"settings": settings, "network": network, "versions": {"keras": "3.15"}, "epochs_trained": 24}


def error_rows() -> list[dict]:
    rows = []
    for of_set in ("train", "test"):
        for source, size in (("SimpleCode", 0.5), ("LSTM", 0.1), ("Linear filter", 0.02 if of_set == "train" else 0.2)):
            for channel in ("Zcg", "Roll", "All"):
                measures = dict.fromkeys(metrics.MEASURES, size) | {"correlation": 0.9994, "ssa_error": 0.01 * size}
                rows.append({"set": of_set, "source": source, "channel": channel, **measures})
    return rows


def record_rows(number: int = 3) -> list[dict]:
    """Records of which the first is in train and in val, as with folds."""
    statistics = {"ssa": (8.0, 7.0), "largest": (16.0, 16.0004), "period": (10.0, np.nan)}
    rows = []
    for n, of_set in enumerate(["train", *["val"] * (number - 1), "test"]):
        record = {"set": of_set, "record": f"{RECORD}{max(n, 1)}", "digest": f"{max(n, 1):x}"}
        for source in ("SimpleCode", "LSTM", "Linear filter"):
            for channel in ("Zcg", "Roll", "All"):
                values = {f"{name}_lamp": lamp for name, (lamp, _) in statistics.items()}
                values |= {f"{name}_model": model for name, (_, model) in statistics.items()}
                values |= {f"{name}_percent": 100 * (model / lamp - 1) for name, (lamp, model) in statistics.items()}
                rows.append(record | {"source": source, "channel": channel, "handle": "", "mse": 0.01, **values})
    return rows


def tables() -> dict[str, list[dict]]:
    band = {"level": 90, "covered": 0.913, "worst_covered": 0.6, "half_width": 0.2, "worst_record": RECORD}
    flag = {"record": RECORD, "score": 3.0, "worst_from_s": 60.0, "worst_to_s": 120.0, "furthest_out": "rate of Roll"}
    flag |= {"value": 0.2, "training_low": 0.05, "training_high": 0.1, "outside_training": "height 9 m"}
    mean = {"sea_state": "all", "channel": "Roll", "unit": "deg", "statistic": "mean_ssa", "estimate": 8.1}
    mean |= {"meaning": "mean significant single amplitude", "side": "", "exposure_h": np.nan}
    mean |= {"lower": 7.9, "upper": 8.3, "lamp": 8.0, "lamp_lower": 7.0, "lamp_upper": 9.0, "simplecode": 5.0}
    mean |= {"simplecode_lower": 4.9, "simplecode_upper": 5.1, "effective_lamp_runs": 412.3, "effective_lower": np.nan}
    mean |= {"effective_upper": np.nan, "method": "corrected mean"}
    run = {"rank": 1, "record": RECORD, "reason": "random draw", "window": "", "expected_gain": 0.1}
    return {
        "error_report.csv": error_rows(),
        "error_by_record.csv": record_rows(),
        "band_report.csv": [{"set": "test", "channel": channel, **band} for channel in ("Zcg", "Roll")],
        "predicted_records.csv": [{"flagged": True, **flag}, {"flagged": False, **flag}],
        "pairs.csv": [{"set": "train", "record": RECORD, "odd": "lag"}, {"set": "val", "record": "b", "odd": ""}],
        "fleet_statistics.csv": [mean],
        "next_lamp_runs.csv": [run],
    }


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """The output and the network's folder of a run with all kinds of files."""
    output, network = tmp_path / "output_files" / "a & b", tmp_path / "saved_models" / "a & b"
    (output / "figures").mkdir(parents=True)
    network.mkdir(parents=True)
    for name, rows in tables().items():
        pd.DataFrame(rows).to_csv(output / name, index=False)
    facts = {"headline": ["16 LAMP runs are worth 412"], "guarantee": "None & never.", "level": 0.9}
    (output / "fleet_statistics.json").write_text(json.dumps(facts))
    (network / "settings.json").write_text(json.dumps(settings_of()))
    for name in ("prediction_test_0_a", "prediction_test_1_b", "prediction_test_2_c", "maxima", "learning_curve"):
        (output / "figures" / f"{name}.png").write_bytes(png())
    return output, network


class Checked(HTMLParser):
    """Fails on tags that do not match, on scripts, on what is loaded from elsewhere, and on pictures without words."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.words, self.ids, self.targets, self.pictures = [], [], [], [], 0
        self.feed(text.replace("<wbr>", ""))
        self.close()
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids) and set(self.targets) <= set(self.ids)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert tag not in ("script", "iframe", "link", "object") and not any(
            name.startswith("on") for name in attributes
        )
        if tag == "html":
            assert attributes["lang"] == "en"
        if tag == "img":
            self.pictures += 1
            assert attributes["src"].startswith("data:image/png;base64,") and attributes["alt"]
        if "href" in attributes:
            assert attributes["href"].startswith("#")
            self.targets.append(attributes["href"][1:])
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            assert "url(" not in data and "@import" not in data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def written(folders) -> tuple[str, Checked]:
    report_page.write(*folders)
    text = (folders[0] / RunFolder.PAGE).read_text(encoding="utf-8")
    return text, Checked(text)


def test_a_page_holds_all_results_in_one_sound_file(folders, capsys):
    text, page = written(folders)
    assert text.startswith("<!DOCTYPE html>\n") and "<title>a &amp; b: LAMP" in text and page.pictures == 4
    for expected in (
        "An LSTM (the mean of 4 networks, each 2 layers of 30 units) learned LAMP's heave and roll from SimpleCode's "
        "heave, roll and wave elevation on 3 records.",
        "LAMP should lie within heave \N{PLUS-MINUS SIGN}0.2 m and roll \N{PLUS-MINUS SIGN}0.2 deg of the prediction "
        "for 90 % of the time: on the test records 91 % of the time.",
        "dealt into 4 folds",
        "is out of fold: of networks that had not seen the record",
        "the network's rms error in percent of LAMP's motion is 10 % in heave and 10 % in roll.",
        "Roll: rms error 10 % of LAMP's (SimpleCode 50 %, linear filter 20 %), 0.1 deg; significant amplitude "
        "0.05 % off (SimpleCode 0.25 %, linear filter 0.1 %); correlation 0.9994.",
        "3 records with LAMP, each with its significant amplitude, largest value and period.",
        "Heave 8 7 (\N{MINUS SIGN}12 %) 7 (\N{MINUS SIGN}12 %) 16 16 (<0.1 %)",
        "1 of 2 predicted records is unlike those of the training.",
        "Something is odd about 1 of 2 pairs",
        "16 LAMP runs are worth 412.",
        "None & never.",
        "Mean significant single amplitude 8.1 deg (7.9 to 8.3) 8 deg (7 to 9) 5 deg",
        f"Run {RECORD} first (drawn at random: a fair sample for the statistics of the fleet). 1 record proposed",
        "As in input_<b>.py, but for 2 settings.",
        "Settings that differ from input_<b>.py Setting Value In input_<b>.py Meaning num_folds 4 0",
        "All settings settings.json beside the network has them too.",
        "window_length 100 network steps (90 s)",
        "ship_length None length",
        RECORD,
    ):
        assert expected in page.text
    assert "Not on this page" not in page.text and capsys.readouterr().err == ""
    assert RunFolder.PAGE in (folders[0] / RunFolder.LIST).read_text().split("\n")


def test_missing_files_are_named_and_damaged_ones_are_warnings(folders, capsys):
    output, network = folders
    for name in ("fleet_statistics.csv", "next_lamp_runs.csv"):
        (output / name).unlink()
    (output / "error_report.csv").write_bytes(b"\x00\xff,,,\n1")
    (output / "band_report.csv").write_text("set,channel\n")
    (output / "pairs.csv").write_text("set,record\na,b\n")
    (output / "figures" / "maxima.png").write_bytes(b"no picture")
    (network / "settings.json").write_text("[1, 2")
    _, page = written(folders)
    said = capsys.readouterr().err
    for title, file in (
        ("Training", "settings.json"),
        ("Errors", "error_report.csv"),
        ("Bands", "band_report.csv"),
        ("Pairs of files", "pairs.csv"),
    ):
        assert f"{title}: {file} cannot be read" in page.text and f"{title}: {file} cannot be read" in said
    assert "maxima.png: cannot be read" in said and page.pictures == 0
    assert "python -m studies.fleet --network a & b; it needs a network of folds" in page.text and "Fleet" not in said
    assert "1 of 2 predicted records is unlike" in page.text


def replace(folders, name: str, rows: list[dict] | None = None, **columns) -> None:
    """Writes a table anew, with other rows or columns."""
    pd.DataFrame(tables()[name] if rows is None else rows).assign(**columns).to_csv(folders[0] / name, index=False)


def test_the_page_names_the_files_unit_of_the_bending_moment(folders):
    metadata = settings_of()
    metadata["network"]["vbm_unit"] = "kn-m"
    (folders[1] / "settings.json").write_text(json.dumps(metadata))
    replace(folders, RunFolder.REPORT, [row | {"channel": "VBM"} for row in error_rows() if row["channel"] == "Roll"])
    _, page = written(folders)
    assert "[kN-m]" in page.text and "file unit" not in page.text


def test_levels_of_the_fleet_say_exposure_and_unit_and_are_not_of_pooled_sea_states(folders):
    (mean,) = tables()["fleet_statistics.csv"]
    level = mean | {"meaning": "largest value in 3 h, exceeded by 10 %", "estimate": 20.9, "lower": np.nan}
    methods = {"h2_p9": "maxima, extrapolated (Gumbel)", "all": "maxima, sea states pooled"}
    levels = [level | {"sea_state": name, "method": method} for name, method in methods.items()]
    replace(folders, "fleet_statistics.csv", [*levels, mean])
    _, page = written(folders)
    assert page.text.count("20.9 deg") == 1
    assert "h2_p9 Roll Largest value in 3 h, exceeded by 10 %, extrapolated 20.9 deg" in page.text
    replace(folders, "fleet_statistics.csv", levels[1:])  # where there is nothing else
    assert "Largest value in 3 h, exceeded by 10 % 20.9 deg" in written(folders)[1].text


def test_an_unusual_combination_has_no_value_and_bands_without_test_records_are_a_check(folders):
    without = dict.fromkeys(("value", "training_low", "training_high"), np.nan)
    replace(folders, RunFolder.PREDICTED, furthest_out="unusual combination of a and b", **without)
    replace(folders, RunFolder.BANDS, set="val", worst_record="007")
    text, page = written(folders)
    assert "unusual combination of a and b" in page.text and "nan" not in page.text
    assert "Validation (check of the calibration with itself)" in page.text and ">007</td>" in text
    assert "not measured, as there are no test records; check of the calibration with itself: 91 %" in page.text
    assert "Not on this page" not in page.text


@pytest.mark.usefixtures("warnings_are_errors")
def test_empty_columns_of_texts_stay_empty(folders):
    replace(folders, RunFolder.PREDICTED, outside_training="")
    replace(folders, RunFolder.NEXT_RUNS, window="")
    text, page = written(folders)
    cells = re.findall("<td.*?>(.*?)</td>", text)
    assert "Sea state outside" not in page.text and cells[cells.index("0.05 to 0.1") - 1] == "0.2"
    assert cells[cells.index("drawn at random: a fair sample for the statistics of the fleet") + 1] == ""
    assert "Not on this page" not in page.text


@pytest.mark.parametrize(("larger", "is_worse"), [(1, True), (100, False)])
def test_a_network_is_not_called_worse_in_a_motion_that_is_hardly_there(folders, larger, is_worse):
    """Pitch, with a deviation of 0.01 beside that of roll of 1 where its nrmse is a hundred times larger."""
    rows = error_rows() + [row | {"channel": "Pitch"} for row in error_rows() if row["channel"] == "Zcg"]
    for row in rows:
        if row["channel"] == "Pitch":
            row["rmse"] = 1.0 if row["source"] == "LSTM" else row["rmse"]
            row["nrmse"] = larger * row["rmse"]
    replace(folders, RunFolder.REPORT, rows)
    text = written(folders)[1].text
    assert ("The LSTM is worse than SimpleCode and the linear filter here." in text) == is_worse
    assert ("Pitch: LAMP hardly moves; rms error 1 deg." in text) != is_worse


def test_a_worse_network_and_a_set_seen_in_training_are_called_so(folders):
    replace(folders, RunFolder.REPORT, [row for row in error_rows() if row["set"] == "train"])
    _, page = written(folders)
    assert "These records were used in training." in page.text
    assert "The LSTM is worse than the linear filter here." in page.text


def test_a_report_without_a_filter_and_a_channel_that_simplecode_does_not_give_are_on_the_page(folders):
    rows = [row for row in error_rows() if row["source"] != "Linear filter"]
    rows = [row for row in rows if (row["source"], row["channel"]) != ("SimpleCode", "Roll")]
    replace(folders, RunFolder.REPORT, rows)
    _, page = written(folders)
    assert "is 10 % in heave and 10 % in roll." in page.text and "filter" not in page.text.replace("output_filter", "")
    assert "Roll: rms error 10 % of LAMP's, 0.1 deg;" in page.text and "worse" not in page.text


@pytest.mark.parametrize("number", [20, 21, 250])
def test_records_are_listed_once_and_folded_away_if_there_are_many(folders, number):
    replace(folders, RunFolder.BY_RECORD, record_rows(number))
    text, page = written(folders)
    assert text.count("<details>") == 1 + (number > 20)  # with that of all settings
    assert "(training)" not in page.text and ">All</td>" not in text
    assert page.text.count("(test)") == 1 and page.text.count("(validation)") == min(number, 200) - 1
    assert ("The first 200 of 250; error_by_record.csv has all." in page.text) == (number > 200)


def test_sea_states_that_hold_most_of_the_error_are_named(folders):
    rows = record_rows(12)
    for n, row in enumerate(rows):
        number = n // 9  # nine rows a record
        row |= {"handle": f"_h5_p{number}_a90_hh0_pp0_aa0_s10-1", "mse": 5.0 if number == 3 else 0.01}
    replace(folders, RunFolder.BY_RECORD, rows)
    _, page = written(folders)
    for word in ("heave", "roll"):
        said = f"of LSTM in {word} on the val set, 1 of 11 sea states hold 98 %: 90 deg, 5 m, 3 s, 10 knots"
        assert said in page.text


def test_long_tables_are_cut_and_figures_limited(folders, monkeypatch):
    replace(folders, RunFolder.PREDICTED, tables()[RunFolder.PREDICTED][:1] * 500)
    monkeypatch.setattr(report_page, "LARGEST_FIGURES", 2 * len(png()))
    text, page = written(folders)
    assert page.pictures == 2 and "The first 30 of 500; predicted_records.csv has all." in page.text
    assert len(text) < 105_000


def test_without_an_output_folder_nothing_is_written(tmp_path):
    report_page.write(tmp_path / "none", tmp_path)
    assert not any(tmp_path.iterdir())


OPTIONS = [BROWSER, "--headless", "--no-sandbox", "--hide-scrollbars"]
# Of a page: its width with all that it holds, how many cells are wider than their columns, the width of its first
# figure, and how many elements end beyond the page.
MEASURED = (
    "[f.documentElement.scrollWidth,"
    " [...f.querySelectorAll('td, th')].filter(e => e.scrollWidth > e.clientWidth).length,"
    " f.images[0].width, [...f.querySelectorAll('main *')]"
    ".filter(e => e.getBoundingClientRect().right > f.documentElement.clientWidth + 1).length]"
)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium in the PATH")
def test_a_browser_cuts_nothing_at_any_width_nor_in_print_and_opens_figures(folders, tmp_path):
    long_name = f"SC_{'h7.5_p15_a135_hh0_pp0_aa0_s10' * 2}-0000001"
    replace(folders, RunFolder.PREDICTED, record=long_name)
    replace(folders, RunFolder.BANDS, worst_record=long_name, set="val")
    report_page.write(*folders)
    page, printed = folders[0] / RunFolder.PAGE, tmp_path / "printed.html"
    text = page.read_text(encoding="utf-8")
    printed.write_text(text.replace("@media print", "@media all").replace("@media screen", "@media none"), "utf-8")
    a4 = 673  # pixels between the margins
    shown = {
        400: page.as_uri(),
        1100: page.as_uri(),
        a4: printed.as_uri(),
        401: f"{page.as_uri()}#errors-figure-1-large",
    }
    frames = "".join(f'<iframe src="{uri}" style="width:{width}px;border:0"></iframe>' for width, uri in shown.items())
    widths = f"[...document.querySelectorAll('iframe')].map(i => i.contentDocument).map(f => {MEASURED}.join(' '))"
    script = f"<script>onload = () => p.textContent = {widths}.join(', ')</script>"
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html><body>{frames}<p id=p></p>{script}")
    options = [*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"]
    files = ["--allow-file-access-from-files", "--dump-dom", (tmp_path / "frames.html").as_uri()]
    dom = subprocess.run(options + files, capture_output=True, text=True, timeout=120).stdout
    measured = [list(map(int, of.split())) for of in re.search(r'<p id="p">(.+?)</p>', dom)[1].split(",")]
    for width, (whole, cut, image, beyond) in zip((400, 1100, a4), measured, strict=False):
        assert (whole, cut, beyond) == (width, 0, 0)
        assert 0.85 * width < image <= width
    assert measured[-1][2] == 1200  # the figure in its full size
    subprocess.run(
        [*options, f"--print-to-pdf={tmp_path / 'page.pdf'}", page.as_uri()], capture_output=True, timeout=60
    )
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["001", "NA", "1e5", "nan", "True", "None"])
def test_names_of_records_stay_as_they_are(folders, name):
    for file in ("band_report.csv", "predicted_records.csv", "pairs.csv", "next_lamp_runs.csv", "fleet_statistics.csv"):
        path = folders[0] / file
        rows = pd.DataFrame(tables()[file]).replace(RECORD, name).replace({"sea_state": {"all": name}})
        rows.assign(more=1).replace({"b": f"0{name}"}).to_csv(path, index=False)
    report_page.write(*folders)
    text = (folders[0] / RunFolder.PAGE).read_text().partition('id="settings"')[0]
    assert text.count(f">{name}</td>") == 5 and "cannot be read" not in text and "Odd" in text


def test_the_page_says_where_the_starts_of_records_hold_most_of_the_error():
    report = pd.DataFrame(error_rows())
    roll = (report["channel"] == "Roll") & (report["source"] == "LSTM") & (report["set"] == "test")
    for share, times, is_said in ((0.92, 9.0, True), (0.4, 9.0, False), (0.92, 1.2, False)):  # short records
        starts = {"start_share": np.where(roll, share, 0.1), "mse_start": times * report["mse"]}
        parts = sections.errors(report.assign(**starts))
        said = "the first 60 s of the records hold 92 % in roll: transient_time = 60 leaves them out."
        assert any(said in part for part in parts) == is_said
