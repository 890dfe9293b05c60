"""The hunter itself: what it has to find, it finds."""

import os
import random
import time

import fuzzing
import pytest

NUMBERS = {random.Random(number).random(): number for number in range(5)}


def spin():
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass


def hang():
    while True:
        pass


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda: 1 // 0, "ZeroDivisionError"),
        (spin, "took 0.4 s"),
        (lambda: bytearray(400 << 20), " MB"),
        (lambda: bytearray(4 << 30), "MemoryError"),
        (hang, "still at work"),
        (lambda: os._exit(7), "died with 7"),
    ],
    ids=["exception", "time", "memory", "too much memory", "hang", "death"],
)
def test_it_finds_what_is_wrong_and_goes_on(fault, told, monkeypatch):
    monkeypatch.setenv("STACKWRIGHT_FUZZ", "5")
    monkeypatch.delenv("STACKWRIGHT_FUZZ_SEED", raising=False)
    tried = 3
    with pytest.raises(pytest.fail.Exception) as caught:
        fuzzing.hunt(lambda chance: NUMBERS[chance.random()], lambda case: case == tried and fault(), 5, 5, seconds=0.3)
    assert "1 findings in 5 cases" in str(caught.value)
    assert told in str(caught.value)


def test_nothing_wrong_is_nothing_said():
    fuzzing.hunt(lambda chance: chance.random(), lambda case: None, 20, 20)
