"""The executor on a toy checkout: parameters are checked, pages are safe, rebuilds are quiet."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from toy_checkout import NOTEBOOK, PAGE, infomax, page, write_notebook

from paper.pages import execute, fingerprint
from paper.pages import page as pages
from paper.pages.normalize import normalize

# Parameters


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no_such_page"], "the notebooks are: bias_loophole"),
        ([PAGE, "-p", "sedes=5"], "tc_pressure has no parameter sedes; it has: seeds, scale"),
        ([PAGE, "-p", "seeds"], "NAME=VALUE"),
        ([PAGE, "-p", "seeds=1", "-p", "seeds=2"], "-p gives seeds twice"),
        ([PAGE, "-p", "seeds=many"], "seeds='many' is not possible"),
        ([PAGE, "-p", "seeds=0"], "seeds=0 is not possible: Input should be greater"),
        ([PAGE, "-p", "seeds=2.5"], "seeds=2.5 is not possible: Input should be a valid integer"),
        ([PAGE, "-p", "seeds=True"], "seeds=True is not possible"),
        ([PAGE, "-p", "grid=[1, x]"], "grid[1]='x' is not possible"),
        ([PAGE, "-p", "grid=[.inf]"], "grid[0]=inf is not possible"),
        ([PAGE, "-p", "grid=[1, 1.0]"], "1.0 stands there twice (where; its default is"),
        ([PAGE, "-f", "missing.yml"], "there is no profile missing.yml"),
    ],
)
def test_refuses_before_anything_runs(checkout, arguments, expected):
    result = infomax(*arguments)
    assert result.exit_code == 1
    assert expected in result.output
    assert result.output.count("\n") == 1
    assert not list(checkout.rglob("book/**/*.ipynb"))
    assert not (checkout / "reruns").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeds: 1e-3\n", "seeds=0.001 is not possible"),  # YAML 1.1 reads it as text
        ("sedes: 3\n", "no notebook has a parameter sedes"),
        ("1: 3\nyes: 4\n", "line 1: 1 is no name"),
        ("seeds: 3\nseeds: 4\n", "gives seeds twice, in lines 1 and 2"),
        ("seeds: !!python/name:os.system\n", "line 1: leave out the tag"),
        ("", "is empty: write one parameter per line"),
        ("- seeds\n", "holds a list"),
        ("seeds: [\n", "is not YAML"),
    ],
)
def test_refuses_a_wrong_profile(checkout, tmp_path, text, expected):
    profile = tmp_path / "profile.yml"
    profile.write_text(text, "utf8")
    result = infomax(PAGE, "-f", str(profile))
    assert result.exit_code == 1
    assert expected in result.output
    assert result.output.count("\n") == 1


def test_values_are_read_by_their_hints(checkout):
    typed = {"seeds": "7", "scale": "1e-3", "name": "5", "grid": "[1, 2.5]"}
    values = execute.check_parameters(page(checkout), {"seeds": 1, "elsewhere": 2}, typed)
    assert values == {"seeds": 7, "scale": 1e-3, "name": "5", "grid": [1.0, 2.5]}


def test_lists_parameters_as_a_profile_has_them(checkout, tmp_path):
    result = infomax("--list")
    assert result.exit_code == 0
    _, _, listed = result.output.partition("tc_pressure  (to be executed)\n")
    lines = listed.splitlines()[:5]
    assert "    scale: 0.5  # float: times what" in lines
    profile = tmp_path / "profile.yml"
    profile.write_text("\n".join(lines), "utf8")
    assert execute.read_profile(profile) == {
        "seeds": 3, "scale": 0.5, "name": "digits", "grid": [0.0, 1e-4], "store": "auto"
    }  # fmt: skip


def test_profile_of_a_windows_editor(checkout, tmp_path):
    profile = tmp_path / "profile.yml"
    profile.write_text("seeds: 7  # für alle\n", encoding="utf-16")
    assert execute.read_profile(profile) == {"seeds": 7}


def test_damaged_table_of_contents_is_one_line(checkout):
    (checkout / "book" / "_toc.yml").write_text("root: landing\n", "utf8")
    assert "_toc.yml names no root, or no parts" in infomax().output


# Pages


def test_page_is_executed_once_and_again_when_an_input_changes(checkout):
    assert "tc_pressure: executing" in infomax(PAGE).output
    first = page(checkout).path.read_text("utf8")
    assert infomax(PAGE).output == "tc_pressure: up to date\n"

    # An equal result gives an equal file, byte for byte.
    assert "executing" in infomax(PAGE, "--force").output
    assert page(checkout).path.read_text("utf8") == first

    for changed in ("infomax_lib/__init__.py", "requirements.lock"):
        path = checkout / changed
        path.write_text(
            path.read_text("utf8") + "changed==1\n", "utf8"
        )  # also Python: a comparison
        assert not fingerprint.is_current(page(checkout))
        infomax(PAGE)
        assert fingerprint.is_current(page(checkout))
    write_notebook(checkout, PAGE, NOTEBOOK.replace("0.5", "0.7"))
    assert not fingerprint.is_current(page(checkout))


def test_executed_page_is_clean(checkout):
    infomax(PAGE)
    text = page(checkout).path.read_text("utf8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    (code,) = [c for c in notebook.cells if "print(name" in c.source]
    assert [o.output_type for o in code.outputs] == ["stream", "execute_result"]
    assert code.outputs[0].text == "digits 1.5 [0.0, 0.0001] notebooks\n"
    assert code.outputs[1].data["text/plain"] == "<object at 0x…>"
    assert str(checkout) not in text
    assert "papermill" not in text
    assert "iopub" not in text


def test_hand_edited_page_is_not_current(checkout):
    infomax(PAGE)
    path = page(checkout).path
    path.write_text(path.read_text("utf8").replace("digits 1.5", "digits 2.5"), "utf8")
    assert not fingerprint.is_current(page(checkout))


def test_front_page_follows_the_chapters_and_the_store(checkout):
    infomax(PAGE, "ledger")
    ledger = pages.find_page("ledger", checkout)
    assert fingerprint.is_current(ledger)
    chapter = page(checkout).path
    before = chapter.read_text("utf8")
    chapter.write_text(before.replace("digits 1.5", "digits 2.5"), "utf8")
    assert not fingerprint.is_current(ledger)
    chapter.write_text(before, "utf8")
    assert fingerprint.is_current(ledger)
    (checkout / "results" / "runs" / "def.parquet").write_bytes(b"")
    assert not fingerprint.is_current(ledger)
    assert fingerprint.is_current(page(checkout))


def test_failing_notebook_leaves_the_page_and_keeps_the_evidence(checkout):
    infomax(PAGE)
    before = page(checkout).path.read_text("utf8")
    write_notebook(checkout, PAGE, NOTEBOOK + '\n# %%\nraise ValueError("no such thing")\n')
    result = infomax(PAGE)
    assert result.exit_code == 1
    assert "error: tc_pressure: no such thing (ValueError in cell 4); what was" in result.output
    assert "raise" not in result.output
    assert page(checkout).path.read_text("utf8") == before
    assert [p.name for p in page(checkout).path.parent.iterdir()] == [f"{PAGE}.ipynb"]
    kept = Path(result.output.split("is in ")[1].split(";")[0])
    assert "digits 1.5" in kept.read_text("utf8")
    shutil.rmtree(kept.parent)


def test_rerun_never_touches_the_page(checkout):
    infomax(PAGE)
    before = page(checkout).path.read_text("utf8")
    assert infomax(PAGE, "-p", "seeds=4").exit_code == 0
    rerun = checkout / "reruns" / f"{PAGE}.ipynb"
    assert "digits 2.0" in rerun.read_text("utf8")
    assert json.loads(rerun.read_text("utf8"))["metadata"]["infomax"]["parameters"] == {"seeds": 4}
    assert page(checkout).path.read_text("utf8") == before
    again = infomax(PAGE, "-p", "seeds=5")
    assert again.exit_code == 0
    assert "digits 2.5" in rerun.read_text("utf8")


@pytest.fixture
def nothing_runs(checkout, monkeypatch):
    """A checkout with one page, in which running a notebook fails the test."""
    executed = nbformat.read(page(checkout).notebook, as_version=4)
    executed.metadata["infomax"] = {"fingerprint": "", "parameters": {}}
    page(checkout).path.parent.mkdir(parents=True)
    nbformat.write(executed, page(checkout).path)
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("it ran"))
    return checkout


@pytest.mark.parametrize("by", ["its folder", "another spelling", "a link", "a hard link"])
@pytest.mark.parametrize("folder", ["notebooks", "book/findings"])
def test_output_never_replaces_a_source_or_a_page(nothing_runs, tmp_path, by, folder):
    folder = nothing_runs / folder
    source, output = folder / f"{PAGE}.ipynb", folder
    if by == "another spelling":
        output = folder / ".." / folder.name
    elif by == "a link":
        output = tmp_path / "link"
        output.symlink_to(folder, target_is_directory=True)
    elif by == "a hard link":
        output = tmp_path / "linked"
        output.mkdir()
        (output / source.name).hardlink_to(source)
    before = source.read_bytes()
    result = infomax(PAGE, "-p", "seeds=1", "--output", str(output))
    assert result.exit_code == 1
    assert "name another folder by --output" in result.output
    assert source.read_bytes() == before


def test_output_is_looked_at_for_all_before_the_first_runs(nothing_runs):
    foreign = nothing_runs / "reruns" / "theory.ipynb"
    foreign.parent.mkdir()
    foreign.write_text("mine", "utf8")
    result = infomax(PAGE, "theory", "-p", "seeds=1")
    assert "theory.ipynb was not written by `infomax execute`" in result.output
    assert foreign.read_text("utf8") == "mine"


@pytest.mark.parametrize("under", ["", "folder"])
def test_output_that_is_a_file_is_refused(nothing_runs, tmp_path, under):
    file = tmp_path / "file"
    file.write_text("mine", "utf8")
    result = infomax(PAGE, "-p", "seeds=1", "--output", str(file / under))
    assert result.exit_code == 1
    assert f"nothing can be written to {file / under} (Not a directory)" in result.output
    assert file.read_text("utf8") == "mine"


def test_page_that_is_damaged_is_made_again(checkout):
    page(checkout).path.parent.mkdir(parents=True)
    page(checkout).path.write_text("<<<<<<< damaged", "utf8")
    assert infomax(PAGE, "--force").exit_code == 0
    assert fingerprint.is_current(page(checkout))


def test_notebook_that_differs_from_its_text_is_refused(checkout):
    (checkout / "notebooks" / f"{PAGE}.py").write_text(NOTEBOOK.replace("0.5", "0.7"), "utf8")
    result = infomax(PAGE)
    assert result.exit_code == 1
    assert f"jupytext --sync notebooks/{PAGE}.py" in result.output
    assert "begins 'from paper.pages.parameters import AtLeast, Grid," in result.output


def test_notebook_that_an_editor_saved_is_that_of_its_text(checkout):
    (checkout / "notebooks" / f"{PAGE}.py").write_text(NOTEBOOK, "utf8")
    assert infomax(PAGE).exit_code == 0
    executed = page(checkout).path.read_bytes()
    notebook = nbformat.read(page(checkout).notebook, as_version=4)
    for cell in notebook.cells:
        cell.metadata |= {"execution": {"iopub.execute_input": "now"}, "collapsed": True}
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    notebook.metadata.kernelspec = {"name": "mine", "display_name": "My environment"}
    nbformat.write(notebook, page(checkout).notebook)
    assert infomax(PAGE).output == "tc_pressure: up to date\n"
    assert infomax(PAGE, "--force").exit_code == 0
    assert page(checkout).path.read_bytes() == executed


def test_normalize_joins_streams_and_drops_only_progress():
    def stream(name, text):
        return nbformat.v4.new_output("stream", name=name, text=text)

    outputs = [
        stream("stdout", "a"),
        stream("stdout", "b\n"),
        stream("stderr", "\rx:   0%|      | 0/9"),
        stream("stderr", "\rx: 100%|██████| 9/9 [00:01<00:00,  8.00it/s]\n"),
        stream("stderr", "UserWarning: kept\n"),
    ]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs, metadata={"papermill": {"start": "now"}})
    notebook = normalize(nbformat.v4.new_notebook(cells=[cell]), Path("/somewhere"))
    assert [o.text for o in notebook.cells[0].outputs] == ["ab\n", "UserWarning: kept\n"]
    assert notebook.cells[0].metadata == {}


def test_normalize_puts_the_width_of_pixels_where_the_book_looks_for_it():
    pixels = {"image/png": {"width": 440}}
    output = nbformat.v4.new_output("display_data", {"image/png": "abc"}, metadata=pixels)
    described = {"mystnb": {"image": {"alt": "what is seen"}}}
    cell = nbformat.v4.new_code_cell("fig", outputs=[output], metadata=described)
    normalize(nbformat.v4.new_notebook(cells=[cell]), Path("/somewhere"))
    assert cell.metadata == {"mystnb": {"image": {"alt": "what is seen", "width": "440px"}}}
    assert cell.outputs[0].metadata == {}
