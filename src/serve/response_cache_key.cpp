#include "response_cache_key.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "task.h"
#include "weir/base/last_words.h"

namespace weir::serve {
namespace {

void add(KeyBytes& key, const work::Read& read) {
  key.add(uint64_t{read.head});
  key.add(uint64_t{read.left_out});
  key.add(uint64_t{read.tokens.has_value()});
  if (read.tokens) key.add(*read.tokens);
}

void must(int done) {
  if (done == 1) return;
  last_words("believed: OpenSSL gives SHA-256\n");
  std::abort();
}

}  // namespace

class KeyBytes::State {
 public:
  State() : context(EVP_MD_CTX_new()) { must(EVP_DigestInit_ex(context, EVP_sha256(), nullptr)); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;

  EVP_MD_CTX* const context;
};

KeyBytes::KeyBytes() : state_(std::make_unique<State>()) {}
KeyBytes::~KeyBytes() = default;

void KeyBytes::hash(const void* data, size_t size) {
  must(EVP_DigestUpdate(state_->context, data, size));
}

ResponseKey KeyBytes::digest() {
  ResponseKey key{};
  must(EVP_DigestFinal_ex(state_->context, key.data(), nullptr));
  return key;
}

std::optional<ResponseKey> response_key(const Checked& checked) {
  const Ticket& ticket = checked.ticket;
  const Ask& ask = *checked.ask;
  KeyBytes key;
  key.add(ticket.key->tenant);
  key.add(ticket.model_name());
  key.add(ticket.model->loaded.known_fingerprint());
  key.add(uint64_t{ask.options.index()});
  key.add(uint64_t{checked.rows.size()});
  for (const RequestRow& row : checked.rows) {
    key.add(row.source);
    key.add(row.prompt);
    key.add(row.types);
    const auto* reads = std::get_if<work::Reads>(&row.params);
    if (!reads) continue;
    for (const work::Read& read : *reads) add(key, read);
  }
  const KeyParts parts{.options = ask.options, .inputs = ask.inputs, .rows = checked.rows};
  if (!task_of(ask.options).add_to_key(key, parts)) return std::nullopt;
  return key.digest();
}

}  // namespace weir::serve
