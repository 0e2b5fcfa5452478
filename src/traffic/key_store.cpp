#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "traffic/key_file.h"
#include "weir/base/access.h"
#include "weir/traffic/key.h"

namespace weir::traffic {

struct KeyStore::Content {
  std::unordered_map<std::string, std::shared_ptr<const Key>> by_hash;
  std::shared_ptr<const Key> anonymous;  // set: every client is this key
  Rules rules;
};

KeyStore::KeyStore(std::unique_ptr<Content> content) : content_(std::move(content)) {}
KeyStore::~KeyStore() = default;

Result<std::shared_ptr<const KeyStore>> KeyStore::parse(std::string_view toml,
                                                        std::string_view name) {
  auto file = parse_key_file(toml, name);
  if (!file) return file.error();
  auto content = std::make_unique<Content>();
  for (auto& [hash, key] : file->keys) {
    content->by_hash.emplace(std::move(hash), std::make_shared<const Key>(std::move(key)));
  }
  content->rules = std::move(file->rules);
  return std::shared_ptr<const KeyStore>(new KeyStore(std::move(content)));
}

Result<std::shared_ptr<const KeyStore>> KeyStore::load(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  // A folder can be opened as a file; only the read would fail.
  if (!file || std::filesystem::is_directory(path)) {
    return invalid(path + ": cannot be read: " + reason_of(file ? EISDIR : errno, path));
  }
  text << file.rdbuf();
  return parse(text.str(), path);
}

std::shared_ptr<const KeyStore> KeyStore::open() {
  auto content = std::make_unique<Content>();
  content->anonymous = std::make_shared<const Key>(Key{.name = std::string(kAnonymous),
                                                       .tenant = std::string(kAnonymous),
                                                       .scopes = {Scope::infer, Scope::usage}});
  return std::shared_ptr<const KeyStore>(new KeyStore(std::move(content)));
}

std::shared_ptr<const KeyStore> KeyStore::with_secret(std::string_view secret) const {
  auto content = std::make_unique<Content>(*content_);
  content->anonymous = nullptr;
  Key key{
      .name = "default", .tenant = "default", .scopes = {Scope::infer, Scope::usage, Scope::admin}};
  content->by_hash.insert_or_assign(hash_secret(secret),
                                    std::make_shared<const Key>(std::move(key)));
  return std::shared_ptr<const KeyStore>(new KeyStore(std::move(content)));
}

bool KeyStore::is_open() const { return content_->anonymous != nullptr; }

size_t KeyStore::size() const { return content_->by_hash.size(); }

Result<std::shared_ptr<const Key>> KeyStore::find(std::string_view secret) const {
  if (content_->anonymous) return content_->anonymous;
  if (secret.empty()) {
    return Error{.code = Code::unauthenticated,
                 .message = "no API key given; send it as \"Authorization: Bearer KEY\""};
  }
  // The search is by digest, so its time tells nothing about the secret.
  auto found = content_->by_hash.find(hash_secret(secret));
  if (found == content_->by_hash.end()) {
    return Error{.code = Code::unauthenticated, .message = "this API key is not known here"};
  }
  return found->second;
}

const Rules& KeyStore::rules() const { return content_->rules; }

}  // namespace weir::traffic
