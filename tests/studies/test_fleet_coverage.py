"""Statistics of fleets of several sea states, against simulations whose truth is known.

A record of a sea state of significant amplitude S has the amplitude S exp(0.06 z) and the largest of CYCLES amplitudes
of a Rayleigh distribution; the network sees nine tenths of both, and adds an error of its own.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from checks.record_statistics import RecordTable
from studies import fleet, fleet_estimates
from studies.fleet_estimates import Ratios, Sample
from studies.fleet_tables import EXPOSURES, Question, groups_of, statistics

CYCLES = 200
DURATION, EXPOSURE = 1800.0, 3 * 3600.0
BIAS = 0.9
RESAMPLES = 50  # of each bootstrap
HANDLE = "_h{}_p12_a{}_hh0_pp0_aa0_s10-{:07d}"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(fleet_estimates, "BOOTSTRAPS", RESAMPLES)


@dataclass(frozen=True)
class Motions:
    """Of records: significant amplitudes and largest values of LAMP, and of the network."""

    ssa: np.ndarray
    maximum: np.ndarray
    predicted_ssa: np.ndarray
    predicted_maximum: np.ndarray


def motions(amplitudes: np.ndarray, rng: np.random.Generator, cycles: float = CYCLES, noise: float = 0.05) -> Motions:
    """Of one record in each of the sea states with these amplitudes (record,)."""
    size = len(amplitudes)
    ssa = amplitudes * np.exp(0.06 * rng.normal(size=size))
    maximum = ssa / 2 * np.sqrt(2 * np.log(cycles / np.minimum(rng.exponential(size=size), cycles / 2)))
    errors = BIAS * np.exp(noise * rng.normal(size=(2, size)))
    return Motions(ssa, maximum, ssa * errors[0], maximum * errors[1])


def record_rows(simulated: Motions, handles: list[str], of_fleet: bool, durations=DURATION) -> pd.DataFrame:
    """One channel, roll. LAMP's records, or a fleet predicted by one network; SimpleCode sees half of it."""
    records = pd.DataFrame({"record": [f"SC{handle}" for handle in handles], "handle": handles})
    about = {"set": "fleet" if of_fleet else "lamp", "channel": "Roll", "period": 9.0, "digest": records["record"]}
    records = records.assign(duration_s=durations, spectrum=None, **about)
    sources = {
        "LSTM": (simulated.predicted_ssa, simulated.predicted_maximum),
        "SimpleCode": (simulated.ssa / 2, simulated.maximum / 2),
    }
    sources |= {} if of_fleet else {"LAMP": (simulated.ssa, simulated.maximum)}
    rows = [
        records.assign(source=source, network=int(of_fleet and source == "LSTM"), ssa=ssa, maximum=maximum)
        for source, (ssa, maximum) in sources.items()
    ]
    rows = pd.concat(rows, ignore_index=True)
    return rows.assign(share_above=list(np.exp(-np.outer(1 / np.maximum(rows["ssa"], 1e-9), np.arange(100.0)))))


def table_of(*rows: pd.DataFrame) -> RecordTable:
    return RecordTable(pd.concat(rows, ignore_index=True), {"Roll": np.arange(100.0)})


def tables(amplitudes: np.ndarray, lamp: np.ndarray, many: np.ndarray, seed: int, headings=None) -> RecordTable:
    """LAMP's records and the fleet. lamp, many: the sea state of each record, a place among the amplitudes."""
    rng = np.random.default_rng(seed)
    headings = 90 + np.zeros(len(amplitudes)) if headings is None else headings
    result = []
    for first, states, of_fleet in ((0, lamp, False), (10**5, many, True)):
        handles = [HANDLE.format(1 + state / 100, headings[state], first + n) for n, state in enumerate(states)]
        result.append(record_rows(motions(amplitudes[states], rng), handles, of_fleet))
    return table_of(*result)


def row_of(table: pd.DataFrame, statistic: str, sea_state: str = "all") -> pd.Series:
    return table[(table["sea_state"] == sea_state) & (table["statistic"] == statistic)].iloc[0]


