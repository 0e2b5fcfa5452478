#include "weir/nn/file_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "weir/base/file.h"
#include "weir/nn/config.h"

namespace weir::nn {
namespace {

constexpr uint64_t kPiece = uint64_t{1} << 20;

void must(bool done) {
  if (!done) throw LoadError("OpenSSL gives no SHA-256");
}

class Sha256 {
 public:
  Sha256() : digest_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    must(digest_ && EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr));
  }
  void add(const std::vector<char>& bytes, uint64_t count) {
    must(EVP_DigestUpdate(digest_.get(), bytes.data(), count));
  }
  std::string hex() {
    std::array<unsigned char, 32> hash{};
    must(EVP_DigestFinal_ex(digest_.get(), hash.data(), nullptr));
    std::string text;
    for (const unsigned char byte : hash) {
      text += "0123456789abcdef"[byte / 16];
      text += "0123456789abcdef"[byte % 16];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest_;
};

/// False: `stop` was requested.
bool add_file(Sha256& sum, const std::string& path, const std::stop_token& stop) {
  const auto file = File::open(path);
  if (!file) throw LoadError(file.error().message);
  const uint64_t size = (*file)->size();
  std::vector<char> bytes(std::min(kPiece, size));
  for (uint64_t at = 0; at < size; at += kPiece) {
    if (stop.stop_requested()) return false;
    const uint64_t count = std::min(kPiece, size - at);
    if (auto read = (*file)->read(bytes.data(), count, at); !read)
      throw LoadError(read.error().message);
    sum.add(bytes, count);
  }
  return true;
}

}  // namespace

std::optional<std::string> sha256_of_files(std::span<const std::string> paths,
                                           const std::stop_token& stop) {
  Sha256 sum;
  for (const std::string& path : paths)
    if (!add_file(sum, path, stop)) return std::nullopt;
  return sum.hex();
}

}  // namespace weir::nn
