"""The records of LAMP, of SimpleCode's fleet and of the network's fleet as they are, and their single amplitudes."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from checks.record_statistics import FLEET, RecordTable
from metrics import rayleigh
from settings.description import high_name, low_name
from studies.fleet_tables import Group, joined


def by_source(records: RecordTable, groups: Sequence[Group]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yields (sea_state, channel, source) and the rows, for LAMP, SimpleCode's fleet and the network's fleet.

    Channels that do not move are left out.
    """
    sources = sorted(records.rows.loc[records.rows["set"] == FLEET, "source"].unique(), key=low_name().__ne__)
    for group in groups:
        lamp, fleet = group.split(records.rows)
        for rows, source in ((lamp, high_name()), *((fleet, source) for source in sources)):
            for channel, of_channel in rows[rows["source"] == source].groupby("channel", sort=False):
                if (of_channel["ssa"] > records.least_motion(channel)).any():
                    yield {"sea_state": group.name, "channel": channel, "source": source}, of_channel


def amplitude_table(records: RecordTable, groups: Sequence[Group]) -> pd.DataFrame:
    """How many single amplitudes an hour are above levels, by group, channel and source.

    Returns columns level, per_hour and rayleigh, that of Rayleigh's distribution in each record, NaN where the motion
    is not near Gaussian.
    """
    tables = []
    for about, rows in by_source(records, groups):
        levels, above = records.levels[about["channel"]], np.stack(rows["amplitudes_above"].tolist())
        hours = rows["duration_s"].sum() / 3600
        gaussian = rayleigh(levels, rows["ssa"].to_numpy() / 2, above[:, 0], rows["kurtosis"].to_numpy())
        columns = {"level": levels, "per_hour": above.sum(axis=0) / hours}
        columns["rayleigh"] = np.nan if gaussian is None else gaussian / hours
        tables.append(pd.DataFrame(columns)[columns["per_hour"] > 0].assign(**about))
    return joined(tables)
