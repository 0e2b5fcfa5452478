#include "weir/traffic/intake.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "traffic/intake_line.h"
#include "traffic/intake_room.h"
#include "traffic/intake_threads.h"

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

// How often a waiting thread asks whether its client is still there.
constexpr milliseconds kLook{50};
// For smaller bodies the memory that the allocator keeps is not worth a walk through its lists.
constexpr size_t kTrimBytes = size_t{256} << 10;

}  // namespace

/// A request in one of the lanes.
struct IntakeTurn : IntakeLine::Waiter {
  std::condition_variable granted_now;
  bool granted = false;
  TimePoint granted_at{};
};

class Intake::Impl {
 public:
  Impl(IntakeOptions options, const Clock& clock, Registry& metrics)
      : options_(options),
        clock_(clock),
        refused_(
            metrics.counter("weir_intake_refused_total", "Requests whose body found no room.")),
        room_(options_),
        threads_(options.turns),
        scrape_(metrics, [this](Scrape& to) { tell(to); }) {}

  bool is_long(size_t bytes) const { return bytes > options_.short_bytes; }
  Result<void> hold(const std::string& client, IntakeRoom::Change change) {
    std::lock_guard lock(mutex_);
    auto held = room_.grow(client, change);
    if (!held) refused_.add();
    return held;
  }
  Result<void> enter(IntakeTurn& turn, const Patience& patience);
  void run(const IntakeTurn& turn, const std::function<void()>& work) {
    is_long(turn.bytes) ? threads_.run(work) : work();
  }
  void leave(const IntakeTurn& turn);
  void give_back(const std::string& client, size_t bytes);
  IntakeLoad load() const;

 private:
  struct Lane {
    IntakeLine line;
    uint32_t running = 0;
  };

  Lane& lane_of(size_t bytes) { return lanes_[is_long(bytes)]; }
  void advance(Lane& lane);
  void tell(Scrape& to) const;
  std::optional<Error> impatience(const Patience& patience) const;

  const IntakeOptions options_;
  const Clock& clock_;
  const Counter refused_;
  mutable std::mutex mutex_;  // guards room and lanes
  IntakeRoom room_;
  Lane lanes_[2];  // short, long
  IntakeThreads threads_;
  const ScrapeHook scrape_;
};

std::optional<Error> Intake::Impl::impatience(const Patience& patience) const {
  if (patience.gone && patience.gone())
    return Error{.code = Code::cancelled, .message = "the client left while it waited to be read"};
  if (patience.deadline && clock_.now() >= *patience.deadline)
    return Error{.code = Code::deadline,
                 .message = "the request's deadline passed while it waited to be read"};
  return std::nullopt;
}

Result<void> Intake::Impl::enter(IntakeTurn& turn, const Patience& patience) {
  std::unique_lock lock(mutex_);
  turn.since = clock_.now();
  Lane& lane = lane_of(turn.bytes);
  lane.line.join(turn);
  advance(lane);
  while (!turn.granted_now.wait_for(lock, kLook, [&] { return turn.granted; })) {
    // `gone` may be a system call.
    lock.unlock();
    auto impatient = impatience(patience);
    lock.lock();
    if (!impatient || turn.granted) continue;
    lane.line.leave(turn);
    return *std::move(impatient);
  }
  return {};
}

void Intake::Impl::advance(Lane& lane) {
  while (lane.running < options_.turns) {
    auto* turn = static_cast<IntakeTurn*>(lane.line.next());
    if (!turn) return;
    ++lane.running;
    turn->granted = true;
    turn->granted_at = clock_.now();
    turn->granted_now.notify_one();
  }
}

void Intake::Impl::leave(const IntakeTurn& turn) {
  std::lock_guard lock(mutex_);
  Lane& lane = lane_of(turn.bytes);
  lane.line.settle(turn, clock_.now() - turn.granted_at);
  --lane.running;
  advance(lane);
}

void Intake::Impl::give_back(const std::string& client, size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    room_.give_back(client, bytes);
  }
  if (bytes >= kTrimBytes) threads_.trim_soon();
}

IntakeLoad Intake::Impl::load() const {
  std::lock_guard lock(mutex_);
  IntakeLoad load{.bytes = room_.bytes()};
  for (const Lane& lane : lanes_) {
    load.waiting += lane.line.waiting();
    load.running += lane.running;
  }
  return load;
}

void Intake::Impl::tell(Scrape& to) const {
  const IntakeLoad now = load();
  to.gauge("weir_intake_waiting", "Requests that wait to be parsed, rendered and tokenized.", {},
           static_cast<double>(now.waiting));
  to.gauge("weir_intake_running", "Requests that are being parsed, rendered and tokenized.", {},
           static_cast<double>(now.running));
  to.gauge("weir_intake_bytes", "Size of the bodies that are held.", {},
           static_cast<double>(now.bytes));
}

class IntakeVisit::State {
 public:
  State(Intake::Impl& intake, std::shared_ptr<const Key> key)
      : intake_(intake), key_(std::move(key)) {}
  ~State() {
    leave();
    if (bytes_ > 0) intake_.give_back(key_->name, bytes_);
  }

  Result<void> hold(size_t bytes) {
    auto held = intake_.hold(key_->name, {.from = bytes_, .to = std::max(bytes, bytes_)});
    if (held) bytes_ = std::max(bytes, bytes_);
    return held;
  }
  size_t bytes() const { return bytes_; }
  Result<void> enter(const Patience& patience) {
    auto turn = std::make_unique<IntakeTurn>();
    turn->client = key_->name;
    turn->weight = key_->weight;
    turn->bytes = bytes_;
    auto entered = intake_.enter(*turn, patience);
    if (entered) turn_ = std::move(turn);
    return entered;
  }
  void run(const std::function<void()>& work) { turn_ ? intake_.run(*turn_, work) : work(); }
  void leave() {
    if (turn_) intake_.leave(*turn_);
    turn_.reset();
  }

 private:
  Intake::Impl& intake_;
  const std::shared_ptr<const Key> key_;
  size_t bytes_ = 0;
  std::unique_ptr<IntakeTurn> turn_;
};

Intake::Intake(IntakeOptions options, const Clock& clock, Registry& metrics)
    : impl_(std::make_unique<Impl>(options, clock, metrics)) {}
Intake::~Intake() = default;

IntakeVisit Intake::visit(std::shared_ptr<const Key> key) {
  return IntakeVisit(std::make_unique<IntakeVisit::State>(*impl_, std::move(key)));
}

IntakeLoad Intake::load() const { return impl_->load(); }
bool Intake::is_long(size_t bytes) const { return impl_->is_long(bytes); }

IntakeVisit::IntakeVisit(std::unique_ptr<State> state) : state_(std::move(state)) {}
IntakeVisit::IntakeVisit(IntakeVisit&&) noexcept = default;
IntakeVisit::~IntakeVisit() = default;

Result<void> IntakeVisit::hold(size_t bytes) { return state_->hold(bytes); }
size_t IntakeVisit::bytes() const { return state_->bytes(); }
Result<void> IntakeVisit::enter(const Patience& patience) { return state_->enter(patience); }
void IntakeVisit::run(const std::function<void()>& work) { state_->run(work); }
void IntakeVisit::leave() { state_->leave(); }

}  // namespace weir::traffic
