"""The words of a store, the order of its files, and the fingerprint of the code that computed."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import torch
from damage import file_of_our_naming, files, flip, full_disk, on_disk, parquet, row

import infomax_lib
from infomax_lib import Store
from infomax_lib.results import files as files_module
from infomax_lib.results import store as store_module
from infomax_lib.results.files import code_fingerprint
from infomax_lib.results.store import StoreError, StoreWarning


class TestWords:
    """What a store says: of itself, and of what it could not use or write."""

    def test_of_itself(self, tmp_path):
        below = [tmp_path / "b", tmp_path / "c"]
        assert repr(Store(tmp_path / "a")) == f"Store({str(tmp_path / 'a')!r})"
        assert repr(Store(tmp_path / "a", below)) == (
            f"Store({str(tmp_path / 'a')!r}, below={[str(folder) for folder in below]})"
        )
        assert str(Store(tmp_path / "a", below)) == (
            f"{tmp_path / 'a'} on top of {tmp_path / 'b'} on top of {tmp_path / 'c'}"
        )

    def said(self, function, *arguments):
        """A warning that points to the line that called the store."""
        call = compile("function(*arguments)", "user.py", "eval")
        with pytest.warns(StoreWarning) as warned:
            eval(call, {"function": function, "arguments": arguments})
        (one,) = warned
        assert one.filename == "user.py"
        return str(one.message)

    def test_of_damage(self, tmp_path, monkeypatch):
        Store(tmp_path / "below").write("runs", [row("a")])
        Store(tmp_path).write("runs", [row("b")])
        (here,) = files(tmp_path / "runs")
        (there,) = files(tmp_path / "below")
        flip(there)
        damaged = "is damaged (its bytes do not match its name)"
        again = "what is missing will be computed again"
        layered = Store(tmp_path, [tmp_path / "below"])
        assert self.said(layered.keys, "runs") == (
            f"{there} {damaged}: it is left where it is; {again}"
        )
        flip(here)
        with monkeypatch.context() as disk:
            disk.setattr(Path, "replace", full_disk)
            assert self.said(Store(tmp_path).load, "runs", []) == (
                f"{here} {damaged}: it could not be renamed ([Errno 28] No space left on device), "
                f"and is ignored; {again}"
            )
        with monkeypatch.context() as disk:
            disk.setattr(Path, "replace", lambda *paths: Path("absent").read_bytes())
            assert self.said(Store(tmp_path).files, "runs") == (
                f"{here} {damaged}: another process has set it aside; {again}"
            )
        assert self.said(Store(tmp_path).keys, "runs") == (
            f"{here} {damaged}: it was renamed to {here.stem}.damaged; {again}"
        )

    def test_of_what_cannot_be_used(self, tmp_path):
        (tmp_path / "runs").mkdir()
        content = parquet([row("x")], {"infomax": json.dumps({"format": 2, "library": "9.1"})})
        later = file_of_our_naming(tmp_path / "runs", content)
        assert self.said(Store(tmp_path).keys, "runs") == (
            f"{later} is not used: it has format 2 of library version 9.1, and this version reads "
            "format 1; it is left where it is; update this package to read it; what is missing "
            "will be computed again"
        )
        later.unlink()
        other = file_of_our_naming(tmp_path / "runs", b"x")
        assert self.said(Store(tmp_path).keys, "runs") == (
            f"{other} is not used: it does not look like a file of this package; it is left where "
            "it is; what is missing will be computed again"
        )
        other.unlink()
        (tmp_path / "runs" / f"{'1' * 32}.parquet").mkdir()
        text = f"{tmp_path / 'runs' / ('1' * 32)}.parquet cannot be read (Is a directory)"
        again = ": it is left where it is{}; what is missing will be computed again"
        assert self.said(Store(tmp_path).keys, "runs") == text + again.format("")
        (tmp_path / "runs" / f"{'2' * 32}.parquet").mkdir()
        assert self.said(Store(tmp_path).keys, "runs") == text + again.format(" (and 1 more files)")

    def test_of_what_could_not_be_written(self, tmp_path, elsewhere, monkeypatch):
        store = Store(tmp_path)
        monkeypatch.setattr(store_module, "refuse_unwritable", full_disk)
        monkeypatch.setattr(store_module, "write_whole", full_disk)
        refused = f"could not write to {tmp_path}: No space left on device. "
        room = "; make room, and they are written with the next ones"
        assert self.said(store.write, "runs", [row("a"), row("b")]) == (
            f"{refused}2 result(s) are kept in memory, and are lost when this process ends{room}"
        )
        with pytest.raises(StoreError) as refusal:
            store.settle()
        assert str(refusal.value) == (
            f"{refused}2 result(s) are kept in memory, and are lost when this process ends{room}. "
            "As long as this process lives the same call gives them without computing them again"
        )
        with pytest.raises(StoreError) as refusal:
            store.refuse_unwritable()
        assert str(refusal.value) == (
            f"results cannot be stored in {tmp_path}: No space left on device; name a folder that "
            'can be written to (store=..., --store or $INFOMAX_STORE), or "memory" to keep nothing'
        )
        taken = []

        def takes_one_file(path, content, real=files_module.write_whole):
            if tmp_path in path.parents or taken:
                full_disk()
            taken.append(path)
            real(path, content)

        monkeypatch.setattr(store_module, "write_whole", takes_one_file)
        monkeypatch.setattr(store_module, "refuse_unwritable", lambda folder: None)
        text = self.said(store.write, "runs", [row("c")])
        (place,) = elsewhere.iterdir()
        assert text == (
            f"{refused}3 result(s) are kept in {place}, a store of its own and in memory, and are "
            f"lost when this process ends{room}"
        )
        assert Store(place).keys("runs") == {"a", "b"}
        monkeypatch.undo()
        store.settle()
        assert files(place) == []
        assert on_disk(tmp_path) == {"a", "b", "c"}

    def test_of_an_error_without_words(self, tmp_path, elsewhere, monkeypatch):
        def silent(*args):
            raise OSError("odd")

        monkeypatch.setattr(store_module, "write_whole", silent)
        assert f"write to {tmp_path}: odd. 1 " in self.said(
            Store(tmp_path).write, "runs", [row("a")]
        )
        monkeypatch.setattr(store_module, "refuse_unwritable", silent)
        with pytest.raises(StoreError, match=f"in {tmp_path}: odd; name"):
            Store(tmp_path).refuse_unwritable()


class TestRescue:
    def test_has_a_place_for_each_store_on_the_first_disk_with_room(self, tmp_path, monkeypatch):
        cache, temporary = tmp_path / "cache", tmp_path / "temporary"
        monkeypatch.setattr(store_module.pooch, "os_cache", lambda name: cache / name)
        monkeypatch.setattr(store_module.tempfile, "gettempdir", lambda: str(temporary))
        one, other = (store_module._rescue_folder(Path(f"/{n}/results")) for n in "ab")
        assert one.parent == other.parent == cache / "infomax" / "infomax-unsaved"
        assert one != other
        assert one.name.startswith("results-")
        assert len(one.name) == len("results-") + 8
        cache.write_text("", "utf8")  # no folder can be made there
        again = store_module._rescue_folder(Path("/a/results"))
        assert again == temporary / "infomax-unsaved" / one.name
        temporary.write_text("", "utf8")
        with pytest.raises(OSError, match=r"^nowhere to keep them$"):
            store_module._rescue_folder(Path("/a/results"))


class TestFiles:
    def test_come_in_the_order_of_their_dates(self, tmp_path):
        store = Store(tmp_path)
        for key, date in (("a", "2025-01-02"), ("b", "2025-01-01"), ("c", "2025-01-01")):
            store.write("runs", [row(key)], date=date)
        found = store.files("runs")
        assert [info.metadata["date"][-1] for info in found] == ["1", "1", "2"]
        assert found[0].path.name < found[1].path.name
        assert store.source("runs", "a") == found[2]
        with pytest.raises(AttributeError):
            found[2].rows = 0
        assert store.source_names("runs", ["a", "none"]) == {"a": found[2].path.name}
        assert store.source_names("weights", ["a"]) == {}

    def test_say_what_wrote_them(self, tmp_path):
        now = datetime.now(UTC).replace(microsecond=0)
        Store(tmp_path).write("runs", [row("a")], seconds=1)
        (info,) = Store(tmp_path).files("runs")
        assert info.metadata == {
            "format": 1,
            "date": info.metadata["date"],
            "library": infomax_lib.__version__,
            "code": code_fingerprint(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "seconds": 1,
        }
        assert timedelta(0) <= datetime.fromisoformat(info.metadata["date"]) - now < timedelta(1)
        assert len(info.metadata["date"]) == len("2025-01-01T00:00:00+00:00")
        assert pq.read_metadata(info.path).row_group(0).column(0).compression == "ZSTD"

    def test_of_one_row_computed_twice_the_greater_name_counts(self, tmp_path):
        store = Store(tmp_path)
        for value in (1.0, 2.0, 3.0, 4.0):
            store.write("runs", [row("a", value)])
        last = pq.read_table(files(tmp_path)[-1]).to_pylist()[0]["value"]
        assert store.load("runs", ["a"])["a"]["value"] == last
        assert Store(tmp_path).load("runs", ["a"])["a"]["value"] == last

    def test_kinds_are_folders_that_are_not_hidden(self, tmp_path):
        store = Store(tmp_path / "own", [tmp_path / "below"])
        assert store.kinds() == []
        for folder in ("own/weights", "own/.git", "below/runs", "below/weights"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "own" / "README").write_text("", "utf8")
        assert store.kinds() == ["runs", "weights"]

    def test_a_digest_means_the_same_in_every_version(self, tmp_path):
        store = Store(tmp_path)
        store.write("runs", [row("b", 0.1), row("a")])
        store.write("weights", [row("a")])
        assert store.digest() == store.digest("weights", "runs")
        assert store.digest() == (
            "1203b35d66bc96dfcc5dcddae02ed869da080dba109222fc676d7002522abcba"
        )

    def test_are_tried_again_after_a_second_interrupt(self, tmp_path, monkeypatch):
        store = Store(tmp_path)

        def interrupted(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as disk:
            disk.setattr(store_module, "write_whole", interrupted)
            with pytest.raises(KeyboardInterrupt):
                store.write("runs", [row("a")])
        assert on_disk(tmp_path) == set()
        assert store.keys("runs") == {"a"}
        store.settle()
        assert on_disk(tmp_path) == {"a"}


class TestFingerprint:
    @pytest.fixture
    def sources(self, tmp_path, monkeypatch):
        """A library of two files, and the fingerprint of it with a package."""
        root = tmp_path / "library"
        (root / "results").mkdir(parents=True)
        (root / "a.py").write_text("x = 1\n", "utf8")
        (root / "results" / "store.py").write_text("y = 1\n", "utf8")
        monkeypatch.setattr(files_module, "__file__", str(root / "results" / "files.py"))
        return root, code_fingerprint.__wrapped__

    def test_depends_on_names_places_and_contents(self, sources):
        root, fingerprint = sources
        seen = {fingerprint()}
        (root / "a.py").write_text("x = 2\n", "utf8")
        seen.add(fingerprint())
        (root / "a.py").rename(root / "b.py")
        seen.add(fingerprint())
        (root / "b.py").rename(root / "results" / "b.py")
        seen.add(fingerprint())
        assert len(seen) == 4
        assert all(re.fullmatch("[0-9a-f]{16}", each) for each in seen)

    def test_covers_a_package_and_not_a_script_beside_the_library(
        self, sources, tmp_path, monkeypatch
    ):
        root, fingerprint = sources
        other = tmp_path / "other"
        other.mkdir()
        for name in ("__init__.py", "script.py"):
            (other / name).write_text("z = 1\n", "utf8")
        for name, file in (
            ("package", other / "__init__.py"),
            ("script", other / "script.py"),
            ("library", root / "__init__.py"),
            ("unknown", None),
        ):
            monkeypatch.setitem(sys.modules, name, SimpleNamespace(__file__=file and str(file)))
        alone = fingerprint("not imported")
        assert fingerprint("package") != alone
        assert fingerprint("script") == fingerprint("library") == fingerprint("unknown") == alone

    def test_fingerprint_is_of_the_package_s_sources(self):
        assert len(code_fingerprint()) == 16
        assert code_fingerprint() == code_fingerprint()

    def test_fingerprint_knows_neither_line_endings_nor_what_editors_leave(
        self, tmp_path, monkeypatch
    ):
        (tmp_path / "a.py").write_bytes(b"x = 1\ny = 2\n")
        monkeypatch.setattr(files_module, "__file__", str(tmp_path / "results" / "files.py"))
        original = code_fingerprint.__wrapped__()
        (tmp_path / "a.py").write_bytes(b"x = 1\r\ny = 2\r\n")
        (tmp_path / ".#a.py").symlink_to("somebody@somewhere.1234")  # Emacs has the file open
        (tmp_path / ".ipynb_checkpoints").mkdir()
        (tmp_path / ".ipynb_checkpoints" / "a-checkpoint.py").write_text("x = 0\n", "utf8")
        (tmp_path / "folder.py").mkdir()
        assert code_fingerprint.__wrapped__() == original
        (tmp_path / "b.py").write_text("", "utf8")
        assert code_fingerprint.__wrapped__() != original

    def test_the_code_fingerprint_covers_the_package_that_computed(self):
        import paper  # noqa: F401

        assert code_fingerprint("paper") != code_fingerprint()
        assert code_fingerprint("__main__") == code_fingerprint("infomax_lib")
