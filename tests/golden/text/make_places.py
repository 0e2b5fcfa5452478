#!/usr/bin/env python3
"""Makes places.json: what the reference gives for 1,000 texts of many scripts, alone and in pairs.

Needs the default models (scripts/get_models) and `pip install tokenizers==0.23.*`. An encoding is one line of numbers, six for
each token: id, type, begin, end (code points), word, text (the last two -1 where the template added the token). The file has
the 32-bit FNV-1a hash of each line, and the lines themselves of the first few texts.
"""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[2] / "models" / "downloaded"
TOKENIZERS = {
    "minilm": MODELS / "all-minilm-l6-v2",
    "smollm2": MODELS / "smollm2-135m-instruct",
    "tiny": HERE / "tiny",
    "tiny_fallback": HERE / "tiny_fallback",
}
TEXTS, WHOLE, PAIRS = 1000, 12, 200

SCRIPTS = [
    "the weir holds back water unbelievably internationalization O'Neill state-of-the-art e.g. U.S.A.",
    "Übermäßig größer naïve façade coöperate Ångström Łódź ŒUVRE İstanbul ǅ ﬁne ſtraße",
    "Cafe\u0301 re\u0301sume\u0301 A\u0308\u0323b Z\u0351\u036b\u0343\u036a\u0302 \u0301start n\u0303o\u0303",
    "Việt Nam tiếng nước đường phố Hà Nội phở",
    "Привет мир река течёт к морю Ёлка съезд й и\u0306",
    "Καλημέρα κόσμε ΟΔΥΣΣΕΥΣ ά α\u0301 ποτάμι",
    "مرحبا كيف حالك اليوم السَّلَامُ عَلَيْكُمْ نهر",
    "שלום עולם שָׁלוֹם נהר",
    "नमस्ते दुनिया क्षत्रिय नदी হ্যালো বিশ্ব ਸਤਿ தமிழ் ஆறு తెలుగు ಕನ್ನಡ മലയാളം සිංහල",
    "สวัสดีชาวโลก แม่น้ำ ສະບາຍດີ မင်္ဂလာပါ ជំរាបសួរ བཀྲ་ཤིས",
    "日本語の文章です。水は低い方へ 東京、大阪 カタカナ ﾊﾝｶｸ が か\u3099",
    "中文没有空格 河流，流向大海。 繁體字 𠀀𠮷𫝀 㐀㒨 豈更",
    "한국어 안녕하세요 강물 \u1112\u1161\u11ab",
    "ქართული հայերեն አማርኛ ᏣᎳᎩ ᠮᠣᠩᠭᠣᠯ ⴰⵎⴰⵣⵉⵖ",
    "😀 👍🏽 👨\u200d👩\u200d👧\u200d👦 🇩🇪🇫🇷 ❤\ufe0f ☃ 1\ufe0f\u20e3",
    "0 12 345 6,789.01 ½ ² Ⅷ ٣٤ 2026-01-02T12:34:56 0x1F",
    "!? ... -- — … “q” ‘q’ «q» ()[]{} <b> \\ | @ # $%^&*_+=~` ¿¡ § 、。「」",
    "\x00 \x01\x1b[31m \x7f \x85 \ufffd \ufeff \u200b \u2060 \xad \ue000 \U000f0000 \uffff \u202ex\u202c",
    "ｆｕｌｌ ｗｉｄｔｈ Ⓐ ㌔ ㍿ ℃ ﷺ 𝓢𝔠𝕣 𝟙𝟚",
    "[CLS] [SEP] [UNK] [MASK] <|im_start|> <|im_end|> <|endoftext|> <s> </s> <tool_call>",
]
SPACES = [" "] * 12 + ["", "", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2003", " \n\n ", "\u2028"]


def texts() -> list[str]:
    draw = random.Random(21)
    pools = [script.split(" ") for script in SCRIPTS]
    made = ["", " ", "\n", "a", "\u0301", "supercalifragilisticexpialidocious", "x" * 120, "日" * 40]
    while len(made) < TEXTS:
        chosen = draw.choices(pools, k=draw.choice([1, 1, 1, 2, 3]))
        words = [draw.choice(draw.choice(chosen)) for _ in range(draw.choice([1, 2, 4, 6, 9]))]
        text = "".join(word + draw.choice(SPACES) for word in words)
        made.append(draw.choice(["", "", "", " "]) + (text if draw.random() < 0.2 else text.strip(" ")))
    return made


def line_of(encoding) -> str:
    numbers = []
    for token, word, text, (begin, end), kind in zip(
        encoding.ids, encoding.word_ids, encoding.sequence_ids, encoding.offsets, encoding.type_ids
    ):
        none = word is None or text is None
        numbers += [token, kind, begin, end, -1 if none else word, -1 if none else text]
    return " ".join(map(str, numbers))


def fnv(line: str) -> str:
    value = 0x811C9DC5
    for byte in line.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return f"{value:08x}"


def lines_of(folder: Path, all_texts: list[str]) -> dict:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    alone = [line_of(tokenizer.encode(text)) for text in all_texts]
    plain = [line_of(tokenizer.encode(text, add_special_tokens=False)) for text in all_texts]
    pairs = [line_of(tokenizer.encode(all_texts[i], all_texts[-1 - i])) for i in range(PAIRS)]
    return {
        "whole": alone[8 : 8 + WHOLE],
        "alone": [fnv(line) for line in alone],
        "plain": [fnv(line) for line in plain],
        "pairs": [fnv(line) for line in pairs],
    }


if __name__ == "__main__":
    made = texts()
    golden = {"texts": made, **{name: lines_of(folder, made) for name, folder in TOKENIZERS.items()}}
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
    (HERE / "places.json").write_text(text + "\n")
