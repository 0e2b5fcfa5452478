#include "weir/serve/client_looks.h"
#include "weir/serve/generation.h"

namespace weir::serve {

Result<std::shared_ptr<const Answers>> wait_for_answers(Generation& generation,
                                                        const std::function<bool()>& gone) {
  for (ClientLooks looks;;) {
    auto piece = generation.next(looks.next());
    if (!piece) return piece.error();
    if (*piece && (*piece)->answers) return (*piece)->answers;
    if (generation.done()) return Error{.code = Code::internal, .message = "no answer came"};
    if (gone && gone()) return Error{.code = Code::cancelled, .message = "the client left"};
  }
}

}  // namespace weir::serve
