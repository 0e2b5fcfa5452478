#include "response_cache_key.h"

#include <openssl/evp.h>

#include "task.h"

namespace weir::serve {
namespace {

void add(KeyBytes& key, const work::Read& read) {
  key.add(uint64_t{read.head});
  key.add(uint64_t{read.left_out});
  key.add(uint64_t{read.tokens.has_value()});
  if (read.tokens) key.add(*read.tokens);
}

}  // namespace

ResponseKey KeyBytes::digest() const {
  ResponseKey key{};
  EVP_Digest(bytes_.data(), bytes_.size(), key.data(), nullptr, EVP_sha256(), nullptr);
  return key;
}

std::optional<ResponseKey> response_key(const Checked& checked) {
  const auto& [ticket, field, rows, ask] = checked;
  KeyBytes key;
  key.add(ticket.key->tenant);
  key.add(ticket.model_name());
  key.add(ticket.model->loaded.known_fingerprint());
  key.add(uint64_t{ask->options.index()});
  key.add(uint64_t{rows.size()});
  for (const RequestRow& row : rows) {
    key.add(row.source);
    key.add(row.prompt);
    key.add(row.types);
    const auto* reads = std::get_if<work::Reads>(&row.params);
    if (!reads) continue;
    for (const work::Read& read : *reads) add(key, read);
  }
  if (!task_of(ask->options).add_to_key(key, *ask, rows)) return std::nullopt;
  return key.digest();
}

}  // namespace weir::serve
