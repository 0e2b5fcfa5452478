#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "admission.h"
#include "ticket.h"
#include "usage_account.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// The first `dimensions` of a vector, made to length 1. Errors: invalid_argument where it has
/// fewer.
Result<std::vector<float>> cut_vector(std::vector<float> vector, uint32_t dimensions);

/// Waits for the vectors of a request that is in the queue, and keeps its books.
class Collection {
 public:
  Collection(Ticket ticket, Admitted admitted, const std::vector<Row>& rows, const Clock& clock);

  /// All vectors, or the first error; what still runs then is cancelled. `gone` may be null.
  Result<Embeddings> collect(const std::function<bool()>& gone, std::optional<uint32_t> dimensions);

 private:
  struct Input {
    work::ReplyReader reader;
    uint32_t tokens = 0;
    std::vector<float> vector;
    std::optional<work::Started> started;
    std::optional<work::Finish> finish;
  };

  Result<void> wait_for_all(const std::function<bool()>& gone);
  Result<void> look(Input& input);
  void observe(const Input& input, std::string_view finish);
  void fail(const Error& error);
  Usage usage() const;

  const Clock& clock_;
  Ticket ticket_;
  UsageAccount account_;
  const std::shared_ptr<Doorbell> bell_;
  std::vector<Input> inputs_;
  size_t running_;
};

}  // namespace weir::serve
