"""Every setting of the program, declared once, with its checks; the table of channels; how input files are read."""

from settings.declarations import (  # noqa: F401
    DEFAULT_NAME,
    NETWORKS_FOLDER,
    SECTIONS,
    SET_NAMES,
    Config,
    DataInfo,
    Plotting,
    SaveData,
    Search,
    Setting,
    UserInput,
    attributes,
    changed,
    declared,
    fill,
    helper_advice,
    is_helper,
    nearest,
    resolve_indices,
    user_settings,
)
