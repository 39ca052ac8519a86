"""What stands around the code: forms, workflows and hooks can be read, and paths in text exist."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infomax_lib.results.files import source_files

ROOT = Path(__file__).parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = ("CONTRIBUTING.md", "README.md")
PACKAGES = ("infomax_lib", "paper")
MADE = {
    "own-results/",
    "results/",
    "reruns/",
    "screenshots/",
    "book/_build/html",
}  # may not be there yet

FIELDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def read(path: Path):
    return yaml.safe_load(path.read_text("utf8"))


@pytest.mark.parametrize("path", [p for p in FORMS if p.stem != "config"], ids=lambda p: p.stem)
def test_issue_form_is_one(path):
    form = read(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = form["body"]
    assert {field["type"] for field in fields} <= FIELDS
    names = [field["id"] for field in fields if field["type"] != "markdown"]
    assert len(set(names)) == len(names)
    for field in fields:
        assert field["attributes"]["label"], field
        assert set(field) <= {"type", "id", "attributes", "validations"}
        assert ("options" in field["attributes"]) == (field["type"] in ("dropdown", "checkboxes"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflow_makes_what_there_is_to_make(path):
    workflow = read(path)
    assert True in workflow  # YAML 1.1 reads the key `on` as a boolean
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE))
    made = [step["run"].split() for step in steps if "run" in step]
    assert all(command == "make" and words[-1] in targets for command, *words in made), made


def test_hooks_call_what_is_installed():
    hooks = [
        hook for repo in read(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]
    ]
    bin_folder = Path(sys.executable).parent
    for hook in hooks:
        assert hook["language"] == "system", "a hook that is downloaded"
        assert shutil.which(hook["entry"].split()[0], path=bin_folder), hook["entry"]


@pytest.mark.parametrize("name", TEXTS)
def test_paths_in_text_exist(name):
    """`folder/file` in backquotes or a command, where <name> stands for any."""
    text = (ROOT / name).read_text("utf8")
    paths = set(re.findall(r"(?<![\w./:=-])(?:\.?\w[\w<>-]*/)+[\w.<>-]*", text)) - MADE
    assert paths
    for path in paths:
        if path.startswith(".venv/") or (ROOT / path).exists():
            continue
        assert list(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("/")))), f"{name}: {path}"


def test_names_in_contributing_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf8")
    source = "".join(
        path.read_text("utf8")
        for folder in (*PACKAGES, "tests")
        for path in source_files(ROOT / folder)
    )
    names = set(re.findall(r"`([A-Z]{3,}[A-Z_]*)`", text)) - {"INFOMAX_DATA"}
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", source)] == []


def test_new_names_in_changelog_exist():
    text = (ROOT / "CHANGELOG.md").read_text("utf8")
    rows = re.findall(r"^\| (.*) \| (.*) \|$", text, re.MULTILINE)[2:]
    for before, now in rows:
        for name in re.findall(r"`((?:infomax_lib|paper)[.\w]*)(?:\.…)?`", now):
            place = ROOT.joinpath(*name.split("."))
            assert place.is_dir() or place.with_suffix(".py").is_file(), now
            if "same names" in now:
                stems = [n.rpartition(".")[2] for n in re.findall(r"`([.\w]+)`", before)]
                assert all((place / f"{stem}.py").is_file() for stem in stems), (before, now)


def calls(package: str):
    """Every call in a package: where, the function's name with dots, the names of its arguments."""
    for path in source_files(ROOT / package):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.Call):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield place, ast.unparse(node.func), {word.arg for word in node.keywords}


@pytest.mark.parametrize("package", PACKAGES)
def test_draws_name_their_stream_and_type(package):
    """A default would be PyTorch's global stream, and the type that the user has set."""
    places, typed, wrong = [], ("torch.rand", "torch.randn", "torch.normal"), []
    for place, name, given in calls(package):
        if name in (*typed, "torch.randint", "torch.randperm", "torch.bernoulli"):
            places.append(place)
            if "generator" not in given or (name in typed and "dtype" not in given):
                wrong.append(place)
    assert places
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_of_the_whole_process_is_set(package):
    """Other threads would see it: global streams, defaults, warning filters."""
    shared = (
        r"torch\.(random\.)?(manual_seed|seed|fork_rng|set_rng_state|set_default_\w+)|"
        r"warnings\.(catch_warnings|simplefilter)|np\.(seterr|random\.seed)|random\.seed"
    )
    found = [place.partition(":")[0] for place, name, _ in calls(package) if re.match(shared, name)]
    # a warning of an import, which Python does once; and fits by other packages, which take turns
    allowed = {"infomax_lib": "infomax_lib/model/idx.py", "paper": "paper/methods/encoders.py"}
    assert set(found) == {allowed[package]}


@pytest.mark.parametrize("path", ["own-results/runs/a.parquet", "reruns/theory.ipynb"])
def test_git_takes_no_notice_of_what_a_reader_computes(path):
    assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT).returncode == 0
