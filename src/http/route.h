#pragma once

#include <span>
#include <string_view>

#include "weir/base/result.h"

namespace httplib {
struct Response;
}

namespace weir::http {

struct Exchange;

enum class Access : uint8_t {
  open,  // no key; answered over the cap of connections and while draining
  key,   // wants a key
  work,  // wants a key; refused while draining
};

/// One endpoint. `handle` fills the response or returns the error that is to be answered.
struct Route {
  std::string_view method, path;  // a path may end in {id}
  Access access;
  Result<void> (*handle)(Exchange&, httplib::Response&);
  bool dry_run = false;  // can say what it would do
};

std::span<const Route> routes();

Result<void> post_chat_completions(Exchange&, httplib::Response&);
Result<void> post_completions(Exchange&, httplib::Response&);
Result<void> post_embeddings(Exchange&, httplib::Response&);
Result<void> post_tokenize(Exchange&, httplib::Response&);
Result<void> post_detokenize(Exchange&, httplib::Response&);
Result<void> get_models(Exchange&, httplib::Response&);
Result<void> get_model(Exchange&, httplib::Response&);
Result<void> get_usage(Exchange&, httplib::Response&);
Result<void> get_health(Exchange&, httplib::Response&);
Result<void> get_ready(Exchange&, httplib::Response&);
Result<void> get_metrics(Exchange&, httplib::Response&);
Result<void> get_version(Exchange&, httplib::Response&);

}  // namespace weir::http
