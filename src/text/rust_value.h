#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/rust/weir_text.h"
#include "weir/base/result.h"

namespace weir::text {

/// Owns bytes of the crate.
class RustBytes {
 public:
  RustBytes() = default;
  ~RustBytes() { weir_bytes_free(bytes_); }
  RustBytes(const RustBytes&) = delete;
  RustBytes& operator=(const RustBytes&) = delete;

  WeirBytes* out() { return &bytes_; }
  std::string text() const {
    return bytes_.size == 0 ? std::string()
                            : std::string(reinterpret_cast<char*>(bytes_.data), bytes_.size);
  }

 private:
  WeirBytes bytes_ = {};
};

/// Owns token ids or other numbers of the crate.
class RustIds {
 public:
  RustIds() = default;
  ~RustIds() { weir_ids_free(ids_); }
  RustIds(const RustIds&) = delete;
  RustIds& operator=(const RustIds&) = delete;

  WeirIds* out() { return &ids_; }
  std::vector<int32_t> ids() const { return {ids_.data, ids_.data + ids_.size}; }
  std::vector<uint32_t> numbers() const { return {ids_.data, ids_.data + ids_.size}; }

 private:
  WeirIds ids_ = {};
};

/// Owns tokens with their places, of the crate.
class RustPlaces {
 public:
  RustPlaces() = default;
  ~RustPlaces() { weir_places_free(places_); }
  RustPlaces(const RustPlaces&) = delete;
  RustPlaces& operator=(const RustPlaces&) = delete;

  WeirPlaces* out() { return &places_; }
  std::span<const WeirPlace> all() const { return {places_.data, places_.size}; }

 private:
  WeirPlaces places_ = {};
};

/// Frees a handle of the crate, as a unique_ptr's deleter.
template <auto release>
struct RustRelease {
  void operator()(auto* handle) const { release(handle); }
};

inline const uint8_t* rust_bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

inline Error rust_error(WeirStatus status, const RustBytes& message) {
  const bool callers = status == WEIR_STATUS_INVALID;
  return Error{.code = callers ? Code::invalid_argument : Code::internal,
               .message = message.text()};
}

}  // namespace weir::text
