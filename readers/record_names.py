"""Names of records: the file names of SimpleCode's motions, told apart where several are alike."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from settings import SET_NAMES, DataInfo


def names_by_path(data: DataInfo) -> dict[str, str]:
    """The name of each record of a run by SimpleCode's path, see `unique_names`."""
    return unique_names([path for name in (*SET_NAMES, "predict") for path in getattr(data, f"{name}_sc")])


def names_of_pairs(data: DataInfo) -> dict[tuple[str, str], str]:
    """The same by the paths of both codes, for the records of the sets: further LAMP runs of one path are numbered."""
    by_path, by_pair, further = names_by_path(data), {}, set()
    taken = {name.lower() for name in by_path.values()}
    for sc, lamp in dict.fromkeys(pair for set_name in SET_NAMES for pair in data.pairs(set_name)):
        numbered = (f"{by_path[sc]}_{n}" for n in itertools.count(2))
        name = next(n for n in numbered if n.lower() not in taken) if sc in further else by_path[sc]
        by_pair[sc, lamp] = name
        taken.add(name.lower())
        further.add(sc)
    return by_pair


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: the file name, preceded by as many folders as tell apart the paths that share a name.

    Names that differ in case only are shared too, as some file systems do not tell them apart.
    """
    by_name: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        by_name.setdefault(Path(path).name.lower(), []).append(path)
    names, taken = {}, set(by_name)
    for sharing in by_name.values():
        counts, alone = range(1, max(len(Path(path).parts) for path in sharing)), len(sharing) == 1
        folders = next((n for n in counts if len({_with_folders(p, n).lower() for p in sharing}) == len(sharing)), 1)
        for place, path in enumerate(sharing):
            names[path] = Path(path).name if alone else free_name(path, taken.__contains__, place + 1, folders)
            taken.add(names[path].lower())
    return names


def free_name(path: str, is_taken: Callable[[str], bool], number: int = 2, folders: int = 1) -> str:
    """The file name of a path, preceded by its folders, at least so many, else followed by the next free number.

    is_taken: of a name in lower case.
    """
    longer = (_with_folders(path, n) for n in range(folders, max(len(Path(path).parts), folders + 1)))
    numbered = (f"{_with_folders(path, folders)}_{n}" for n in itertools.count(number))
    return next(name for name in itertools.chain(longer, numbered) if not is_taken(name.lower()))


def _with_folders(path: str, number: int) -> str:
    """The file name of a path, preceded by so many of its folders."""
    *folders, name = (part for part in Path(path).parts if part not in ("..", Path(path).anchor))
    return "_".join([*folders[max(len(folders) - number, 0) :], name])
