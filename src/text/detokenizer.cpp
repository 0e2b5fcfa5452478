#include <cstdio>
#include <cstdlib>

#include "text/tokenizer_handle.h"
#include "weir/text/tokenizer.h"

namespace weir::text {

class Detokenizer::State {
 public:
  std::unique_ptr<WeirDetokenizer, RustRelease<weir_detokenizer_free>> rust;
};

Detokenizer::Detokenizer(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special,
                         std::span<const int32_t> prompt)
    : state_(std::make_unique<State>()) {
  // The crate counts references to the vocabulary, so the tokenizer is not kept.
  const WeirTokenizer* rust = tokenizer->handle_->rust.get();
  const auto made = [&](std::span<const int32_t> behind) {
    WeirDetokenizer* created = nullptr;
    weir_detokenizer_new(rust, skip_special, reinterpret_cast<const uint32_t*>(behind.data()),
                         behind.size(), &created, nullptr);
    state_->rust.reset(created);
    return created != nullptr;
  };
  // A decoder may fail on a prompt; then the detokenizer is made without one.
  if (made(prompt) || made({})) return;
  std::fputs("a detokenizer of a loaded tokenizer can always be made\n", stderr);
  std::abort();
}

Detokenizer::~Detokenizer() = default;
Detokenizer::Detokenizer(Detokenizer&&) noexcept = default;
Detokenizer& Detokenizer::operator=(Detokenizer&&) noexcept = default;

std::string Detokenizer::step(int32_t id) {
  if (id < 0) return {};
  RustBytes text;
  // A token on which the decoder fails has no text, as an id outside the vocabulary.
  weir_detokenizer_step(state_->rust.get(), static_cast<uint32_t>(id), text.out(), nullptr);
  return text.text();
}

std::string Detokenizer::flush() {
  RustBytes text;
  weir_detokenizer_flush(state_->rust.get(), text.out(), nullptr);
  return text.text();
}

}  // namespace weir::text
