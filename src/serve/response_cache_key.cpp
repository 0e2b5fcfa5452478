#include "response_cache_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>

namespace weir::serve {
namespace {

/// Fields one after the other, each with its length where it has one: no two lists of fields write
/// the same bytes.
class Bytes {
 public:
  void add(uint64_t number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void add(std::string_view text) {
    add(text.size());
    bytes_ += text;
  }
  void add(const std::vector<int32_t>& ids) {
    add(ids.size());
    bytes_.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
  }

  ResponseKey digest() const {
    ResponseKey key{};
    EVP_Digest(bytes_.data(), bytes_.size(), key.data(), nullptr, EVP_sha256(), nullptr);
    return key;
  }

 private:
  std::string bytes_;
};

Bytes begin(const Ticket& ticket, size_t rows) {
  Bytes bytes;
  bytes.add(ticket.key->tenant);
  bytes.add(ticket.model_name());
  bytes.add(ticket.model->loaded.fingerprint);
  bytes.add(static_cast<uint64_t>(*ticket.model->served.kind));
  bytes.add(rows);
  return bytes;
}

void add(Bytes& bytes, const std::optional<uint32_t>& number) {
  bytes.add(number.has_value());
  bytes.add(number.value_or(0));
}

void add_logit_changes(Bytes& bytes, const work::SamplingParams& params) {
  bytes.add(params.allowed_tokens);
  bytes.add(params.bad_words.size());
  for (const auto& word : params.bad_words) bytes.add(word);
  bytes.add(params.bias.size());
  for (const auto& [id, bias] : params.bias) {
    bytes.add(static_cast<uint64_t>(id));
    bytes.add(std::bit_cast<uint32_t>(bias));
  }
  for (float penalty :
       {params.repetition_penalty, params.presence_penalty, params.frequency_penalty})
    bytes.add(std::bit_cast<uint32_t>(penalty));
}

void add(Bytes& bytes, const work::Read& read) {
  bytes.add(read.head);
  bytes.add(read.left_out);
  bytes.add(read.tokens.has_value());
  if (!read.tokens) return;
  bytes.add(read.tokens->size());
  for (const uint32_t token : *read.tokens) bytes.add(token);
}

bool is_greedy(const Row& row) {
  return std::get<work::SamplingParams>(row.params).temperature == 0;
}

}  // namespace

std::optional<ResponseKey> response_key(const Ticket& ticket, const std::vector<Row>& rows,
                                        const Sampling& asked) {
  if (!std::all_of(rows.begin(), rows.end(), is_greedy)) return std::nullopt;
  Bytes bytes = begin(ticket, rows.size());
  for (const Row& row : rows) {
    // What the greedy choice does not look at is left out: seed, top_p, top_k, min_p.
    const auto& params = std::get<work::SamplingParams>(row.params);
    bytes.add(row.prompt);
    bytes.add(params.max_tokens);
    bytes.add(params.min_tokens);
    bytes.add(params.ignore_eos);
    bytes.add(params.stop_tokens);
    add_logit_changes(bytes, params);
    add(bytes, params.logprobs);
    add(bytes, params.prompt_logprobs);
    bytes.add(row.echo);
    bytes.add(row.echo_only);
  }
  bytes.add(asked.stop.size());
  for (const std::string& stop : asked.stop) bytes.add(stop);
  bytes.add(asked.include_stop_str_in_output);
  bytes.add(asked.skip_special_tokens);
  return bytes.digest();
}

ResponseKey response_key(const Ticket& ticket, const std::vector<Row>& rows,
                         const EmbeddingRequest& asked) {
  Bytes bytes = begin(ticket, rows.size());
  for (const Row& row : rows) {
    bytes.add(row.prompt);
    for (const work::Read& read : std::get<work::Reads>(row.params)) add(bytes, read);
  }
  bytes.add(asked.dimensions.value_or(0));
  return bytes.digest();
}

}  // namespace weir::serve
