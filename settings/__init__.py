"""Every setting of the program, declared once, with its checks; the table of channels; how input files are read."""

from settings.declarations import (
    DEFAULT_NAME as DEFAULT_NAME,
)
from settings.declarations import (
    NETWORKS_FOLDER as NETWORKS_FOLDER,
)
from settings.declarations import (
    SECTIONS as SECTIONS,
)
from settings.declarations import (
    SET_NAMES as SET_NAMES,
)
from settings.declarations import (
    Config as Config,
)
from settings.declarations import (
    DataInfo as DataInfo,
)
from settings.declarations import (
    Plotting as Plotting,
)
from settings.declarations import (
    SaveData as SaveData,
)
from settings.declarations import (
    Search as Search,
)
from settings.declarations import (
    Setting as Setting,
)
from settings.declarations import (
    UserInput as UserInput,
)
from settings.declarations import (
    attributes as attributes,
)
from settings.declarations import (
    declared as declared,
)
from settings.declarations import (
    fill as fill,
)
from settings.declarations import (
    is_helper as is_helper,
)
from settings.declarations import (
    nearest as nearest,
)
from settings.declarations import (
    own_helper as own_helper,
)
from settings.declarations import (
    resolve_indices as resolve_indices,
)
from settings.declarations import (
    user_settings as user_settings,
)
