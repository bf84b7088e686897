# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done beside the forward pass: in order, with bounds, and never lost in silence."""

from __future__ import annotations

import os
import threading
from functools import partial

import pytest

pytest.importorskip("torch")

import torch

from forward_pass.tracer import clerk
from forward_pass.tracer.clerk import Clerk

LONG = 20.0  # seconds: what is waited for at most before a test has failed


def identity(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "clerk"]


def test_jobs_are_done_in_order_in_another_thread() -> None:
    done: list[int] = []
    where: set[int] = set()
    with Clerk() as one:
        for number in range(200):
            one.do(partial(done.append, number))
            one.do(lambda: where.add(threading.get_ident()))
        one.settle()
        assert done == list(range(200))
    assert len(where) == 1 and threading.get_ident() not in where


def test_a_clerk_who_was_not_called_in_does_it_at_once() -> None:
    done: list[int] = []
    one = Clerk()
    one.do(lambda: done.append(threading.get_ident()))
    assert done == [threading.get_ident()]
    one.settle()


def test_what_goes_wrong_is_raised_to_the_next_who_comes() -> None:
    gone_wrong = threading.Event()

    def fail() -> None:
        gone_wrong.set()
        raise ZeroDivisionError("here")

    done: list[int] = []
    with Clerk() as one:
        one.do(fail)
        assert gone_wrong.wait(LONG)
        with pytest.raises(ZeroDivisionError, match="here"):
            one.settle()
        with pytest.raises(ZeroDivisionError, match="here"):
            one.do(lambda: done.append(1))
    assert done == []  # the job was refused, not done behind the error


def test_what_goes_wrong_at_once_is_raised_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        Clerk().do(lambda: 1 // 0)  # type: ignore[arg-type]


def test_a_tensor_is_needed_until_its_job_is_done() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert may_end.wait(LONG)

    first, second, apart = torch.ones(3), torch.ones(3), torch.ones(3)
    with Clerk() as one:
        one.do(slow, first[1:])  # a view: it is the storage that is needed
        one.do(lambda: None, second)
        assert begun.wait(LONG)
        assert one.is_needed(identity(first)) and one.is_needed(identity(second))
        assert not one.is_needed(identity(apart))
        may_end.set()
        one.settle()
        assert not one.is_needed(identity(first)) and not one.is_needed(identity(second))


def test_settling_waits_for_the_last_job() -> None:
    done: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert may_end.wait(LONG)
        done.append("slow")

    with Clerk() as one:
        one.do(slow)
        assert begun.wait(LONG)
        threading.Timer(0.05, may_end.set).start()
        one.settle()
        assert done == ["slow"]


def test_whoever_brings_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clerk, "MOST", 64)
    begun, may_end, brought = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert may_end.wait(LONG)

    with Clerk() as one:

        def bring() -> None:
            one.do(lambda: None, torch.ones(1))
            brought.set()

        one.do(slow, torch.ones(100))  # 400 bytes: more than may wait
        assert begun.wait(LONG)
        helper = threading.Thread(target=bring)
        helper.start()
        assert not brought.wait(0.2)
        may_end.set()
        assert brought.wait(LONG)
        helper.join(LONG)
        one.settle()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_an_interrupt_ends_the_thread_and_what_waits_is_dropped(kind: type[BaseException]) -> None:
    done: list[int] = []
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert may_end.wait(LONG)

    with pytest.raises(kind), Clerk() as one:
        one.do(slow)
        for number in range(10):
            one.do(partial(done.append, number))
        assert begun.wait(LONG) and len(threads()) == 1
        threading.Timer(0.05, may_end.set).start()
        raise kind
    assert threads() == [] and done == []


def test_gradients_are_not_kept_by_the_clerk() -> None:
    weight = torch.ones(3, requires_grad=True)
    made: list[bool] = []
    with Clerk() as one:
        one.do(lambda: made.append((2 * weight).requires_grad), weight)
        one.settle()
    assert made == [False]


@pytest.mark.parametrize(("threads", "cores", "spare"), [(1, 2, True), (2, 2, False), (4, 2, False)])
def test_kernels_that_take_all_cores_leave_none_to_a_clerk(
    monkeypatch: pytest.MonkeyPatch, threads: int, cores: int, spare: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert clerk.has_a_core_to_spare(torch.nn.Linear(2, 2)) is spare


def test_beside_a_gpu_there_is_always_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1 << 16)
    assert clerk.has_a_core_to_spare(torch.nn.Linear(2, 2, device="meta"))
