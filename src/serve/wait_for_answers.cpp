#include "weir/serve/generation.h"

namespace weir::serve {
namespace {

// How often a waiting thread asks whether its client is still there.
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

Result<std::shared_ptr<const Answers>> wait_for_answers(Generation& generation,
                                                        const std::function<bool()>& gone) {
  while (true) {
    auto piece = generation.next(kLook);
    if (!piece) return piece.error();
    if (*piece && (*piece)->answers) return (*piece)->answers;
    if (generation.done()) return Error{.code = Code::internal, .message = "no answer came"};
    if (gone && gone()) return Error{.code = Code::cancelled, .message = "the client left"};
  }
}

}  // namespace weir::serve
