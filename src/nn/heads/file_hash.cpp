#include "nn/heads/file_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "weir/base/file.h"
#include "weir/nn/config.h"

namespace weir::nn {
namespace {

void must(bool done) {
  if (!done) throw LoadError("OpenSSL gives no SHA-256");
}

}  // namespace

std::string sha256_of_file(const std::string& path) {
  constexpr uint64_t kPiece = uint64_t{1} << 20;
  const auto file = File::open(path);
  if (!file) throw LoadError(file.error().message);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
  must(digest && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr));
  const uint64_t size = (*file)->size();
  std::vector<char> bytes(std::min(kPiece, size));
  for (uint64_t at = 0; at < size; at += kPiece) {
    const uint64_t count = std::min(kPiece, size - at);
    if (auto read = (*file)->read(bytes.data(), count, at); !read)
      throw LoadError(read.error().message);
    must(EVP_DigestUpdate(digest.get(), bytes.data(), count));
  }
  std::array<unsigned char, 32> hash{};
  must(EVP_DigestFinal_ex(digest.get(), hash.data(), nullptr));
  std::string text;
  for (const unsigned char byte : hash) {
    text += "0123456789abcdef"[byte / 16];
    text += "0123456789abcdef"[byte % 16];
  }
  return text;
}

}  // namespace weir::nn
