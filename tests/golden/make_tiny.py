"""Writes tiny/: seeded two-layer llama, qwen2, qwen3, mistral, phi3, gpt2 and bert models as Hugging Face directories, each with golden.json by
transformers. What encodes and then decodes is made by make_tiny_t5.py, what has a state by make_tiny_gru.py.

usage: make_tiny.py [NAME...]      (default: all)
"""
import json
import os
import shutil
import sys

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (BertConfig, BertForSequenceClassification, BertForTokenClassification, BertModel, GPT2Config,
                          GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Phi3Config,
                          Phi3ForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)
from transformers.pytorch_utils import Conv1D

from write import greedy, numbers, write

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "tiny")
CORPUS = ["a weir holds back the water of the river", "the dam on the river and the weir in the water",
          "water flows down the hill to the sea", "the quick brown fox jumps over the lazy dog", "back and forth, again"] * 3
VOCABULARY = 288
FEW_PIECES = 80  # of the tokenizers of pieces: logits of small models in small files
CHAT_TEMPLATE = ("{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>\n{% endfor %}"
                 "{% if add_generation_prompt %}<s>assistant\n{% endif %}")

LLAMA = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=256, vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=1, pad_token_id=1,
             rms_norm_eps=1e-5, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
BERT = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
            vocab_size=VOCABULARY, type_vocab_size=2, hidden_act="gelu", layer_norm_eps=1e-12, pad_token_id=0)


