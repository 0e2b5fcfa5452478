#include "nn/heads/text_rules.h"

#include "nn/heads/head_layer.h"

namespace weir::nn {

std::optional<uint32_t> check_tokenizer(const ConfigFile& file) {
  const auto tokenizer = file.object("tokenizer");
  if (!tokenizer) return std::nullopt;
  check_wording(*tokenizer, "kind",
                {"trunk", "BERT uncased WordPiece (the trunk's tokenizer.json)"});
  check_wording(*tokenizer, "add_special_tokens", {"template", "[CLS] text [SEP]"});
  check_wording(*tokenizer, "truncation",
                {"end", "keep the first 254 pieces, then [SEP]",
                 "keep the first 254 pieces, then [SEP]; a word whose first piece is cut off is "
                 "not seen and gets no tag"});
  check_wording(*tokenizer, "padding",
                {"none",
                 "none; the padding and the truncation to 128 that the stored tokenizer.json names "
                 "are not used",
                 "none, or masked out; the padding and the truncation to 128 that the stored "
                 "tokenizer.json names are not used"});
  check_wording(*tokenizer, "strip_input",
                {"none", "none needed: leading and trailing whitespace makes no token"});
  if (!tokenizer->has("max_tokens")) return std::nullopt;
  return static_cast<uint32_t>(tokenizer->size("max_tokens"));
}

bool reads_words(const ConfigFile& file) {
  const auto words = file.object("words");
  if (!words) return false;
  check_wording(*words, "rule",
                {"tokenizer",
                 "the words of BERT's basic tokenizer, as in the Hugging Face tokenizers "
                 "BertNormalizer + BertPreTokenizer"});
  check_wording(*words, "representation",
                {"first token",
                 "the first piece of each word; the other pieces are not fed to the head; [CLS] "
                 "and [SEP] are no words"});
  return true;
}

}  // namespace weir::nn
