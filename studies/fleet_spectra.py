"""Spectra of the motions and response amplitude operators, of LAMP, of SimpleCode's fleet and of the network's fleet.

The operator is |S_xy| / S_xx with the wave x (the estimate H1, which noise in the motion y does not bias), over
frequencies of encounter. Where the coherence |S_xy|^2 / (S_xx S_yy) is low, the motion does not follow linearly from
the wave at the centre of gravity, and the operator is left out (J. Bendat and A. Piersol, Random data, 2010, chapter
6). Nothing here is corrected by LAMP.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.fleet_tables import Group, by_source
from trust.record_statistics import FREQUENCIES, RecordTable

LEAST_COHERENCE = 0.6
LEAST_WAVE = 0.01  # of the largest wave spectrum; below, the wave's spectrum is leakage from other frequencies


def responses(spectra: np.ndarray, level: float) -> pd.DataFrame:
    """The mean spectrum of records, and the operator of all of them together.

    spectra: (record, 4, FREQUENCIES), see `record_statistics.wave_responses`.
    Returns columns frequency (rad/s), spectrum, lower and upper, between which the spectra of a share `level` of the
    records lie, wave_spectrum, coherence and rao; the last three NaN without a wave.
    """
    own, real, imaginary, wave = spectra.mean(axis=0, dtype=float)
    lower, upper = np.quantile(spectra[:, 0], [(1 - level) / 2, (1 + level) / 2], axis=0)
    cross = np.hypot(real, imaginary)
    with np.errstate(invalid="ignore", divide="ignore"):
        coherence, rao = cross**2 / (own * wave), cross / wave
    rao[~((coherence >= LEAST_COHERENCE) & (wave > LEAST_WAVE * wave.max()))] = np.nan
    columns = {"frequency": FREQUENCIES, "spectrum": own, "lower": lower, "upper": upper}
    return pd.DataFrame(columns | {"wave_spectrum": wave, "coherence": coherence, "rao": rao})


def table(lamp: RecordTable, fleet: RecordTable, groups: Sequence[Group], level: float) -> pd.DataFrame:
    """`responses` of each group, source and channel; of groups with several sea states there are none."""
    tables = []
    for about, chosen in by_source(lamp, fleet, [group for group in groups if not group.mixed]):
        known = np.isfinite(chosen.spectra[:, :1]).all(axis=(1, 2)) & (chosen.spectra.shape[2] > 0)
        if known.any():
            of_records = pd.Series(list(chosen.spectra[known])).groupby(chosen.rows.loc[known, "record"].to_numpy())
            spectra = np.stack([np.mean(list(networks), axis=0) for _, networks in of_records])
            tables.append(responses(spectra, level).assign(**about))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
