#include "request/parts.h"

#include <chrono>
#include <thread>
#include <type_traits>

#include "api/codec/requests.h"
#include "api/json_text.h"
#include "api/openai/generation_text.h"
#include "request/instant_runner.h"
#include "request/loopback.h"
#include "weir/text/chat_template.h"
#include "weir/text/tokenizer.h"

namespace weir::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// The median of a call, in microseconds, from batches of 64.
template <class Call>
double microseconds(Call call) {
  constexpr int kCalls = 64;
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 5 || Clock::now() - begin < std::chrono::milliseconds(60)) {
    const auto start = Clock::now();
    for (int i = 0; i < kCalls; ++i) call();
    const std::chrono::duration<double, std::micro> spent = Clock::now() - start;
    times.push_back(spent.count() / kCalls);
  }
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

template <class Value>
Value must(Result<Value> result) {
  if (!result) give_up(result.error().message);
  if constexpr (!std::is_void_v<Value>) return *std::move(result);
}

double gate(size_t limits) {
  const SteadyClock clock;
  traffic::Gate gate(traffic::make_memory_limiter(), clock);
  const auto key = must(key_with_limits(limits)->find("s"));
  return microseconds([&] {
    traffic::Entry entry{.key = key,
                         .model = Stack::kGenerator,
                         .cost = {.requests = 1, .input_tokens = 32, .output_tokens = 1}};
    std::vector<traffic::CellState> cells;
    traffic::Permit permit = must(gate.enter(entry, &cells)).take();
    traffic::limit_headers(cells);
    permit.used(32, 1);
  });
}

work::Request one_token(work::Reply reply) {
  return {.id = "req-0",
          .prompt = {1, 2, 3, 4},
          .params = work::SamplingParams{.max_tokens = 1},
          .reply = std::move(reply),
          .client = "web",
          .cache_scope = "web",
          .arrival = Clock::now()};
}

/// From the push to the last event, through the step thread and back.
double queue_and_step() {
  const SteadyClock clock;
  const auto bell = std::make_shared<Doorbell>();
  const auto queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits(), bell);
  Registry metrics;
  schedule::StepLoop loop(bell, clock, metrics);
  loop.add({.name = Stack::kGenerator,
            .queue = queue,
            .load = []() -> Result<std::unique_ptr<schedule::Runner>> {
              const schedule::ModelSpec spec{
                  .memory = {.pages = true}, .max_tokens = 1024, .pages = 256};
              return std::make_unique<InstantRunner>(spec, 0, std::chrono::nanoseconds(0));
            },
            .loaded = [](Result<schedule::ModelSpec> spec) { must(spec); }});
  const auto answers = std::make_shared<Doorbell>();
  return microseconds([&] {
    auto [reply, reader] = work::make_reply(answers);
    std::vector<work::Request> requests;
    requests.push_back(one_token(std::move(reply)));
    must(queue->push(requests));
    for (bool ended = false; !ended;) {
      answers->wait(std::chrono::milliseconds(100));
      while (auto event = reader.next(std::chrono::milliseconds(0)))
        ended = std::holds_alternative<work::Finish>(*event);
    }
  });
}

/// Two threads that wake each other: what the system asks for any hand-over.
double two_wakes() {
  Doorbell there, back;
  std::thread other([&] {
    while (there.wait(std::chrono::seconds(1))) back.ring();
  });
  const double time = microseconds([&] {
    there.ring();
    back.wait(std::chrono::seconds(1));
  });
  other.join();
  return time;
}

double first_token_to_text(const serve::TextSide& text) {
  return microseconds([&] {
    text::Detokenizer stream(text.tokenizer, true);
    stream.step(1000);
    stream.flush();
  });
}

double whole_answer() {
  const api::openai::AnswerShape shape{.form = api::openai::AnswerForm::chat,
                                       .id = "chatcmpl-0123456789abcdef01234567",
                                       .created = 1790000000,
                                       .model = Stack::kGenerator,
                                       .fingerprint = "fp_0123456789ab"};
  std::vector<api::ChoiceText> choices(1);
  choices[0].text = " river";
  return microseconds([&] {
    api::openai::whole_answer(shape, {{.ids = {1, 2, 3}}}, choices, {.prompt_tokens = 32});
  });
}

double vector_text(size_t size) {
  std::vector<float> vector(size);
  for (size_t i = 0; i < size; ++i)
    vector[i] = static_cast<float>(i * 2654435761U % 100000) / 1e6f - 0.05f;
  return microseconds([&] {
    std::string out;
    api::append_json(out, std::span<const float>(vector));
  });
}

double loopback(Stack& stack, const std::string& request) {
  Clients client(stack.port(), 1);
  client.run(request, 100);
  return client.run(request, 1000).percentile(0.5);
}

}  // namespace

std::vector<std::pair<std::string, double>> time_parts(Stack& stack, const Bodies& bodies) {
  const serve::TextSide& text = stack.generator();
  const std::string context =
      R"({"messages":[{"role":"user","content":"Name three rivers."}],"add_generation_prompt":true})";
  const std::string prompt = must(text.chat_template->render(context));
  stack.service().set_keys(key_with_limits(3));
  api::UnknownFields unknown;
  return {
      {"http_alone", loopback(stack, "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")},
      {"authenticate", microseconds([&] { must(stack.service().authenticate("s")); })},
      {"decode_chat", microseconds([&] { must(api::decode_chat(bodies.chat, unknown)); })},
      {"decode_completion",
       microseconds([&] { must(api::decode_completion(bodies.completion, unknown)); })},
      {"chat_template", microseconds([&] { must(text.chat_template->render(context)); })},
      {"tokenize", microseconds([&] { must(text.tokenizer->encode(prompt, false)); })},
      {"gate_0_limits", gate(0)},
      {"gate_3_limits", gate(3)},
      {"gate_8_limits", gate(8)},
      {"two_wakes", two_wakes()},
      {"queue_step_reply", queue_and_step()},
      {"detokenize", first_token_to_text(text)},
      {"whole_answer", whole_answer()},
      {"vector_text", vector_text(stack.encoder().vector_size)},
  };
}

}  // namespace weir::bench