def true_levels(amplitudes: np.ndarray, shares: np.ndarray, risks) -> np.ndarray:
    """What the largest of 3 h exceeds with each of the risks, records being of the sea states with these shares."""
    rng, size = np.random.default_rng(0), 10_000
    maxima = [np.sort(motions(np.full(size, each), rng).maximum) for each in amplitudes]
    levels = np.linspace(0, max(each[-1] for each in maxima), 1000)
    above = np.array([1 - np.searchsorted(each, levels) / size for each in maxima])
    record_risks = 1 - (1 - np.array(risks)) ** (DURATION / EXPOSURE)
    return np.interp(-record_risks, -(shares @ above), levels)


# ---- largest values -------------------------------------------------------------------------------------------------

SEAS = {
    "6 to 14 deg": np.linspace(6, 14, 60),
    "lognormal": 4 * np.exp(0.5 * stats.norm.ppf((np.arange(60) + 0.5) / 60)),
    "a fifth head seas": np.where(np.arange(60) % 5 == 0, 0.02 * (np.arange(60) % 2), np.linspace(4, 12, 60)),
}


@pytest.mark.parametrize("name", SEAS)
def test_largest_values_over_many_sea_states_are_those_of_the_fleet(name):
    """A Gumbel distribution of log M gave 40 to 464 deg at 10 %, and 69 to 5590 deg at 1 %."""
    truth = true_levels(SEAS[name], np.full(60, 1 / 60), (0.1, 0.01))
    lamp = np.random.default_rng(100).integers(60, size=60)
    records = tables(SEAS[name], lamp, np.arange(1000) % 60, seed=0)
    table, _ = statistics(records, groups_of(records, ())[-1:], Question())
    levels = [row_of(table, f"largest_exceeded_by_{risk}_percent")["estimate"] for risk in (10, 1)]
    np.testing.assert_allclose(levels, truth, rtol=0.12)


def test_in_a_sea_state_with_few_lamp_records_the_level_is_right_and_covered():
    """3 LAMP records in this sea state, 40 in milder and more severe ones. Without R = M / SSA the level was 11 % too
    high, and covered 0 to 88 %."""
    truth, risk = true_levels(np.array([8.0]), np.ones(1), (0.1,))[0], 1 - 0.9 ** (DURATION / EXPOSURE)
    covered, estimates = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        lamp = motions(np.concatenate([np.full(3, 8.0), rng.uniform(4, 12, 40)]), rng)
        many = motions(np.full(500, 8.0), rng)
        unit = many.predicted_ssa.mean()
        units = np.concatenate([np.full(3, unit), lamp.predicted_ssa[3:]])
        of_lamp = lamp.maximum / units, lamp.predicted_maximum / units
        ratios = Ratios(*of_lamp, many.predicted_maximum[:, None] / unit, np.full(500, unit), np.full(500, DURATION))
        level = fleet_estimates.exceedance_curves(ratios, seed, RESAMPLES).quantile(risk, 0.9)
        covered.append(level.lower <= truth <= level.upper)
        estimates.append(level.estimate)
    assert np.mean(estimates) == pytest.approx(truth, rel=0.02)
    assert np.mean(covered) >= 0.8


@pytest.mark.parametrize(("exponent", "records"), [(2.0, 16), (1.5, 43)])
def test_a_level_beyond_the_data_is_right_and_covered(exponent, records):
    """1 % in 3 h, amplitudes having a Weibull distribution (Rayleigh's: 2). With R in place of its power, levels were
    5 to 12 % too high."""
    risk, intervals = 1 - 0.99 ** (DURATION / EXPOSURE), []
    truth = (2 * np.log(CYCLES / -np.log1p(-risk))) ** (1 / exponent)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        waits = np.minimum(rng.exponential(size=records + 400), CYCLES / 2)
        largest = (2 * np.log(CYCLES / waits)) ** (1 / exponent)
        predicted = BIAS * largest * np.exp(0.05 * rng.normal(size=len(largest)))
        many = predicted[records:, None], np.ones(400), np.full(400, DURATION)
        fits = fleet_estimates.fitted(Ratios(largest[:records], predicted[:records], *many), seed, RESAMPLES)
        intervals.append(fleet_estimates.percentiles(fits.isf(risk)[:, 0, 0], 0.9, records)[:3])
    estimate, lower, upper = np.transpose(intervals)
    assert np.mean(estimate) == pytest.approx(truth, rel=0.035)
    assert np.mean((lower <= truth) & (truth <= upper)) >= 0.8


