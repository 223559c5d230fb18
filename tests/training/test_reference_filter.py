"""The linear filter beside the network: the filter that network_type "linear" fits, on the network's own records."""

import dataclasses
import json

import numpy as np
import pytest
from test_linear_fit import filtered_record, filtered_sets
from test_network import train

from data_io import Record
from network import Architecture
from networks.network_folder import NetworkFolder
from networks.standardization import Standardization
from prediction import Predictor
from settings import UserInput
from system.errors import InputError
from training import reference_filter
from training.reference_filter import ReferenceFilter

SHARED = {"time_res": 2, "predict_correction": True}


def of_run(sets, folder, **user) -> ReferenceFilter | None:
    user = UserInput(**SHARED | user)
    architecture = Architecture.of(user, Standardization.of((*sets["train"], *sets["val"])))
    return reference_filter.of_run(user, NetworkFolder(folder), sets, architecture)


def error(reference: ReferenceFilter, record: Record, **how) -> float:
    return float(np.std(reference.predict(record, **how) - record.targets) / record.targets.std())


@pytest.mark.parametrize("user", [{}, {"predict_correction": False, "time_res": 1}])
def test_it_is_the_filter_that_a_linear_network_of_the_same_records_is(tmp_path, user):
    sets = filtered_sets(both_ways=True, noise=2.0)
    sets["val"] = sets["train"][:1]  # so that all have one standardization
    linear = train(sets, bi_directional=True, network_type="linear", **SHARED | user)
    reference = of_run(sets, tmp_path, **user)
    for record in sets["test"]:
        expected = Predictor(linear).predict([record.inputs])[0].mean
        np.testing.assert_allclose(reference.predict(record), expected, atol=1e-3 * record.targets.std())


def test_it_is_kept_with_the_network_and_the_test_records_have_no_part_in_it(tmp_path):
    sets = filtered_sets(both_ways=True, noise=2.0)
    fitted = of_run(sets, tmp_path)
    loading, no_train = UserInput(**SHARED, training_mode=False), {"train": (), "val": sets["test"]}
    loaded = reference_filter.of_run(loading, NetworkFolder(tmp_path), no_train, fitted.architecture)
    again = of_run(sets | {"test": sets["train"]}, tmp_path / "..")
    assert np.array_equal(loaded.kernels, fitted.kernels) and np.array_equal(again.kernels, fitted.kernels)
    assert of_run(sets, tmp_path / "none", training_mode=False) is None
    assert of_run(sets, tmp_path, network_type="linear") is None


def test_one_that_was_fitted_for_another_network_is_not_used(tmp_path):
    sets = filtered_sets(both_ways=True)
    of_run(sets, tmp_path)
    assert of_run(sets, tmp_path, training_mode=False)
    for other in ({"predict_correction": False}, {"time_res": 1}):
        with pytest.raises(InputError, match="linear_filter.npz: was fitted for another network; train again"):
            of_run(sets, tmp_path, training_mode=False, **other)
    with pytest.raises(InputError, match="another network"):  # of other records, and so of another standardization
        of_run(sets | {"val": sets["test"]}, tmp_path, training_mode=False)


def test_validation_chooses_its_penalties(tmp_path):
    """Records so noisy that the least penalty learns them by heart."""
    sets = filtered_sets(both_ways=True, noise=40.0)
    fitted, by_heart = (of_run(each, tmp_path) for each in (sets, sets | {"val": ()}))
    record = filtered_record(900, 77, True)
    assert error(fitted, record) < error(by_heart, record)
    assert error(fitted, sets["train"][0]) > error(by_heart, sets["train"][0])


def test_with_folds_each_record_has_a_filter_that_has_not_seen_it(tmp_path):
    def records(factor: float) -> tuple[Record, ...]:
        made = [filtered_record(900, seed, True, noise=1.0) for seed in range(6)]
        made = [dataclasses.replace(record, sources={"sc": record.name}) for record in made]  # keeps its digest
        return (dataclasses.replace(made[0], targets=factor * made[0].targets), *made[1:])

    digests = [record.digest for record in records(1.0)]
    folds = [{"digests": [digests[seed] for seed in numbers]} for numbers in ((0, 3), (1, 4), (2, 5))]
    (tmp_path / "settings.json").write_text(json.dumps({"folds": folds}))
    (tmp_path / "model.keras").write_bytes(b"")
    one, other = (
        of_run(
            {"train": records(factor)[:4], "val": records(factor)[4:]}, tmp_path, num_folds=3, predict_correction=False
        )
        for factor in (1.0, 20.0)
    )
    record = records(1.0)[0]
    assert one.kernels.shape[:2] == (3, 71) and one.left_out[record.digest] == 0
    assert error(one, record, out_of_fold=True) < 0.3
    assert error(one, records(1.0)[1]) == error(one, dataclasses.replace(records(1.0)[1], sources={}), out_of_fold=True)
    # Whatever LAMP's motions are in the record: they choose its filter's penalties alone, and spoil the others.
    assert error(other, record, out_of_fold=True) < 0.3 < 1 < error(other, record)


def test_it_never_takes_minutes(tmp_path):
    grid = {"wave_grid_x_size": 9, "wave_grid_y_size": 9, "ship_length": 120.0, "ship_beam": 20.0}
    with pytest.raises(InputError, match="84 inputs; with more than 30 it takes minutes"):
        of_run(filtered_sets(both_ways=True), tmp_path, **grid)


def test_the_transient_is_not_learned(tmp_path):
    sets = filtered_sets(both_ways=True)
    for name in ("train", "val"):
        for record in sets[name]:
            record.targets[: record.after(30.0).start] *= -9.0
    record = sets["test"][0]
    assert error(of_run(sets, tmp_path, transient_time=30.0), record) < 0.05 < error(of_run(sets, tmp_path), record)
