#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "admission.h"
#include "ticket.h"
#include "weir/serve/ask.h"

namespace weir::serve {

/// A request that is checked and not paid yet.
struct Checked {
  Ticket ticket;
  std::string_view field;  // of the inputs, for errors
  std::vector<RequestRow> rows;
  std::shared_ptr<const Ask> ask;  // without its inputs if only the rows are needed from now on
};

/// The value of Generation::prompts().
Prompts prompts_of(const Checked& checked);

}  // namespace weir::serve
