"""When a step is run, recorded and replayed; with a stand-in for the GPU that records calls."""

import contextlib

import pytest
import torch

from infomax_lib.cuda_graph import GraphedStep


class Recorder:
    """Between entering and leaving ``graph`` steps are noted instead of run."""

    def __init__(self):
        self.recording, self.noted, self.seen, self.replays = False, [], [], 0

    def step(self, indices):
        if self.recording:
            self.noted.append(indices)
        else:
            self.seen.append(indices.tolist())

    @contextlib.contextmanager
    def graph(self, graph):
        self.recording = True
        yield
        self.recording = False
        graph.steps = self.noted

    def new_graph(self):
        recorder = self

        class Graph:
            def replay(self):
                recorder.replays += 1
                for indices in self.steps:
                    recorder.seen.append(indices.tolist())

        return Graph()


class Stream:
    def wait_stream(self, other):
        assert isinstance(other, Stream)


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "graph", recorder.graph)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", recorder.new_graph)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    return recorder


def test_every_batch_is_trained_once_and_in_order(recorder):
    usual = [torch.full((2, 4), n) for n in range(8)]
    short = torch.full((2, 3), 99)
    graphed = GraphedStep(recorder.step, usual[0])
    wanted = [*usual[:2], short, *usual[2:5], short, *usual[5:]]
    for indices in wanted:
        graphed(indices)
    assert recorder.seen == [indices.tolist() for indices in wanted]
    assert len(recorder.noted) == 1
    assert recorder.replays == 5  # three of the eight usual batches warmed up
