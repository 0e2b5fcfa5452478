#!/usr/bin/env python3
"""Turns a GGUF of the llama architecture into a Hugging Face directory: bfloat16 safetensors, configs, tokenizer, chat template.

usage: gguf_to_hf.py IN.gguf OUT_DIR [NAME=VALUE...]

NAME=VALUE is a further entry of generation_config.json, VALUE as in JSON: a GGUF does not carry the sampling of the model's card.
Needs gguf, numpy, safetensors, tokenizers; no torch. The weights are what the GGUF holds, dequantized: what quantization
lost stays lost, and the directory's README.md says so.
"""
import json
import os
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, dequantize
from safetensors import TensorSpec, serialize_file
from tokenizers import Tokenizer

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL_TOKEN, USER_TOKEN = 3, 4  # tokenizer.ggml.token_type


def hf_name(name):
    """blk.3.attn_q.weight -> model.layers.3.self_attn.q_proj.weight"""
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{BLOCK_NAMES[parts[2]]}.{parts[3]}"
    return f"{NAMES[parts[0]]}.{parts[1]}"


def to_bfloat16(x):
    """float32 -> the upper half of its bits, rounded to nearest even."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + (((bits >> 16) & 1) + 0x7FFF)) >> 16).astype(np.uint16)


def interleaved_to_halves(w, heads):
    """llama.cpp stores each head's Q and K rows as rotary pairs (x0, y0, x1, y1, ...); Hugging Face as halves (x..., y...)."""
    rows, columns = w.shape
    return w.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def weights(reader, heads, kv_heads):
    """Yields (Hugging Face name, shape, bfloat16 bits) of every tensor."""
    for i, tensor in enumerate(reader.tensors):
        w = dequantize(tensor.data, tensor.tensor_type)
        w = w.reshape([int(n) for n in reversed(tensor.shape)])
        if tensor.name.endswith("attn_q.weight"):
            w = interleaved_to_halves(w, heads)
        elif tensor.name.endswith("attn_k.weight"):
            w = interleaved_to_halves(w, kv_heads)
        progress(i + 1, len(reader.tensors))
        yield hf_name(tensor.name), w.shape, to_bfloat16(w)


def progress(done, total):
    if sys.stdout.isatty():
        print(f"\r  tensor {done} of {total}", end="\n" if done == total else "", flush=True)
    elif done == total:
        print(f"  {total} tensors")


def tokenizer_json(tokens, types, merges, pre):
    """A byte-level BPE tokenizer in the tokenizers library's own format."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    pre_tokenizers = {
        # SmolLM2 splits each digit off before the GPT-2 rule.
        "smollm": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "gpt-2": byte_level,
    }
    if pre not in pre_tokenizers:
        sys.exit(f"tokenizer.ggml.pre is {pre!r}; this reads {', '.join(pre_tokenizers)}")
    added = [
        {"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
         "special": kind == CONTROL_TOKEN}
        for i, kind in enumerate(types) if kind in (CONTROL_TOKEN, USER_TOKEN)
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": pre_tokenizers[pre],
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {t: i for i, t in enumerate(tokens)},
            "merges": [m.split(" ") for m in merges],
        },
    }


def convert(src, out, generation):
    reader = GGUFReader(src)
    get = lambda key, default=None: reader.fields[key].contents() if key in reader.fields else default
    if get("general.architecture") != "llama":
        sys.exit(f"{src}: architecture is {get('general.architecture')}; this reads llama")
    if get("tokenizer.ggml.model") != "gpt2":
        sys.exit(f"{src}: tokenizer is {get('tokenizer.ggml.model')}; this reads gpt2 (byte-level BPE)")
    os.makedirs(out, exist_ok=True)
    path = lambda name: os.path.join(out, name)

    def save(name, value):
        with open(path(name), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=2, ensure_ascii=False)
            f.write("\n")

    heads, kv_heads = get("llama.attention.head_count"), get("llama.attention.head_count_kv")
    arrays = {name: (shape, bits) for name, shape, bits in weights(reader, heads, kv_heads)}
    # The specs hold addresses: `arrays` must outlive the write.
    serialize_file(
        {name: TensorSpec(dtype="bfloat16", shape=list(shape), data_ptr=bits.ctypes.data, data_len=bits.nbytes)
         for name, (shape, bits) in arrays.items()},
        path("model.safetensors"), metadata={"format": "pt"})
    os.chmod(path("model.safetensors"), 0o644)  # a daemon in a container runs as another user

    tokens = get("tokenizer.ggml.tokens")
    bos, eos = get("tokenizer.ggml.bos_token_id"), get("tokenizer.ggml.eos_token_id")
    pad, unk = get("tokenizer.ggml.padding_token_id", eos), get("tokenizer.ggml.unknown_token_id")
    theta = get("llama.rope.freq_base", 10000.0)
    save("config.json", {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": bos,
        "eos_token_id": eos,
        "pad_token_id": pad,
        "dtype": "bfloat16",
        "head_dim": get("llama.rope.dimension_count"),
        "hidden_act": "silu",
        "hidden_size": get("llama.embedding_length"),
        "initializer_range": 0.02,
        "intermediate_size": get("llama.feed_forward_length"),
        "max_position_embeddings": get("llama.context_length"),
        "mlp_bias": False,
        "num_attention_heads": heads,
        "num_hidden_layers": get("llama.block_count"),
        "num_key_value_heads": kv_heads,
        "rms_norm_eps": get("llama.attention.layer_norm_rms_epsilon"),
        "rope_parameters": {"rope_theta": theta, "rope_type": "default"},
        "rope_theta": theta,
        "tie_word_embeddings": "lm_head.weight" not in arrays,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": len(tokens),
    })
    save("generation_config.json", {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad, **generation})
    save("tokenizer.json", tokenizer_json(tokens, get("tokenizer.ggml.token_type"), get("tokenizer.ggml.merges"),
                                          get("tokenizer.ggml.pre")))
    Tokenizer.from_file(path("tokenizer.json"))  # refuses what the library cannot read
    template = get("tokenizer.chat_template")
    save("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[bos],
        "eos_token": tokens[eos],
        "pad_token": tokens[pad],
        "unk_token": tokens[unk] if unk is not None else None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": get("llama.context_length"),
        "chat_template": template,
    })
    with open(path("chat_template.jinja"), "w", encoding="utf-8") as f:
        f.write(template)

    kinds = sorted({t.tensor_type.name for t in reader.tensors} - {GGMLQuantizationType.F32.name})
    bits = min(int(k[1]) for k in kinds if k[0] == "Q") if kinds else 32
    with open(path("README.md"), "w", encoding="utf-8") as f:
        f.write(f"# {get('general.name')}\n\n"
                f"Dequantized from `{os.path.basename(src)}` ({', '.join(kinds)}) to bfloat16. These weights went through {bits} bits: answers "
                "differ a little from the original checkpoint's. "
                f"Licence of the weights: {get('general.license')}.\n")
    print(f"  {out}: dequantized from {', '.join(kinds)}; these weights went through {bits} bits")


def entries(arguments):
    """NAME=VALUE... as a dict."""
    read = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        try:
            read[name] = json.loads(value)
        except ValueError:
            sys.exit(f"gguf_to_hf: {argument!r} is not NAME=VALUE with a VALUE as in JSON")
    return read


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2], entries(sys.argv[3:]))
