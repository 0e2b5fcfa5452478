#include "weir/api/api.h"

#include <cstdio>
#include <random>
#include <utility>

#include "api/ignored_fields.h"
#include "api/openapi/document.h"

namespace weir::api {
namespace {

// The finalizer of SplitMix64, a bijection: distinct counts give distinct ids.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

Api::Api(ApiOptions given, serve::Service& of, Registry& registry)
    : options(std::move(given)),
      service(of),
      metrics(registry),
      ignored_fields(std::make_unique<IgnoredFields>(registry)),
      documents(std::make_unique<Documents>()),
      seed_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()) {}

Api::~Api() = default;

std::string Api::new_id() {
  char text[25];
  std::snprintf(text, sizeof text, "%08x%016llx", static_cast<unsigned>(seed_),
                static_cast<unsigned long long>(mix(seed_ + ++ids_)));
  return text;
}

}  // namespace weir::api
