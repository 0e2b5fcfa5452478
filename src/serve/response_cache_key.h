#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "admission.h"
#include "ticket.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// Stands for a request in the response cache: SHA-256 of everything that decides its answer (whose
/// tenant, which weights, every row's tokens, what ends it and how its text is cut). Requests of
/// one key have one answer.
using ResponseKey = std::array<unsigned char, 32>;

struct ResponseKeyHash {
  size_t operator()(const ResponseKey& key) const {
    size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof hash);
    return hash;
  }
};

/// nullopt: tokens are drawn by chance, so that two answers need not agree.
std::optional<ResponseKey> response_key(const Ticket& ticket, const std::vector<Row>& rows,
                                        const Sampling& asked);
ResponseKey response_key(const Ticket& ticket, const std::vector<Row>& rows,
                         const EmbeddingRequest& asked);

}  // namespace weir::serve