def old_rope_spelling(config):
    """rope_scaling, torch_dtype and no head_dim, as config.json said before transformers 5."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = {"type": rope.pop("rope_type"), **rope}
    config["torch_dtype"] = config.pop("dtype")
    del config["head_dim"]  # older files leave it to be hidden_size / num_attention_heads


# name: (seed, config, dtype of the file, shard size in bytes or None, edit of config.json)
LLAMAS = {
    "llama-gqa-tied": (1, dict(tie_word_embeddings=True), torch.float32, None, None),
    "llama-llama3-rope": (2, dict(hidden_size=64, intermediate_size=96, num_key_value_heads=1, rope_parameters={
        "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}), torch.bfloat16, None, None),
    "llama-linear-rope": (11, dict(attention_bias=True, mlp_bias=True, rope_parameters={
        "rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}), torch.float32, None, old_rope_spelling),
    "llama-sharded": (21, dict(hidden_size=48, head_dim=16, num_key_value_heads=4), torch.float16, 40000, None),
}
# The same of Qwen3: heads that are wider than hidden / heads, of another count than the keys', and normed.
QWEN3S = {
    "qwen3-head-norms": (33, dict(head_dim=16, num_attention_heads=6, tie_word_embeddings=True), torch.float32, None, None),
}
DECODERS = {**LLAMAS, **QWEN3S}
MISTRAL = dict(hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
               max_position_embeddings=128, vocab_size=FEW_PIECES, bos_token_id=0, eos_token_id=1, pad_token_id=1,
               rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
QWEN2 = dict(hidden_size=36, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
             max_position_embeddings=128, vocab_size=FEW_PIECES, bos_token_id=0, eos_token_id=1, pad_token_id=1,
             rope_parameters={"rope_type": "default", "rope_theta": 1000000.0})
PHI3 = dict(intermediate_size=40, num_hidden_layers=2, max_position_embeddings=128, vocab_size=FEW_PIECES, bos_token_id=0,
            eos_token_id=1, pad_token_id=1, original_max_position_embeddings=128)
YARN = dict(hidden_size=48, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1, head_dim=32,
            max_position_embeddings=128, vocab_size=FEW_PIECES, bos_token_id=0, eos_token_id=1, pad_token_id=1)
GPT2 = dict(n_embd=24, n_layer=2, n_head=3, n_positions=72, vocab_size=FEW_PIECES, bos_token_id=0, eos_token_id=1, pad_token_id=1)
# Decoders with a tokenizer of few pieces. name: (seed, config, model)
SMALL_DECODERS = {
    "gpt2": (66, GPT2Config(**GPT2), GPT2LMHeadModel),
    "gpt2-untied-scaled": (50, GPT2Config(**GPT2, n_inner=56, activation_function="gelu", scale_attn_by_inverse_layer_idx=True,
                                          tie_word_embeddings=False), GPT2LMHeadModel),
    "llama-yarn": (72, LlamaConfig(**YARN, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32}), LlamaForCausalLM),
    "llama-yarn-fields": (73, LlamaConfig(**YARN, rope_parameters={
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 2.5, "original_max_position_embeddings": 48, "beta_fast": 2.0,
        "beta_slow": 0.5, "mscale": 1.0, "mscale_all_dim": 0.4, "truncate": False}), LlamaForCausalLM),
    "mistral-window": (50, MistralConfig(**MISTRAL, sliding_window=8), MistralForCausalLM),
    "mistral-full": (67, MistralConfig(**MISTRAL, sliding_window=None), MistralForCausalLM),
    "phi3-part-window": (70, Phi3Config(**PHI3, hidden_size=48, num_attention_heads=3, sliding_window=9, rope_parameters={
        "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.75}), Phi3ForCausalLM),
    "phi3-tied": (71, Phi3Config(**PHI3, hidden_size=40, num_attention_heads=5, num_key_value_heads=1, tie_word_embeddings=True),
                  Phi3ForCausalLM),
    "qwen2-tied": (68, Qwen2Config(**QWEN2, tie_word_embeddings=True), Qwen2ForCausalLM),
    "qwen2-window": (69, Qwen2Config(**QWEN2, use_sliding_window=True, sliding_window=11, max_window_layers=0), Qwen2ForCausalLM),
}
# name: (seed, config, pooling, normalise)
BERTS = {
    "bert-mean": (5, dict(), "mean", False),
    "bert-cls-normalize": (6, dict(hidden_size=48), "cls", True),
    "bert-odd-heads": (7, dict(hidden_size=36, num_attention_heads=3, hidden_act="gelu_new"), None, False),
}


# name: (seed, model, labels)
TASKS = {
    "bert-classify": (8, BertForSequenceClassification, ["bad", "fair", "good"]),
    "bert-tag": (9, BertForTokenClassification, ["O", "B-THING", "I-THING", "B-PLACE", "I-PLACE"]),
}


def seeded(model, seed):
    """Weights large enough that each layer matters, norms and biases that are neither one nor zero."""
    generator = torch.Generator().manual_seed(seed)
    transposed = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, Conv1D)}
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if p.dim() == 1:
                is_norm = "norm" in name.lower() or ".ln_" in name
                p.copy_(noise * 0.2 + (1.0 if is_norm and name.endswith("weight") else 0.0))
            elif any(table in name for table in ("embed", "wte", "wpe", "shared")):
                p.copy_(noise)
            else:
                p.copy_(noise * (1.5 / p.shape[0 if name in transposed else 1] ** 0.5))
    return model.eval()


def save_json(folder, name, value):
    os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write("\n")


def llama_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return save_decoder_tokenizer(folder, tokenizer)


def save_decoder_tokenizer(folder, tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    save_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>",
        "chat_template": CHAT_TEMPLATE})
    save_json(folder, "generation_config.json", {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1})
    return tokenizer


def pieces(special):
    """A tokenizer of FEW_PIECES pieces that knows the letters of the corpus only."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=FEW_PIECES, special_tokens=special, show_progress=False))
    return tokenizer


def random_prompts(seed, vocabulary, lengths):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, vocabulary, (length,), generator=generator).tolist() for length in lengths]


def make_decoder(name):
    seed, changes, dtype, shard, edit = DECODERS[name]
    Config, Model = (Qwen3Config, Qwen3ForCausalLM) if name in QWEN3S else (LlamaConfig, LlamaForCausalLM)
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    model = seeded(Model(Config(**{**LLAMA, **changes})), seed).to(dtype)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    tokenizer = llama_tokenizer(folder)
    if edit:
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        edit(config)
        save_json(folder, "config.json", config)
    # What the daemon reads is what is on disk, so the goldens come from there too, in float32.
    model = Model.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(seed + 100)
    prompts = [tokenizer.encode("the weir").ids, tokenizer.encode("water flows, 2026 déjà vu 🌊").ids,
               torch.randint(2, VOCABULARY, (60,), generator=generator).tolist()]
    write_prompts(name, folder, model, prompts)