@pytest.mark.parametrize(("size", "has_interval"), [(5, False), (8, True)])
def test_few_lamp_records_alone_have_no_interval_of_an_extrapolated_level(size, has_interval):
    """With 3 it covered 55 % where 90 % was asked."""
    records = tables(np.array([8.0]), np.zeros(size, int), np.zeros(30, int), seed=8)
    table, _ = statistics(records, groups_of(records, ()), Question())
    row = row_of(table, "most_probable_maximum", table["sea_state"].iloc[0])
    assert np.isfinite(row["lamp"]) and np.isfinite(row["lamp_lower"]) == has_interval


def test_bounds_of_fitted_curves_do_not_rise_where_the_estimate_ends():
    """A generalized extreme value distribution with an end, and resamples without: its upper bound rose to 0.1."""
    levels = np.linspace(2, 6, 50)
    shapes = np.array([0.6, 0.9, *np.linspace(0.0, 0.8, 40)])[:, None]
    curves = fleet_estimates.falling_curve(stats.genextreme.sf(levels, shapes, 2.5, 0.5), 0.9, 20)
    assert (np.diff(curves, axis=1) <= 0).all()


def test_a_share_of_all_records_of_unequal_weights_has_an_upper_bound():
    """Weights that add up to 1 but for rounding gave NaN."""
    for size in range(3, 40, 4):
        strata = np.repeat([0, 1], [size, 5]), np.repeat([0, 1], [60, 40])
        sample = Sample(np.ones(size + 5), np.ones(size + 5), np.ones((100, 1)), strata)
        for limit, truth in ((0.5, 1), (2.0, 0)):
            interval = fleet_estimates.stratified_share(sample, limit, 0.9)
            assert interval.lower <= interval.estimate <= interval.upper and interval.estimate == pytest.approx(truth)


def test_a_motion_without_periods_in_the_fleet_is_no_warning(capsys):
    records = tables(np.array([8.0]), np.zeros(9, int), np.zeros(30, int), seed=8)
    records.rows.loc[records.rows["set"] == "fleet", "period"] = np.nan
    assert len(statistics(records, groups_of(records, ()), Question())[0])
    assert not capsys.readouterr().out


def test_where_nothing_moves_there_are_no_extrapolated_rows_and_no_singular_matrix():
    """Roll in head seas, equal but for rounding, with few LAMP records."""
    amplitudes = np.array([0.0, 8.0])
    records = tables(amplitudes, np.repeat([0, 1], 5), np.repeat([0, 1], 40), seed=3, headings=np.array([180, 90]))
    still = records.rows["ssa"] < 1e-6
    records.rows.loc[still, "maximum"] = 0.3 + 1e-16 * np.arange(still.sum())
    records.rows.loc[still, "ssa"] = 4e-16
    table, _ = statistics(records, groups_of(records, ()), Question(limits={"Roll": 5.0}))
    head = table[table["sea_state"].str.contains("a180")]
    assert not head["statistic"].str.contains("largest|most_probable").any()
    assert row_of(head, "maximum_above", head["sea_state"].iloc[0])["estimate"] == 0
    assert np.isfinite(table.loc[table["sea_state"] == "all", "estimate"]).all()
    equal = 0.3 + 4e-16 * np.arange(40.0)
    equal = Ratios(np.full(5, 0.3), equal[:5], equal[:, None], np.ones(40), np.full(40, DURATION))
    curves = fleet_estimates.exceedance_curves(equal, 0, number=20)
    assert curves.quantile(0.5, 0.9).estimate == pytest.approx(0.3, rel=1e-6)


# ---- means ----------------------------------------------------------------------------------------------------------


