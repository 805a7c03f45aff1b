"""Muon for kernels does to matrices what torch's own does, and to kernels what it does to their flat form."""

import pytest
import torch
from torch import distributed, multiprocessing, nn

from playground.muon import Muon, orthogonalise, share_out

KERNELS = ((6, 4, 3, 3), (8, 24), (5, 5))


def steps(optimizer: torch.optim.Optimizer, p: nn.Parameter, gradients: torch.Tensor) -> torch.Tensor:
    for gradient in gradients:
        p.grad = gradient.view_as(p).clone()
        optimizer.step()
    return p.detach()


@pytest.mark.parametrize("shape", [(8, 24), (24, 8)])
def test_matrices_move_as_with_torchs_muon(shape):
    torch.manual_seed(0)
    start, gradients = torch.randn(shape), torch.randn(3, *shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    settings = {"lr": 0.02, "weight_decay": 0.1}
    moved = steps(Muon([ours], **settings), ours, gradients)
    expected = steps(torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **settings), theirs, gradients)
    assert torch.allclose(moved, expected, atol=1e-3)


def test_kernels_move_as_their_flat_form_in_any_memory_layout():
    torch.manual_seed(0)
    start, gradients = torch.randn(6, 4, 3, 3), torch.randn(3, 6, 4, 3, 3)
    settings = {"lr": 0.02, "weight_decay": 0.1}
    flat = nn.Parameter(start.flatten(1).clone())
    expected = steps(Muon([flat], **settings), flat, gradients.flatten(2)).view_as(start)
    for layout in (torch.contiguous_format, torch.channels_last):
        kernel = nn.Parameter(start.clone(memory_format=layout))
        moved = steps(Muon([kernel], **settings), kernel, gradients)
        assert torch.allclose(moved, expected, atol=1e-5)


def test_updates_are_nearly_orthogonal():
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(16, 40), 5).float())
    assert values.min() > 0.5 and values.max() < 1.3


def in_one_of_two(rank, folder, gradients):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(of_three(gradients), folder / f"{rank}.pt")
    distributed.destroy_process_group()


def of_three(gradients):
    """Where three kernels end up; two processes can't share them out evenly."""
    torch.manual_seed(0)
    kernels = [nn.Parameter(torch.randn(shape)) for shape in KERNELS]
    optimizer = Muon(kernels, lr=0.02, weight_decay=0.1)
    for row in gradients:
        for kernel, gradient in zip(kernels, row, strict=True):
            kernel.grad = gradient.clone()
        optimizer.step()
    return [kernel.detach() for kernel in kernels]


def test_processes_that_share_the_work_all_move_as_one_alone(tmp_path):
    torch.manual_seed(1)
    gradients = [[torch.randn(shape) for shape in KERNELS] for _ in range(2)]
    multiprocessing.spawn(in_one_of_two, (tmp_path, gradients), nprocs=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as there: sums of several threads are rounded otherwise
    alone = of_three(gradients)
    torch.set_num_threads(threads)
    for rank in range(2):
        assert all(torch.equal(a, b) for a, b in zip(torch.load(tmp_path / f"{rank}.pt"), alone, strict=True))


def test_work_goes_to_whoever_has_least():
    assert share_out([5, 1, 1, 3], 2) == [0, 1, 1, 1]
    assert share_out([5], 3) == [0]
