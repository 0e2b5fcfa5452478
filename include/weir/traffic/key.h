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

/// `concurrent` counts requests from admission to settlement. `capacity` is microseconds of the
/// time until a model's first token; only the gate itself makes such limits.
enum class Unit : uint8_t { requests, tokens, input_tokens, output_tokens, concurrent, capacity };

/// The calendar's periods, in UTC.
enum class Calendar : uint8_t { none, day, month };

/// `cap` units, above 0: in any `window`, with a burst of `cap` (GCRA); or in a period of the
/// calendar, a quota; or at the same time (`concurrent`). Exactly one of the three is set.
struct Limit {
  Unit unit = Unit::requests;
  int64_t cap = 1;
  std::chrono::microseconds window{0};
  Calendar calendar = Calendar::none;
  std::string model = {};  // a key's limit for one model; empty: for all its models together
};

enum class Scope : uint8_t { infer, usage, admin };

/// A client of the API. The key's text itself is kept nowhere.
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

/// The limits that all keys of a tenant keep together.
struct TenantLimits {
  std::string name;
  std::vector<Limit> limits;
};

/// Whether a model lets in no more than keeps its 99th percentile of the time to first token, from
/// admission, as it learns from the steps that were run. `frozen`: with what was learned so far.
struct Capacity {
  enum class Kind : uint8_t { none, automatic, frozen } kind = Kind::none;
  std::chrono::milliseconds first_token_p99{1000};  // above 0
};

/// The limits a model's whole traffic has to keep.
struct ModelLimits {
  std::string name;
  std::vector<Limit> limits;
  Capacity capacity;
};

/// What a key file says beside its keys.
struct Rules {
  std::vector<TenantLimits> tenants;
  std::vector<ModelLimits> models;
  std::optional<double> cached_weight;  // 0 to 1; none: the daemon's default
};

/// Who may come in: the parsed key file and the keys given by flag. Immutable; shared by threads.
class KeyStore {
 public:
  /// Reads the TOML of a key file ([[key]], [[tenant]] and [[model]] tables). An unknown field, a
  /// wrong type or value, a doubled name or hash refuses the whole file with its line.
  static Result<std::shared_ptr<const KeyStore>> parse(std::string_view toml,
                                                       std::string_view name);
  static Result<std::shared_ptr<const KeyStore>> load(const std::string& path);
  /// No keys at all: everybody is the key "anonymous" with every model and no limit.
  static std::shared_ptr<const KeyStore> open();
  /// This store and one more key, named "default", that has every scope and no limit.
  std::shared_ptr<const KeyStore> with_secret(std::string_view secret) const;

  bool is_open() const;
  size_t size() const;  // keys that are known
  /// The key of `secret` (what stands after "Bearer "). Errors: unauthenticated. Compared by
  /// SHA-256.
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

/// A fresh secret and the lines of a key file that admit it.
struct NewKey {
  std::string secret;  // "sk-weir-" and 43 characters of base64url: 32 random bytes
  std::string toml;    // a [[key]] table
};
Result<NewKey> make_key(const std::string& name);

/// A key's name stands in logs and metrics: 1 to 64 of A-Z a-z 0-9 . _ -
Result<void> check_key_name(std::string_view name);

/// "sha256:<hex>" of a secret.
std::string hash_secret(std::string_view secret);

}  // namespace weir::traffic
