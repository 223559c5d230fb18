"""The documentation: links lead somewhere, and files that it names exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("[!.]*/README.md"))]
PACKAGES = ("readers", "layers", "training", "studies", "support", "pages")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_every_page_is_listed_in_the_readme():
    listed = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in listed] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_modules_that_a_page_names_exist(page):
    named = re.findall(rf"(?<![\w/])(?:{'|'.join(PACKAGES)})/\w+\.py", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).is_file() and not (page.parent / name).is_file()] == []


def test_imports_run_downwards():
    (rule,) = re.findall(r"Imports run downwards: ([^.]+)", (ROOT / "docs/developing.md").read_text(encoding="utf-8"))
    rank = {name: place for place, names in enumerate(rule.split(",")) for name in re.findall(r"`(\w+)`", names)}
    upwards = []
    for name in rank:
        for file in (ROOT / name).glob("*.py") if (ROOT / name).is_dir() else [ROOT / f"{name}.py"]:
            nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
            modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
            modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
            upwards += [
                (file.name, top) for top in (m.partition(".")[0] for m in modules) if rank.get(top, -1) > rank[name]
            ]
    assert upwards == []
