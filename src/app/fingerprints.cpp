#include "app/fingerprints.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <exception>
#include <utility>

#include "weir/nn/file_hash.h"

namespace weir::app {
namespace {

constexpr int kNice = 19;
constexpr size_t kDigits = 12;

}  // namespace

Fingerprints::Fingerprints() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

Fingerprints::~Fingerprints() = default;

std::shared_ptr<const Later<std::string>> Fingerprints::of(std::string model,
                                                           std::vector<std::string> files) {
  auto fingerprint = std::make_shared<Later<std::string>>();
  {
    std::lock_guard lock(mutex_);
    wanted_.push_back({std::move(model), std::move(files), fingerprint});
  }
  more_.notify_one();
  return fingerprint;
}

void Fingerprints::work(const std::stop_token& stop) {
  setpriority(PRIO_PROCESS, 0, kNice);
  while (!stop.stop_requested()) {
    std::unique_lock lock(mutex_);
    if (!more_.wait(lock, stop, [this] { return !wanted_.empty(); })) return;
    Wanted next = std::move(wanted_.front());
    wanted_.pop_front();
    lock.unlock();
    try {
      if (auto hash = nn::sha256_of_files(next.files, stop))
        next.fingerprint->set("fp_" + hash->substr(0, kDigits));
    } catch (const std::exception& failure) {
      spdlog::warn("model {} has no fingerprint: {}", next.model, failure.what());
    }
  }
}

}  // namespace weir::app
