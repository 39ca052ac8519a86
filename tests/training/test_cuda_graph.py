"""When a step is run, recorded and replayed, and that it can be; with stand-ins for the GPU."""

import contextlib

import pytest
import torch

from infomax_lib import RunSpec, grid
from infomax_lib.model.competition import COMPETITIONS, GROUPED
from infomax_lib.model.layer import ACTIVATIONS
from infomax_lib.model.objective import OBJECTIVES
from infomax_lib.model.spec import PRECISIONS
from infomax_lib.training.population import Population
from infomax_lib.training.tensors.cuda_graph import GraphedStep


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


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("competition", COMPETITIONS)
def test_a_step_can_be_recorded(tiny, competition, objective):
    """It reads no value back and mixes no devices: on "meta", whose tensors have none, both raise.

    Adam alone: PyTorch has no fused SGD for that device.
    """
    base = RunSpec(
        hidden_dim=4,
        competition=competition,
        objective=objective,
        group_size=2 if competition in GROUPED else 1,
        lambda_lse=0.5,
    )
    specs = [
        *grid(base, activation=list(ACTIVATIONS), learning_rate=[1e-3, 1e-2], seed=[0, 1]),
        *grid(base.but(lambda_tc=1.0, lambda_wr=1.0), seed=[0, 1]),
    ]
    for precision in PRECISIONS:
        own = [spec.but(precision=precision) for spec in specs]
        population = Population(own, tiny, "meta", torch.float32)
        steps = population.train([torch.zeros(2, 16, dtype=torch.int64)] * 2)
        assert steps == 2
        assert {weight.device.type for weight in population.weight} == {"meta"}