def two_sea_states(lamp: tuple, many: tuple, noise: float, rng: np.random.Generator) -> Sample:
    """Mean amplitudes of two sea states of 2 and 8 deg. lamp, many: numbers of records in each."""
    strata = np.repeat([0, 1], lamp), np.repeat([0, 1], many)
    ours, theirs = (motions(np.array([2.0, 8.0])[each], rng, noise=noise) for each in strata)
    return Sample(ours.ssa, ours.predicted_ssa, theirs.predicted_ssa[:, None], strata)


@pytest.mark.parametrize("noise", [0.02, 0.05])
@pytest.mark.parametrize(("lamp", "many"), [((12, 4), (100, 900)), ((4, 12), (900, 100))])
def test_means_over_sea_states_cover_where_lamps_shares_are_not_the_fleets(lamp, many, noise):
    """Pooled records covered 0 %, with a bias of -10 and +28 %."""
    rng = np.random.default_rng(2)
    truth = np.array(many) @ [2, 8] / 1000 * np.exp(0.06**2 / 2)
    samples = [two_sea_states(lamp, many, noise, rng) for _ in range(600)]
    corrected = [fleet_estimates.corrected_mean(each, 0.9) for each in samples]
    alone = [fleet_estimates.stratified_mean(each, 0.9) for each in samples]
    for intervals in (corrected, alone):
        assert 0.86 <= np.mean([each.lower <= truth <= each.upper for each in intervals]) <= 0.94
        assert np.mean([each.estimate for each in intervals]) == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_effective_lamp_runs_compare_within_sea_states_and_their_range_covers(noise):
    """With the variance between sea states they were 394 to 405 where 52 to 64 are right."""
    rng, covered, estimates = np.random.default_rng(3), [], []
    shares, records, many = np.array([0.5, 0.5]), np.array([8, 8]), np.array([500, 500])
    spread = np.array([2, 8])
    error = np.hypot(0.1 * 0.06, BIAS * noise)
    lamp_variance = (shares**2 * (0.06 * spread) ** 2 / records).sum()
    variance = (shares**2 * spread**2 * (error**2 / records + BIAS**2 * (0.06**2 + noise**2) / many)).sum()
    truth = 16 * lamp_variance / variance
    for _ in range(300):
        sample = two_sea_states((8, 8), (500, 500), noise, rng)
        both = fleet_estimates.stratified_mean(sample, 0.9), fleet_estimates.corrected_mean(sample, 0.9)
        runs = fleet_estimates.effective_runs(16, *both, 0.9)
        covered.append(runs.lower <= truth <= runs.upper)
        estimates.append(runs.estimate)
    assert np.median(estimates) == pytest.approx(truth, rel=0.1)
    assert 0.82 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("noise", [0.05, 0.08])
def test_with_as_many_predictions_as_are_needed_the_fleet_is_as_precise_as_lamp(noise):
    """Where LAMP alone is more precise; the network errs little less than LAMP's records differ, or more."""
    rng = np.random.default_rng(11)
    sample = two_sea_states((40, 40), (12, 12), noise, rng)
    both = fleet_estimates.stratified_mean(sample, 0.9), fleet_estimates.corrected_mean(sample, 0.9)
    needed = fleet_estimates.fleet_records_needed(sample, *both)
    if noise > 0.06:
        assert needed == np.inf
        return
    factor = needed / 24
    fleet_variance = sum(0.25 * np.var(sample.fleet[sample.strata[1] == state], ddof=1) / 12 for state in (0, 1))
    assert factor > 1 and both[1].variance > both[0].variance
    assert both[1].variance - fleet_variance * (1 - 1 / factor) == pytest.approx(both[0].variance)


def test_a_level_over_several_sea_states_is_marked_and_not_the_headline():
    records = tables(np.array([2.0, 8.0]), np.repeat([0, 1], 10), np.repeat([0, 1], 50), seed=4)
    table, _ = statistics(records, groups_of(records, ()), Question(limits={"Roll": 12.0}))
    assert (
        table["method"]
        .str.contains("pooled")
        .equals((table["sea_state"] == "all") & table["statistic"].isin([*EXPOSURES, "maximum_above"]))
    )
    of_level, of_limit, *_ = fleet.headline(table, Question())
    worst = table["sea_state"].unique()[1]
    row = row_of(table, "most_probable_maximum", worst)
    assert of_level.startswith(
        f"Roll, {worst.replace('_hh0_pp0_aa0', '')} (the highest of 2 sea states): most probable largest value in 3 h: "
    )
    assert f"{row['estimate']:.3g} deg ({row['lower']:.3g} to {row['upper']:.3g})" in of_level
    share = round(100 * row_of(table, "maximum_above")["estimate"], 2)
    assert "90 % intervals" in of_level and f": all {share:.3g} % (" in of_limit
    assert of_limit.startswith("Roll, probability that the largest value in 30 min exceeds 12 deg: ")


