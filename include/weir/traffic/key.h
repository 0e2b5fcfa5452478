#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"

namespace weir::traffic {

/// `concurrent` counts requests from admission to settlement. `capacity` counts microseconds until
/// a model's first token; only the gate makes limits of this unit.
enum class Unit : uint8_t { requests, tokens, input_tokens, output_tokens, concurrent, capacity };

/// The calendar's periods, in UTC.
enum class Calendar : uint8_t { none, day, month };

/// A limit of `cap` units (above 0), of exactly one of three kinds: in any `window`, with a burst
/// of `cap` (GCRA); in a period of the calendar (a quota); or at the same time (`concurrent`).
struct Limit {
  Unit unit = Unit::requests;
  int64_t cap = 1;
  std::chrono::microseconds window{0};
  Calendar calendar = Calendar::none;
  std::string model = {};  // a key's limit for one model; empty: for all its models together
};

/// The name of every client where there are no keys.
inline constexpr std::string_view kAnonymous = "anonymous";

enum class Scope : uint8_t { infer, usage, admin };

/// A client of the API. The key's text is stored nowhere.
struct Key {
  std::string name;                      // in logs and metrics
  std::string tenant;                    // default: the name; also its cache scope
  std::vector<std::string> models{"*"};  // names or globs (* and ?)
  std::vector<Scope> scopes{Scope::infer};
  double weight = 1;
  int priority = 5;
  std::optional<std::chrono::milliseconds> max_wait;  // none: the daemon's default
  std::vector<Limit> limits;                          // may name a model each

  bool may_use(std::string_view model) const;
  bool has(Scope scope) const;
};

/// Limits that hold for all keys of a tenant together.
struct TenantLimits {
  std::string name;
  std::vector<Limit> limits;
};

/// Whether a model admits only as many requests as keep the 99th percentile of its time to first
/// token (from admission) below a target. It learns from the steps that are run how long requests
/// take. `frozen`: it uses what was learned so far, and learns no more.
struct Capacity {
  enum class Kind : uint8_t { none, automatic, frozen } kind = Kind::none;
  std::chrono::milliseconds first_token_p99{1000};  // above 0
};

/// Limits that hold for all requests to a model together.
struct ModelLimits {
  std::string name;
  std::vector<Limit> limits;
  Capacity capacity;
};

/// What a key file has beside its keys.
struct Rules {
  std::vector<TenantLimits> tenants;
  std::vector<ModelLimits> models;
  std::optional<double> cached_weight;  // 0 to 1; none: the daemon's default
};

/// The known keys: those of the key file and one given by a flag. Immutable; shared by threads.
class KeyStore {
 public:
  /// Reads the TOML of a key file ([[key]], [[tenant]] and [[model]] tables). An unknown field, a
  /// wrong type or value, or a repeated name or hash refuses the whole file; the error has the
  /// line.
  static Result<std::shared_ptr<const KeyStore>> parse(std::string_view toml,
                                                       std::string_view name);
  static Result<std::shared_ptr<const KeyStore>> load(const std::string& path);
  /// A store without keys: every client is the key kAnonymous with every model and no limit.
  static std::shared_ptr<const KeyStore> open();
  /// This store with one more key. It is named "default" and has every scope and no limit.
  std::shared_ptr<const KeyStore> with_secret(std::string_view secret) const;

  bool is_open() const;
  size_t size() const;  // known keys
  /// The key of `secret` (the text after "Bearer "), found by its SHA-256. Errors: unauthenticated.
  Result<std::shared_ptr<const Key>> find(std::string_view secret) const;
  const Rules& rules() const;

 private:
  struct Content;
  explicit KeyStore(std::unique_ptr<Content> content);

 public:
  ~KeyStore();

 private:
  std::unique_ptr<Content> content_;
};

/// A new secret, and the lines of a key file that admit it.
struct NewKey {
  std::string secret;  // "sk-weir-" and 43 characters of base64url: 32 random bytes
  std::string toml;    // a [[key]] table
};
Result<NewKey> make_key(const std::string& name);

/// A key's name stands in logs and metrics. It has 1 to 64 characters of A-Z a-z 0-9 . _ -
Result<void> check_key_name(std::string_view name);

/// "sha256:<hex>" of a secret.
std::string hash_secret(std::string_view secret);

}  // namespace weir::traffic
