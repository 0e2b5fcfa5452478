#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "checked.h"
#include "running.h"
#include "task.h"

namespace weir::serve {

/// A request of a reading task in the work queue. It waits for the numbers of all its rows and
/// makes the answers from them.
class RunningReading final : public RunningRequest {
 public:
  /// REQUIRES: one reader for each row; rows hold Reads.
  RunningReading(Checked checked, Admitted admitted, const Clock& clock);
  ~RunningReading() override;

  Usage usage() const override;

 private:
  struct Part {  // of one row
    work::ReplyReader reader;
    std::optional<work::Readings> readings;
    std::optional<work::Started> started;
    std::optional<work::Finish> finish;
  };

  Result<std::optional<Delta>> look() override;
  void leave(Code code) override;
  bool begun() const override;

  Result<void> look(size_t row);
  Result<std::optional<Delta>> finish();
  Error at_row(Error error, size_t row) const;
  void observe(size_t row, std::string_view finish);
  uint32_t tokens_of(size_t row) const { return static_cast<uint32_t>(rows_[row].prompt.size()); }

  const std::vector<RequestRow> rows_;
  const std::shared_ptr<const Ask> ask_;
  std::vector<Part> parts_;  // one for each row
  size_t running_;
};

}  // namespace weir::serve
