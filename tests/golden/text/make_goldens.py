#!/usr/bin/env python3
"""Makes the tiny tokenizers and every golden of tests/text with the reference libraries: tokenizers, transformers, jinja2.

Needs the default models (scripts/get_models) and `pip install tokenizers==0.23.* transformers jinja2`.
"""

import json
from pathlib import Path

import jinja2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.decoders import DecodeStream
from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[2] / "models" / "downloaded"

CORPUS = [
    "The river runs to the sea, and the weir holds back the water of the river.",
    "A tokenizer splits text into tokens; the tokens become numbers, and numbers become text again.",
    "Wörter mit Umlauten: Übermut, Ärger, Öl, Straße, größer, süß.",
    "日本語の文章です。水は低い方へ流れる。東京、大阪、京都。",
    "Привет, как дела? Река течёт к морю.",
    "مرحبا كيف حالك اليوم",
    "for (int i = 0; i < 10; ++i) { sum += values[i]; }  // code",
    "1 22 333 4444 3.14159 2026-01-02 12:34:56",
    "Hello there! How are you? I am fine, thanks. Hello again, hello hello hello.",
    "😀 😃 👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️",
] * 3

TEXTS = [
    "",
    " ",
    "a",
    "Hello there! How are you?",
    "Hello  double   triple    spaces",
    "   leading and trailing   ",
    "don't we've I'll they're he'd I'm it's",
    "😀",
    "😀😃 👍🏽 thumbs",
    "family 👨‍👩‍👧‍👦 of four",
    "flags 🇩🇪🇫🇷🇯🇵 and ❤️ and ☃︎",
    "日本語の文章です。水は低い方へ流れる。",
    "中文没有空格",
    "한국어 텍스트 안녕하세요",
    "Привет, как дела?",
    "مرحبا كيف حالك",
    "שלום עולם",
    "สวัสดีชาวโลก",
    "नमस्ते दुनिया",
    "e\u0301 combining, é composed, a\u0308\u0323 two marks",
    "Z\u0351\u036b\u0343\u036a\u0302A\u0334\u0335\u031e\u0329L\u0320G\u0333O\u033f\u031a",
    "1234567890 3.14159 1,000,000 ½ ² Ⅷ ٣",
    "line one\nline two\n\n\nline five",
    "carriage\r\nreturn\r\n\r\nand\ralone",
    "tab\tseparated\t\tvalues\t",
    "   \n   \t  \n mixed white",
    "nonbreaking\u00a0space\u2003em\u200bzero\ufeffbom",
    "control \x00\x01\x02\x1b[31m\x7f characters",
    "replacement \ufffd and \ufffd\ufffd itself",
    "private \ue000 \U000f0000 noncharacter \uffff",
    "<|im_start|>user\nHi<|im_end|>\n",
    "text<|endoftext|>text <|im_end|><|im_start|>",
    "<|im_start |> almost <|im_end",
    "[CLS] bert [SEP] words [PAD] [MASK] [UNK]",
    "<s>llama</s> <unk> <0x41>",
    "http://example.com/a?b=c&d=%20#frag user@example.com",
    "def f(x):\n    return {'a': [1, 2, (3,)]}\n",
    "UPPER lower MiXeD camelCase snake_case kebab-case",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "!?.,;:-–—…“”‘’«»()[]{}<>/\\|@#$%^&*_+=~`",
    "ﬁ ligature ﬀ Ⓐ ｆｕｌｌ ｗｉｄｔｈ ㌔",
    "ǅ ß ẞ İ ı ſ K Å",
    "\u202eright to left\u202c",
    "a" * 300,
    "ab" * 700,
    " " * 500 + "x",
    "\n" * 100,
    "9" * 200,
    "é" * 250,
    "😀" * 80,
    "日" * 150,
    "word " * 300,
]


