"""What stored results took: shares of files, threads, devices."""

import pandas as pd
import pytest

from infomax_lib.results.store import open_store
from paper.pages.computing_time import computing_seconds, computing_words


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path)
    a, b = [{"key": f"a{i}"} for i in range(4)], [{"key": "b"}]
    store.write("halves", a, seconds=3600.0, device="cpu", threads=2)
    store.write("halves", b, seconds=1800.0, device="cpu", threads=1)
    store.write("runs", [{"key": "c"}], seconds=7200.0, device="NVIDIA H100", threads=8)
    store.write("features", [{"key": "b"}], seconds=100.0, device="cpu", threads=1)
    return store


def test_a_row_takes_its_part_of_the_files_time_on_all_its_threads(store):
    assert computing_seconds(store, "halves", ["a0"]) == {"cpu": 1800}
    assert computing_seconds(store, "halves", ["a0", "a0", "a3", "b", "?"]) == {"cpu": 5400}
    assert computing_seconds(store, "runs", ["c"]) == {"NVIDIA H100": 7200}
    assert computing_seconds(store, "halves", ["c"]) == {}


def test_the_same_is_seen_by_who_opens_the_store_later(store):
    assert computing_seconds(open_store(store.folder), "halves", ["b"]) == {"cpu": 1800}


def test_rows_of_several_tables_count_once_and_only_in_the_kinds_asked_for(store):
    tables = [pd.DataFrame({"key": ["a0", "b"]}), pd.DataFrame({"key": ["b", "c"]})]
    words = computing_words(store, ["halves", "runs"], tables)
    assert words == (
        "What is shown here took 2 h of NVIDIA H100 and 1 h of one CPU core to compute."
    )
    assert "no time on record" in computing_words(store, ["halves"], [])
