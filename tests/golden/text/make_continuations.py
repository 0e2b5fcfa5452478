#!/usr/bin/env python3
"""Makes continuations.json: what a completion adds to its prompt's text, by the reference library, for decoders that treat
the start of a text, neighbouring tokens or bytes in their own way. Needs only `pip install tokenizers==0.23.*`.
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HERE = Path(__file__).resolve().parent
WORDS = ["▁", "▁▁▁", "▁Hello", "▁world", "lo", "▁the", "s", ".", "'", "▁.", "▁n't", "é", "水", "▁水"]
BYTES = [f"<0x{byte:02X}>" for byte in (0x20, 0x41, 0xC3, 0xA9, 0xE6, 0xB0, 0xB4, 0xF0, 0x9F, 0x98, 0x80)]
SPECIAL = ["<s>", "</s>"]


def word_level(pieces, decoder):
    vocabulary = {piece: id for id, piece in enumerate(["<unk>"] + pieces)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.add_special_tokens(SPECIAL)
    if decoder is not None:
        tokenizer.decoder = decoder
    return tokenizer


def llama2():
    return decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def bytes_of_gpt2():
    # The letters that stand for bytes: those that print for themselves, the others, in order, from U+0100 on.
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    return pieces + ["Hello", "ĠHello", "Ġworld", "ĠĠ", "Ċ"]


TOKENIZERS = {
    "metaspace": word_level(WORDS, decoders.Metaspace()),
    "metaspace_first": word_level(WORDS, decoders.Metaspace(prepend_scheme="first")),
    "metaspace_never": word_level(WORDS, decoders.Metaspace(prepend_scheme="never")),
    "llama2": word_level(WORDS + BYTES, llama2()),
    "strip_three": word_level(
        WORDS, decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 3, 0)])),
    "byte_level": word_level(bytes_of_gpt2(), decoders.ByteLevel()),
    "word_piece": word_level(["he", "##llo", "world", "##s", ".", "n't", "'", "s"], decoders.WordPiece()),
    "bpe_suffix": word_level(["he", "llo</w>", "world</w>", "s</w>", "a"], decoders.BPEDecoder()),
    "ctc": word_level(["<pad>", "|", "h", "e", "l", "o"], decoders.CTC(pad_token="<pad>")),
    "joined": word_level(["hello", "world", "s"], None),
}


def continuation(tokenizer, prompt, completion, skip):
    """None: the completion changes the prompt's own text, so that there is no such text."""
    head = tokenizer.decode(prompt, skip_special_tokens=skip)
    whole = tokenizer.decode(prompt + completion, skip_special_tokens=skip)
    settled = head.rstrip("\ufffd")
    if whole.startswith(head):
        return whole[len(head):]
    # A prompt that ends within a character, which the completion finishes.
    return whole[len(settled):] if settled != head and whole.startswith(settled) else None


def prompts_of(tokenizer, rng):
    """Ids the way a client may send them; two thirds end with words, the way a template does."""
    size = tokenizer.get_vocab_size()
    for length in [0, 1, 1, 2, 3, 5, 9, 20, 60]:
        yield [rng.randrange(1, size) for _ in range(length)]
    yield [tokenizer.token_to_id("<s>")] * 12


def chosen(name, tokenizer, rng):
    cases = []
    for prompt in [p for _ in range(4) for p in prompts_of(tokenizer, rng)]:
        completion = [rng.randrange(1, tokenizer.get_vocab_size()) for _ in range(rng.choice([1, 2, 6]))]
        for skip in (False, True):
            text = continuation(tokenizer, prompt, completion, skip)
            if text is None or (text.find("\ufffd") >= 0 and name == "llama2"):
                continue  # a run of bytes that is no text is rewritten as it grows, which a stream cannot
            cases.append({"tokenizer": name, "prompt": prompt, "completion": completion, "skip": skip, "text": text})
    return cases


def runs_of_bytes(tokenizer):
    smile = [tokenizer.token_to_id(f"<0x{byte:02X}>") for byte in "😀".encode()]
    hello = [tokenizer.token_to_id("▁Hello")]
    for prompt, completion in [
        (hello + smile, smile + hello),
        (hello + smile * 3 + smile[:2], smile[2:] + hello),
        (smile * 30, smile * 2 + hello),
        (smile * 100, smile + hello),
        (hello + smile[:1], smile[1:]),
    ]:
        text = continuation(tokenizer, prompt, completion, True)
        assert text is not None
        yield {"tokenizer": "llama2", "prompt": prompt, "completion": completion, "skip": True, "text": text}


def main():
    rng = random.Random(7)
    cases = [case for name, tokenizer in TOKENIZERS.items() for case in chosen(name, tokenizer, rng)]
    cases += runs_of_bytes(TOKENIZERS["llama2"])
    golden = {"tokenizers": {name: json.loads(t.to_str()) for name, t in TOKENIZERS.items()}, "cases": cases}
    (HERE / "continuations.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n")
    for name in TOKENIZERS:
        print(name, sum(case["tokenizer"] == name for case in cases))


if __name__ == "__main__":
    main()
