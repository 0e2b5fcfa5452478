#pragma once

#include <memory>
#include <string>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/metrics.h"
#include "weir/http/server.h"
#include "weir/schedule/step_loop.h"
#include "weir/serve/make_service.h"
#include "weir/traffic/gate.h"
#include "weir/work/work_queue.h"

namespace weir::bench {

struct StackOptions {
  std::string generator, encoder;  // model folders, of which only the text side is read
  std::chrono::nanoseconds row_time{0};
};

/// Everything between a socket and the models' steps, as the daemon puts it together.
class Stack {
 public:
  static constexpr const char* kGenerator = "generator";
  static constexpr const char* kEncoder = "encoder";

  /// Ends the program where a folder cannot be read.
  explicit Stack(const StackOptions& options);
  Stack(const Stack&) = delete;

  int port() const { return server_->port(); }
  serve::SteeredService& service() { return *service_; }
  const serve::TextSide& generator() const { return generator_; }
  const serve::TextSide& encoder() const { return encoder_; }

 private:
  serve::ServedModel served(const char* name, serve::Tasks tasks);
  void add(const serve::ServedModel& model, const serve::TextSide& text,
           std::chrono::nanoseconds row_time);

  const SteadyClock clock_;
  const std::shared_ptr<Doorbell> bell_ = std::make_shared<Doorbell>();
  Registry metrics_;
  traffic::Gate gate_{traffic::make_memory_limiter(), clock_};
  serve::TextSide generator_, encoder_;
  std::unique_ptr<serve::SteeredService> service_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<schedule::StepLoop> loop_;  // dies first: its thread uses all of the above
};

/// The key "web", whose secret is "s", with the first `limits` of eight limits that nobody reaches.
std::shared_ptr<const traffic::KeyStore> key_with_limits(size_t limits);

}  // namespace weir::bench
