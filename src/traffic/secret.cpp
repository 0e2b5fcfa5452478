#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <span>

#include "weir/traffic/key.h"

namespace weir::traffic {
namespace {

std::string base64url(std::span<const unsigned char> bytes) {
  // EVP_EncodeBlock ends the text with a zero byte.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                               static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string hex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string hash_secret(std::string_view secret) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(secret.data(), secret.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return "sha256:" + hex(std::span(digest.data(), size));
}

Result<NewKey> make_key(const std::string& name) {
  if (auto good = check_key_name(name); !good) return good.error();
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return Error{.code = Code::internal, .message = "the system gives no random bytes"};
  }
  std::string secret = "sk-weir-" + base64url(random);
  std::string toml = "[[key]]\nname = \"" + name + "\"\nhash = \"" + hash_secret(secret) + "\"\n";
  return NewKey{std::move(secret), std::move(toml)};
}

}  // namespace weir::traffic
