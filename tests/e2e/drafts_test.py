"""Tokens that were guessed and came true are those that would have come one by one."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon import CHAT, Daemon, model

POEM = "The miller sat beside the weir, the water ran and ran. The miller sat beside the weir, and so the day began. "
MESSAGES = [POEM + "Say this once more, word for word.", "Count from one to fifty in words.", "List ten rivers of Europe.",
            "Write a loop in Python that prints the squares of 1 to 20."]


@pytest.fixture(scope="module")
def with_and_without():
    with Daemon(*model(CHAT)) as on, Daemon(*model(CHAT), "--drafts", "off") as off:
        yield on.ready(), off.ready()


def answers(daemon, temperature, at_once):
    def ask(index):
        choice = daemon.chat([{"role": "user", "content": MESSAGES[index]}], max_tokens=96, temperature=temperature, seed=index,
                             return_token_ids=True)["choices"][0]
        return choice["token_ids"], choice["finish_reason"]

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(ask, range(len(MESSAGES))))


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("temperature", [0, 0.7])
def test_the_text_is_the_same(with_and_without, temperature, at_once):
    on, off = with_and_without
    assert answers(on, temperature, at_once) == answers(off, temperature, 1)


def test_the_metrics_tell(with_and_without):
    on, off = with_and_without
    answers(on, 0, 1)
    labels = f'model="{CHAT}"'
    drafted, accepted = (on.metric(f"weir_draft_tokens_{end}", labels) for end in ("total", "accepted_total"))
    assert drafted > accepted > 50
    assert on.metric("vllm:spec_decode_num_accepted_tokens_total", f'model_name="{CHAT}"') == accepted
    assert off.metric("weir_draft_tokens_total", labels) == 0


def test_a_completion_ends_where_it_must(with_and_without):
    on, _ = with_and_without
    for tokens in (1, 2, 3, 17):
        answer = on.complete("one two one two one two one two one two", max_tokens=tokens, ignore_eos=True)
        assert answer["usage"]["completion_tokens"] == tokens
        assert answer["choices"][0]["finish_reason"] == "length"
    stopped = on.complete("a b c d e f g a b c d e f g a b c d e f g", max_tokens=60, stop=["c d"])
    assert "c d" not in stopped["choices"][0]["text"]