def tiny_bytes_level() -> Tokenizer:
    """Byte-level BPE like GPT-2's, with special tokens, and a truncation and padding that a reader must clear."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(["<tool_call>", "日本語"])
    start = tokenizer.token_to_id("<|im_start|>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
    )
    return tokenizer


def tiny_byte_fallback() -> Tokenizer:
    """BPE over characters that falls back to bytes, spaces as U+2581, like Llama 2's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁[^▁]*"), "isolated")
    specials = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=specials + [f"<0x{byte:02X}>" for byte in range(256)],
        limit_alphabet=70,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    made = json.loads(tokenizer.to_str())
    # The byte tokens are plain entries of the vocabulary, not added tokens.
    made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] in specials]
    made["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(made))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return tokenizer


def stream_pieces(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    stream = DecodeStream(skip_special_tokens=False)
    return [stream.step(tokenizer, token) or "" for token in ids]


def encodings_of(tokenizer: Tokenizer, with_pieces: bool) -> dict:
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        case = {
            "text": text,
            "ids": ids,
            "plain": plain,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "skipped": tokenizer.decode(ids, skip_special_tokens=True),
        }
        if with_pieces and len(plain) < 100:
            case["pieces"] = stream_pieces(tokenizer, plain)
        cases.append(case)
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    return {"vocabulary_size": highest + 1, "cases": cases}


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def make_tokenizers() -> None:
    for name, tokenizer in (("tiny", tiny_bytes_level()), ("tiny_fallback", tiny_byte_fallback())):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        write_json(HERE / f"encodings_{name}.json", encodings_of(tokenizer, with_pieces=True))
        tokenizer.enable_truncation(8)
        tokenizer.enable_padding(length=16, pad_id=0, pad_token=tokenizer.id_to_token(0))
        (folder / "tokenizer.json").write_text(
            json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n"
        )


def make_encodings() -> None:
    for name, folder in (("smollm2", "smollm2-135m-instruct"), ("minilm", "all-minilm-l6-v2")):
        tokenizer = Tokenizer.from_file(str(MODELS / folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        write_json(HERE / f"encodings_{name}.json", encodings_of(tokenizer, with_pieces=name == "smollm2"))


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def system(content):
    return {"role": "system", "content": content}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get <b>weather</b> & it's good",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "city, \"quoted\""},
                "days": {"type": "integer", "default": 3},
                "hours": {"type": "array", "items": {"type": "number"}},
            },
            "required": ["city"],
        },
    },
}
CALL = {
    "id": "call00001",
    "type": "function",
    "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2, "x": None, "y": True, "z": 1.5}},
}
BASE = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}
CONTEXTS = {
    "simple": {**BASE, "messages": [user("Hi é <x> 'q'"), assistant("Hello!"), user("And 2+2?")]},
    "one": {**BASE, "add_generation_prompt": False, "messages": [user("  only one, padded \n")]},
    "system": {**BASE, "messages": [system("Be brief."), user("Hi"), assistant("Hello!"), user("Bye")]},
    "unicode": {**BASE, "messages": [user("日本語 😀 e\u0301\r\n\ttab"), assistant("naïve ß İ"), user("¿Qué?")]},
    "tools": {
        **BASE,
        "tools": [WEATHER, WEATHER],
        "messages": [
            system("Be brief."),
            user("Weather?"),
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call00001", "name": "get_weather", "content": '{"t": 3}'},
            assistant("3 degrees"),
            user("thanks"),
        ],
    },
    "null_content": {
        **BASE,
        "tools": [WEATHER],
        "messages": [user("Weather?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}],
    },
    "parts": {
        **BASE,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": " Hello parts "}, {"type": "image"}]},
            {"role": "assistant", "content": [{"type": "image"}]},
        ],
    },
    "thinking": {
        **BASE,
        "enable_thinking": False,
        "messages": [user("q1"), assistant("<think>\nhmm\n</think>\n\nans1"), user("q2")],
    },
    "answered": {
        **BASE,
        "add_generation_prompt": False,
        "messages": [user("q1"), {**assistant("\nans"), "reasoning_content": "\nbecause\n"}],
    },
    "wrong_order": {**BASE, "messages": [user("one"), user("two"), assistant("three")]},
    "wrong_role": {**BASE, "messages": [user("one"), {"role": "narrator", "content": "two"}]},
    "long": {**BASE, "messages": [m for i in range(12) for m in (user(f"question {i}"), assistant(f"answer {i}"))]},
    "markup": {**BASE, "messages": [user("{{ bos_token }} {% raw %} {# x #} <|im_end|> </s>")]},
}


def make_templates() -> None:
    templates = {path.stem: path.read_text() for path in sorted((HERE / "templates").glob("*.jinja"))}
    rendered, refused = {}, 0
    for name, source in templates.items():
        compiled = _compile_jinja_template(source)
        for context_name, context in CONTEXTS.items():
            given = {"tools": None, "documents": None, "add_generation_prompt": False, **context}
            try:
                result = {"text": compiled.render(**given)}
            except (jinja2.exceptions.TemplateError, TypeError) as error:
                # Only what raise_exception says is part of the contract; other refusals have words of their own.
                own = type(error) is jinja2.exceptions.TemplateError
                result = {"refused": str(error) if own else None}
                refused += 1
            rendered.setdefault(name, {})[context_name] = result
    write_json(HERE / "templates.json", {"contexts": CONTEXTS, "rendered": rendered})
    print(f"{len(templates)} templates x {len(CONTEXTS)} contexts, {refused} refused")


if __name__ == "__main__":
    smollm2 = MODELS / "smollm2-135m-instruct" / "chat_template.jinja"
    (HERE / "templates" / "smollm2.jinja").write_text(smollm2.read_text())
    make_tokenizers()
    make_encodings()
    make_templates()