def make_small_decoder(name):
    seed, config, Model = SMALL_DECODERS[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    seeded(Model(config), seed).save_pretrained(folder)
    save_decoder_tokenizer(folder, pieces(["<s>", "</s>", "<unk>"]))
    model = Model.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    write_prompts(name, folder, model, random_prompts(seed + 100, FEW_PIECES, (5, 21, 40)))


def write_prompts(name, folder, model, prompts):
    """golden.json of a decoder: what it says to each prompt."""
    rows = []
    for ids in prompts:
        output, gap = greedy(model, ids, 24)
        rows.append({"ids": ids, "output_ids": output, "smallest_gap": float(f"{gap:.4g}"),
                     "logits": numbers(model(input_ids=torch.tensor([ids])).logits[0])})
        print(f"{name}: {len(ids)} tokens, smallest gap {gap:.4g}, {output[:8]}")
    write(os.path.join(folder, "golden.json"), {"kind": name.split("-")[0], "prompts": rows})


def bert_tokenizer(folder, longest):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special,
                                                                     show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    save_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "unk_token": "[UNK]", "cls_token": "[CLS]",
        "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]", "model_max_length": longest})
    return tokenizer


def sentence_transformers_files(folder, hidden, pooling, normalise, longest):
    kinds = ["Transformer", "Pooling"] + (["Normalize"] if normalise else [])
    save_json(folder, "modules.json", [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)])
    save_json(folder, "1_Pooling/config.json", {
        "word_embedding_dimension": hidden, "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    save_json(folder, "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})


def make_bert(name):
    seed, changes, pooling, normalise = BERTS[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    config = BertConfig(**{**BERT, **changes})
    seeded(BertModel(config, add_pooling_layer=False), seed).save_pretrained(folder)
    longest = config.max_position_embeddings
    tokenizer = bert_tokenizer(folder, longest)
    if pooling:
        sentence_transformers_files(folder, config.hidden_size, pooling, normalise, longest)
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32,
                                      attn_implementation="eager").eval()
    rows = []
    for text in ["the weir", "Water flows down, and the fox jumps!", "the river " * 25, ("the dam", "the lazy dog")]:
        pair = isinstance(text, tuple)
        encoding = tokenizer.encode(*text) if pair else tokenizer.encode(text)
        hidden = model(input_ids=torch.tensor([encoding.ids]),
                       token_type_ids=torch.tensor([encoding.type_ids])).last_hidden_state[0]
        vector = hidden[0] if pooling == "cls" else hidden.mean(0)
        if normalise:
            vector = torch.nn.functional.normalize(vector, dim=0)
        rows.append({"text": None if pair else text, "ids": encoding.ids, "type_ids": encoding.type_ids,
                     "last_hidden_state": numbers(hidden), "vector": numbers(vector)})
        print(f"{name}: {len(encoding.ids)} tokens, {numbers(vector)[:3]}")
    write(os.path.join(folder, "golden.json"), {
        "kind": "bert", "pooling": pooling or "mean", "normalise": normalise, "texts": rows})


def make_task(name):
    """An encoder with the head of a task: its logits, of the text or of each token."""
    seed, Model, labels = TASKS[name]
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    config = BertConfig(**BERT, id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)})
    seeded(Model(config), seed).save_pretrained(folder)
    tokenizer = bert_tokenizer(folder, config.max_position_embeddings)
    model = Model.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    rows = []
    for text in ["the weir", "Water flows down, and the fox jumps!", "the river " * 25, ("the dam", "the lazy dog"),
                 ("the river and the hill", "back")]:
        pair = isinstance(text, tuple)
        encoding = tokenizer.encode(*text) if pair else tokenizer.encode(text)
        logits = model(input_ids=torch.tensor([encoding.ids]),
                       token_type_ids=torch.tensor([encoding.type_ids])).logits[0]
        rows.append({"text": list(text) if pair else text, "ids": encoding.ids, "type_ids": encoding.type_ids,
                     "logits": numbers(logits)})
        print(f"{name}: {len(encoding.ids)} tokens, {rows[-1]['logits'][:3]}")
    write(os.path.join(folder, "golden.json"), {"kind": name, "labels": labels, "texts": rows})


def main(names):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    makers = [(make_decoder, DECODERS), (make_small_decoder, SMALL_DECODERS), (make_bert, BERTS), (make_task, TASKS)]
    for name in names or [name for _, table in makers for name in table]:
        next(make for make, table in makers if name in table)(name)


if __name__ == "__main__":
    main(sys.argv[1:])