def test_the_table_weighs_sea_states_as_the_fleet_and_headlines_compare_within_them():
    records = tables(np.array([2.0, 8.0]), np.repeat([0, 1], [30, 10]), np.repeat([0, 1], [100, 900]), seed=4)
    groups = groups_of(records, ())
    table, _ = statistics(records, groups, Question())
    everything = row_of(table, "mean_ssa")
    assert everything["method"] == "stratified" and everything["estimate"] == pytest.approx(7.4, rel=0.05)
    assert everything["lamp"] == pytest.approx(7.4, rel=0.06)  # not 3.5, the mean of LAMP's records
    assert everything["effective_lower"] < everything["effective_lamp_runs"] < everything["effective_upper"]
    assert everything["effective_lamp_runs"] < 200  # more than 1000, where the variance between sea states counts
    weights = np.array([100, 900]) / 1000
    for statistic in ("mean_period", "time_above", "mean_maximum"):
        rows = [row_of(table, statistic, group.name)["estimate"] for group in groups[:2]]
        assert row_of(table, statistic)["estimate"] == pytest.approx(weights @ rows)
    (line,) = [line for line in fleet.remarks(records, groups) if "shares" in line]
    assert "75 %" in line and "10 %" in line


def test_sea_states_with_few_lamp_records_share_a_stratum_with_the_nearest():
    distances = np.array([[0, 1, 9], [1, 0, 8], [9, 8, 0], [2, 1, 7], [9, 8, 1]], float)
    lamp = np.repeat([0, 1, 2], [5, 2, 4])
    strata, shared = fleet_estimates.shared_strata(lamp, np.arange(5), distances, 3)
    assert strata[0] == strata[1] == strata[3] and strata[2] == strata[4] != strata[0]
    assert shared == {strata[0], strata[2]}
    alike, none = fleet_estimates.shared_strata(np.repeat([0, 1], 3), np.array([0, 1]), distances, 3)
    assert alike[0] != alike[1] and not none


def test_a_correction_from_mild_seas_covers_in_severe_ones():
    """Errors grow with the motions: a borrowed correction is a ratio. In units it covers nothing."""
    rng, covered = np.random.default_rng(5), []
    for _ in range(200):
        mild, severe = motions(np.full(8, 2.0), rng), motions(np.full(300, 8.0), rng)
        sample = Sample(mild.ssa, mild.predicted_ssa, severe.predicted_ssa[:, None])
        corrected = fleet_estimates.corrected_mean(sample, 0.9, borrowed=True)
        covered.append(corrected.lower < 8 * np.exp(0.06**2 / 2) < corrected.upper)
    assert np.mean(covered) > 0.9
    zeros = Sample(np.zeros(5), np.zeros(5), np.zeros((20, 1)))
    assert fleet_estimates.corrected_mean(zeros, 0.9, borrowed=True)[:3] == (0, 0, 0)


def test_an_error_that_grows_with_the_motions_is_a_ratio_where_sea_states_share_a_stratum():
    """LAMP in the severe half of a stratum alone; the network is a tenth too low everywhere."""
    rng = np.random.default_rng(6)
    ours, theirs = motions(np.full(10, 8.0), rng), motions(np.repeat([2.0, 8.0], 200), rng)
    one = np.zeros(10, int), np.zeros(400, int)
    sample = Sample(ours.ssa, ours.predicted_ssa, theirs.predicted_ssa[:, None], one, frozenset({0}))
    corrected = fleet_estimates.corrected_mean(sample, 0.9)
    assert corrected.estimate == pytest.approx(5, rel=0.02) and corrected.lower < 5 < corrected.upper


# ---- lengths of records ---------------------------------------------------------------------------------------------


