#include "request/stack.h"

#include <future>
#include <utility>

#include "request/instant_runner.h"
#include "request/loopback.h"

namespace weir::bench {
namespace {

constexpr uint32_t kContext = 8192;

template <class Value>
Value must(Result<Value> result) {
  if (!result) give_up(result.error().message);
  return *std::move(result);
}

constexpr serve::Tasks kGenerates{serve::HeadTask::generate}, kReads{serve::HeadTask::embed};

schedule::ModelSpec spec_of(serve::Tasks tasks) {
  if (tasks == kGenerates)
    return {.memory = {.pages = true}, .max_tokens = kContext, .pages = 8192};
  return {.prompt = schedule::Prompt::whole, .heads = {schedule::HeadSpec{}}, .max_tokens = 512};
}

}  // namespace

Stack::Stack(const StackOptions& options)
    : generator_(must(serve::load_text_side(options.generator, kGenerates))),
      encoder_(must(serve::load_text_side(options.encoder, kReads))) {
  const std::vector models{served(kGenerator, kGenerates), served(kEncoder, kReads)};
  service_ = serve::make_service({}, {gate_, metrics_, clock_, [] { return true; }},
                                 traffic::KeyStore::open(), models);
  loop_ = std::make_unique<schedule::StepLoop>(bell_, clock_, metrics_);
  add(models[0], generator_, options.row_time);
  add(models[1], encoder_, options.row_time);
  server_ = must(http::Server::start({.port = 0, .version = "bench"}, *service_, metrics_));
}

serve::ServedModel Stack::served(const char* name, serve::Tasks tasks) {
  return {.name = name,
          .tasks = tasks,
          .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits(), bell_),
          .progress = std::make_shared<Progress>()};
}

void Stack::add(const serve::ServedModel& model, const serve::TextSide& text,
                std::chrono::nanoseconds row_time) {
  const auto loaded = std::make_shared<std::promise<Result<schedule::ModelSpec>>>();
  auto told = loaded->get_future();
  loop_->add({.name = model.name,
              .queue = model.queue,
              .load = [spec = spec_of(*model.tasks), size = text.vector_size,
                       row_time]() -> Result<std::unique_ptr<schedule::Runner>> {
                return std::make_unique<InstantRunner>(spec, size, row_time);
              },
              .loaded = [loaded](Result<schedule::ModelSpec> spec) { loaded->set_value(spec); }});
  const auto spec = must(told.get());
  service_->mark_ready(model.name,
                       {.text = text,
                        .max_model_len = serve::longest_input(text, spec.max_tokens),
                        .vocabulary_rows = text.tokenizer->vocabulary_size(),
                        .architecture = "none",
                        .dtype = "none",
                        .fingerprint = std::make_shared<Later<std::string>>("fp_0123456789ab"),
                        .heads = {{.task = model.tasks == kGenerates ? serve::HeadTask::generate
                                                                     : serve::HeadTask::embed}}});
}

std::shared_ptr<const traffic::KeyStore> key_with_limits(size_t limits) {
  constexpr const char* kLimits[] = {
      R"(unit = "requests", window = "1m")",     R"(unit = "tokens", window = "1m")",
      R"(unit = "input_tokens", window = "1m")", R"(unit = "output_tokens", window = "1m")",
      R"(unit = "requests", window = "1h")",     R"(unit = "tokens", window = "1h")",
      R"(unit = "requests", window = "1d")",     R"(unit = "tokens", window = "1d")"};
  std::string list;
  for (size_t i = 0; i < std::min(limits, std::size(kLimits)); ++i)
    list += std::string(i > 0 ? ", " : "") + "{ cap = 1000000000000, " + kLimits[i] + " }";
  const std::string table = "[[key]]\nname = \"web\"\nhash = \"" + traffic::hash_secret("s") +
                            "\"\nlimits = [" + list + "]\n";
  return must(traffic::KeyStore::parse(table, "keys.toml"));
}

}  // namespace weir::bench