def of_lengths(seed: int) -> RecordTable:
    """Two sea states of the same amplitude, one with records of 300 s and one of 3600 s; a cycle takes 9 s."""
    rng, parts = np.random.default_rng(seed), []
    for first, size, of_fleet in ((0, 60, False), (10**5, 500, True)):
        for heading, duration in ((45, 300.0), (90, 3600.0)):
            simulated = motions(np.full(size, 8.0), rng, cycles=duration / 9)
            handles = [HANDLE.format(5, heading, first + n) for n in range(size)]
            parts.append(record_rows(simulated, handles, of_fleet, durations=duration))
    return table_of(*parts)


def test_an_exposure_counts_each_record_with_its_own_length():
    """The median length of all records gave 14.6 deg where 18.3 is right."""
    records = of_lengths(7)
    groups = groups_of(records, ())
    table, _ = statistics(records, groups, Question())
    rng = np.random.default_rng(0)
    truths = [
        np.quantile(motions(np.full(10**5, 8.0), rng, cycles=each / 9).maximum, np.exp(-each / EXPOSURE))
        for each in (300.0, 3600.0)
    ]
    for group, truth in zip(groups, (*truths, np.mean(truths)), strict=True):
        row = row_of(table, "most_probable_maximum", group.name)
        assert row["estimate"] == pytest.approx(truth, rel=0.06), group.name
        assert row["lamp"] == pytest.approx(truth, rel=0.1), group.name
    mixed = table[table["method"].str.contains("2 lengths")]
    assert set(mixed["sea_state"]) == {"all"} and "mean_maximum" in set(mixed["statistic"])
    lines = fleet.remarks(records, groups)
    assert sum("500 of 1000 records of the fleet" in line and "300 s" in line for line in lines) == 1
    assert not any("LAMP records of" in line for line in lines)


def test_short_records_without_motion_do_not_set_the_length_of_extrapolated_levels():
    """Of 60 records of 300 s in head seas and 30 of 3600 s in beam seas: those of 3600 s tell R."""
    rng = np.random.default_rng(0)
    largest = np.r_[np.zeros(60), rng.normal(2, 0.1, 30)]
    moving = largest > 0
    lengths = np.where(moving, 3600.0, 300.0)
    ratios = Ratios(largest[60:], largest[60:], largest[:, None], 8.0 * moving, lengths)
    assert fleet_estimates.exceedance_curves(ratios, 0, number=10).duration == ratios.usual_length == 3600


def test_records_of_another_length_in_a_fleet_are_named():
    """150 s, and some of 40 s: the mean largest value would fall without a word."""
    records = tables(np.array([8.0]), np.zeros(9, int), np.zeros(30, int), seed=8)
    rows = records.rows
    rows["duration_s"], in_fleet = 150.0, rows["set"] == "fleet"
    short = in_fleet & rows["record"].isin(rows.loc[in_fleet, "record"].unique()[[3, 7]])
    rows.loc[short, "duration_s"] = [40.0 if n % 2 else 41.0 for n in range(short.sum())]
    groups = groups_of(records, ())
    line, _ = fleet.remarks(records, groups)
    assert "2 of 30 records of the fleet are not 150 s long" in line and "40 s" in line
    table, _ = statistics(records, groups, Question())
    assert "lengths" in row_of(table, "mean_maximum", groups[-1].name)["method"]
    rows.loc[in_fleet, "duration_s"] = 300.0
    assert "LAMP records of 150 s and a fleet of 300 s" in fleet.remarks(records, groups)[0]


# ---- fitted distributions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6, 10, 16])
def test_l_moments_of_few_values_are_unbiased(size):
    samples = np.sort(stats.gumbel_r.rvs(size=(20_000, size), random_state=9), axis=1)
    moments = fleet_estimates.l_moments(samples)
    assert moments[:, 1].mean() == pytest.approx(np.log(2), rel=0.01)
    twice = np.array([fleet_estimates.l_moments(each, np.full(size, 2.0)) for each in samples[:3]])
    np.testing.assert_allclose(twice, fleet_estimates.l_moments(np.repeat(samples[:3], 2, axis=1)))
