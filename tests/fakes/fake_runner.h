#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "weir/schedule/plan.h"

namespace weir::fakes {

/// What a position of a fake model's memory holds.
struct FakeCell {
  int32_t token = 0;
  uint64_t depth = 0;  // where the model has a window: of all that went into the cell
};

/// What a fake model says after `history`: a pure function of it, of the seed and of the index of
/// the draw.
class FakeModel {
 public:
  static constexpr int32_t kVocabulary = 40;

  /// The cell of `token` behind those that it sees, as layers upon layers would make it: what they
  /// saw is in it, too.
  static FakeCell attend(std::span<const FakeCell> before, int32_t token) {
    uint64_t depth = mix(static_cast<uint32_t>(token) + 1);
    for (const FakeCell& cell : before) depth = mix(depth * 31 + cell.depth);
    return {token, depth};
  }

  /// What a draw behind the last of `cells`, which a window shows, looks at.
  static std::vector<int32_t> sight(std::span<const FakeCell> cells) {
    std::vector<int32_t> seen{-1 - static_cast<int32_t>(cells.back().depth % 1'000'000'000)};
    for (const FakeCell& cell : cells) seen.push_back(cell.token);
    return seen;
  }

  static uint64_t digest(const std::vector<int32_t>& history) {
    uint64_t hash = 1469598103934665603u;
    for (int32_t token : history)
      hash = mix((hash ^ static_cast<uint32_t>(token)) * 1099511628211u);
    return hash;
  }

  static int32_t next(const std::vector<int32_t>& history, const work::SamplingParams& params,
                      uint32_t drawn) {
    const uint64_t draw = mix(digest(history) + mix(params.seed) + mix(drawn));
    int32_t token = draw % 4 == 0 ? static_cast<int32_t>(draw / 4 % kVocabulary)
                                  : repeated(history).value_or(draw / 4 % kVocabulary);
    auto stops = [&] {
      return std::find(params.stop_tokens.begin(), params.stop_tokens.end(), token) !=
             params.stop_tokens.end();
    };
    while (drawn < params.min_tokens && stops()) token = (token + 1) % kVocabulary;
    return token;
  }

  /// What it thinks of `token` behind `history`.
  static work::Logprobs think(const std::vector<int32_t>& history, int32_t token) {
    const uint64_t thought = mix(digest(history) ^ static_cast<uint32_t>(token));
    return {.own = -static_cast<float>(thought % 1000), .rank = 1, .top = {}};
  }

  /// The most likely tokens behind `history`, falling; no two are equal.
  static std::vector<std::pair<int32_t, float>> likely(const std::vector<int32_t>& history,
                                                       uint32_t count) {
    std::vector<std::pair<int32_t, float>> all;
    for (int32_t token = 0; token < kVocabulary; ++token)
      all.emplace_back(token, think(history, token).own - static_cast<float>(token) / 64);
    std::ranges::sort(all, [](const auto& a, const auto& b) { return a.second > b.second; });
    all.resize(std::min<size_t>(all.size(), count));
    return all;
  }

  /// A line of two numbers for the prompt, or for each of the tokens; other ones of each head.
  static work::Numbers read(const std::vector<int32_t>& history, const work::Read& read) {
    work::Numbers numbers{.columns = 2, .values = {}};
    const uint64_t said = digest(history) + mix(read.head) + mix(read.left_out);
    const auto add = [&](uint64_t token) {
      numbers.values.push_back(static_cast<float>(mix(said + token) % 100003));
      numbers.values.push_back(static_cast<float>(history.size()));
    };
    if (!read.tokens) add(0);
    for (const uint32_t token : read.tokens.value_or(std::vector<uint32_t>())) add(1 + token);
    return numbers;
  }

  /// A prompt that may not be split mixes all of its tokens: none of them reads as it would in
  /// another prompt.
  static int32_t seen(const schedule::ModelSpec& spec, int32_t token, size_t prompt_length) {
    return spec.prompt == schedule::Prompt::whole ? mixed(token, prompt_length) : token;
  }

  /// What an encoder makes of a source.
  static std::vector<int32_t> encoded(std::span<const int32_t> source) {
    std::vector<int32_t> states;
    for (int32_t token : source) states.push_back(-mixed(token, source.size()));
    return states;
  }

  /// What a token of this type reads as beside one of type 0.
  static int32_t of_type(uint8_t type) { return 1'000'000 * type; }

 private:
  static int32_t mixed(int32_t token, size_t length) {
    return token + 1000 * static_cast<int32_t>(length);
  }

  /// What followed the last two tokens before, as texts repeat themselves.
  static std::optional<int32_t> repeated(const std::vector<int32_t>& history) {
    const size_t size = history.size();
    for (size_t end = size; end-- > 2;)
      if (history[end - 1] == history[size - 1] && history[end - 2] == history[size - 2] &&
          history[end] >= 0)
        return history[end] % kVocabulary;
    return std::nullopt;
  }

  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
};

/// A text as a fake model with a window sees it; 0: all of it.
class FakeText {
 public:
  explicit FakeText(uint32_t window) : window_(window) {}

  void add(int32_t token) {
    const size_t seen = std::min<size_t>(cells_.size(), window_ > 0 ? window_ - 1 : 0);
    cells_.push_back(FakeModel::attend(std::span<const FakeCell>(cells_).last(seen), token));
    tokens_.push_back(token);
  }

  std::vector<int32_t> seen() const {
    if (window_ == 0 || cells_.empty()) return tokens_;
    const size_t shown = std::min<size_t>(cells_.size(), window_);
    return FakeModel::sight(std::span<const FakeCell>(cells_).last(shown));
  }

 private:
  const uint32_t window_;
  std::vector<FakeCell> cells_;
  std::vector<int32_t> tokens_;
};

/// A runner whose only memory is that which the plans name: it writes tokens into pages and slots
/// and reads its history back from them, so that a wrong page, prefix or position gives wrong text.
/// Notes each broken rule in `violations`. Single-threaded.
class FakeRunner : public schedule::Runner {
 public:
  /// What goes wrong, asked at each step and each row. A step that fails leaves rubbish where it
  /// should have written.
  struct Faults {
    std::function<bool()> launch = [] { return false; };
    std::function<bool()> collect = [] { return false; };
    std::function<bool()> row = [] { return false; };
    std::function<bool()> logits = [] { return false; };
    /// Asked after the two of a step: from a step that fails and is lost on, every call fails.
    std::function<bool()> lost = [] { return false; };
  };

  FakeRunner(schedule::ModelSpec spec, int depth) : spec_(spec), depth_(depth) {
    const auto page = std::vector<FakeCell>(spec.page_size, FakeCell{kRubbish});
    pages_.assign(spec.pages, page);
    slots_.resize(spec.slots);
  }

  const schedule::ModelSpec& spec() const override { return spec_; }
  int depth() const override { return depth_; }

  Result<void> launch(const schedule::StepPlan& plan) override {
    if (lost_) return *lost_;
    ++steps;
    check_plan(plan);
    InFlight step{.plan = &plan, .rows = plan.rows, .outputs = {}, .tables = {}};
    const bool launch_fails = faults.launch();
    step.fails = !launch_fails && faults.collect();
    copy(plan, launch_fails || step.fails);
    for (const auto& row : plan.rows) {
      const bool broken = launch_fails || step.fails;
      for (work::Output& output : run(row, broken)) step.outputs.push_back(std::move(output));
      step.tables.push_back(table_of(row));
      if (broken) failed.insert(row.id);
    }
    if ((launch_fails || step.fails) && faults.lost())
      lost_ = Error{.code = Code::internal, .message = "device lost: a fault"};
    if (launch_fails)
      return lost_.value_or(Error{.code = Code::internal, .message = "launch failed"});
    in_flight_.push_back(std::move(step));
    expect(in_flight_.size() <= static_cast<size_t>(depth_) + 1, "too many steps in flight");
    return {};
  }

  Result<std::vector<work::Output>> collect() override {
    expect(!in_flight_.empty(), "collect without a launch");
    if (lost_) return *lost_;
    InFlight step = std::move(in_flight_.front());
    in_flight_.pop_front();
    const auto stays = [](schedule::PageId then, schedule::PageId now) {
      return now == then || now == -1;
    };
    for (size_t i = 0; i < step.rows.size(); ++i)  // the plan and its spans live until now
      expect(std::ranges::equal(step.tables[i], table_of(step.plan->rows[i]), stays),
             "a page table changed in flight");
    if (step.fails) return Error{.code = Code::internal, .message = "collect failed"};
    return std::move(step.outputs);
  }

  std::optional<Error> lost() const override { return lost_; }

  Faults faults;
  // What a plan may have.
  uint32_t max_rows = UINT32_MAX, max_tokens = UINT32_MAX, max_drafts = UINT32_MAX;
  size_t steps = 0, copies = 0;
  std::vector<std::string> violations;
  std::set<schedule::SequenceId> failed;             // that had a fault
  std::vector<schedule::SequenceId> first_rows;      // in order of their first row
  std::function<void(const schedule::Row&)> on_row;  // sees each row

 private:
  static constexpr int32_t kRubbish = -1000000;

  struct InFlight {
    const schedule::StepPlan* plan;
    std::vector<schedule::Row> rows;
    std::vector<work::Output> outputs;
    std::vector<std::vector<schedule::PageId>> tables;
    bool fails = false;
  };

  static std::vector<schedule::PageId> table_of(const schedule::Row& row) {
    std::vector<schedule::PageId> table(row.pages.begin(), row.pages.end());
    table.insert(table.end(), row.source_pages.begin(), row.source_pages.end());
    return table;
  }

  void expect(bool holds, const char* what) {
    if (!holds) violations.emplace_back(what);
  }

  void check_plan(const schedule::StepPlan& plan) {
    uint32_t tokens = 0, drafts = 0;
    std::set<schedule::SequenceId> ids;
    std::map<schedule::PageId, schedule::SequenceId> writers;
    expect(!plan.rows.empty(), "an empty plan");
    for (const auto& row : plan.rows) {
      const uint32_t count = row.tokens.empty() ? 1 : static_cast<uint32_t>(row.tokens.size());
      tokens += count + static_cast<uint32_t>(row.source.size());
      drafts += row.drafts;
      expect(ids.insert(row.id).second, "two rows of one sequence");
      expect(row.drafts == 0 || (depth_ == 0 && row.wants_output && row.drafts < count),
             "drafts out of place");
      check_source(row);
      check_passed(row);
      const auto writes = [&](std::span<const schedule::PageId> table, uint32_t begin,
                              uint32_t end) {
        expect(table.size() * spec_.page_size >= end, "a row without pages for its tokens");
        for (uint32_t at = begin; at < end; ++at)
          expect(writers.emplace(table[at / spec_.page_size], row.id).first->second == row.id,
                 "two rows write one page");
      };
      if (spec_.memory.pages) writes(row.pages, row.first, row.first + count);
      writes(row.source_pages, 0, static_cast<uint32_t>(row.source.size()));
    }
    for (const auto& row : plan.rows)
      for (const auto& table : {row.pages, row.source_pages})
        for (schedule::PageId page : table) {
          if (page == -1) continue;
          const auto writer = writers.find(page);
          expect(writer == writers.end() || writer->second == row.id,
                 "a row reads what another writes");
        }
    expect(tokens == plan.tokens, "a wrong count of tokens");
    expect(tokens <= max_tokens, "more tokens than the budget");
    expect(drafts <= max_drafts, "more drafts than allowed");
    expect(plan.rows.size() <= max_rows, "more rows than allowed");
  }

  /// The row that begins a sequence may have the whole source, no other row has any of it, and
  /// every row has the pages.
  void check_source(const schedule::Row& row) {
    expect((row.source_tokens > 0) == spec_.memory.source, "a source out of place");
    expect(row.source.empty() || (row.first == 0 && row.source.size() == row.source_tokens),
           "a source that is cut or encoded again");
    expect(row.source_pages.size() == (row.source_tokens + spec_.page_size - 1) / spec_.page_size,
           "a wrong number of source pages");
    expect(row.source_tokens <= spec_.max_source, "a longer source than the encoder takes");
  }

  /// All pages that the window does not show are given back, and no other.
  void check_passed(const schedule::Row& row) {
    const uint32_t hidden = first_seen(row.first) / std::max(1U, spec_.page_size);
    for (uint32_t i = 0; i < row.pages.size(); ++i)
      expect((row.pages[i] == -1) == (i < hidden), "a page is given back too early or too late");
  }

  /// Position of the first token that the one at `position` attends to.
  uint32_t first_seen(uint32_t position) const {
    return windowed() && position >= spec_.window ? position - spec_.window + 1 : 0;
  }
  bool windowed() const { return spec_.window > 0; }

  void copy(const schedule::StepPlan& plan, bool broken) {
    std::set<schedule::PageId> from, to;
    for (const schedule::PageCopy& copy : plan.copies) {
      from.insert(copy.from);
      expect(to.insert(copy.to).second, "a page is the target of two copies");
      auto& target = pages_.at(static_cast<size_t>(copy.to));
      target = pages_.at(static_cast<size_t>(copy.from));
      if (broken) target.assign(target.size(), FakeCell{kRubbish});
      if (broken) failed.insert(copy.id);
    }
    copies += plan.copies.size();
    for (const schedule::PageId page : from)
      expect(!to.contains(page), "a page is the source of a copy and the target of another");
  }

  std::vector<work::Output> run(const schedule::Row& row, bool broken) {
    if (on_row) on_row(row);
    if (std::find(first_rows.begin(), first_rows.end(), row.id) == first_rows.end())
      first_rows.push_back(row.id);
    const bool row_fails = faults.row();
    std::vector<int32_t> tokens(row.tokens.begin(), row.tokens.end());
    if (tokens.empty()) {
      expect(depth_ > 0 && (sampled_.contains(row.id) || failed.contains(row.id)),
             "a token is asked for that is not on the device");
      tokens = {sampled_[row.id]};
    }
    if (row.first == 0)
      for (int32_t& token : tokens) token = FakeModel::seen(spec_, token, tokens.size());
    expect(row.types.size() <= tokens.size(), "more token types than tokens");
    for (size_t i = 0; i < std::min(tokens.size(), row.types.size()); ++i)
      tokens[i] += FakeModel::of_type(row.types[i]);
    std::vector<int32_t> source = FakeModel::encoded(row.source);
    if (broken || row_fails) {
      std::fill(tokens.begin(), tokens.end(), kRubbish);
      std::fill(source.begin(), source.end(), kRubbish);
    }
    source = through(row.source_pages, 0, row.source_tokens, source);
    const std::vector<int32_t> decoded = remember(row, tokens);
    if (!broken && !row_fails) check_text(row, decoded);
    // What a draw sees behind the first `count` of the row's tokens.
    const auto seen = [&](size_t count) {
      std::vector<int32_t> history = source;
      if (windowed()) {
        const std::vector<FakeCell> shown = window_at(row, row.first + count - 1);
        const std::vector<int32_t> sight = FakeModel::sight(shown);
        history.insert(history.end(), sight.begin(), sight.end());
      } else {
        history.insert(history.end(), decoded.begin(),
                       decoded.begin() + static_cast<std::ptrdiff_t>(row.first + count));
      }
      return history;
    };
    std::vector<work::Output> outputs;
    for (size_t i = 0; i < row.scored.size(); ++i) {
      const size_t known = row.score_from + i + 1;
      expect(known <= tokens.size(), "a token is scored behind the row");
      outputs.push_back(work::Token{row.scored[i], FakeModel::think(seen(known), row.scored[i])});
    }
    outputs.resize(row.scored.size() + 1 + row.drafts);
    const auto drawn = outputs.end() - (1 + row.drafts);
    if (row_fails) {
      failed.insert(row.id);
      drawn[0] = Error{.code = Code::internal, .message = "row failed"};
    } else if (row.wants_output) {
      for (uint32_t i = 0; i <= row.drafts; ++i)
        drawn[i] = output(row, seen(tokens.size() - (row.drafts - i)), row.drawn + i);
    }
    return outputs;
  }

  /// A draw that reads the history is told all of it; what is seen of it is the end of that.
  void check_text(const schedule::Row& row, const std::vector<int32_t>& history) {
    const auto* params = std::get_if<work::SamplingParams>(row.params);
    if (!params || !params->reads_history() || !row.wants_output || failed.contains(row.id)) return;
    if (spec_.prompt == schedule::Prompt::whole) return;
    const auto known = row.text.last(std::min(row.text.size(), history.size() - row.drafts));
    expect(std::equal(known.begin(), known.end(), history.begin(), history.end() - row.drafts),
           "a draw is told another text");
  }

  work::Output output(const schedule::Row& row, const std::vector<int32_t>& history,
                      uint32_t drawn) {
    if (const auto* reads = std::get_if<work::Reads>(row.params)) {
      work::Readings readings;
      for (const work::Read& read : *reads)
        readings.heads.push_back(FakeModel::read(history, read));
      return readings;
    }
    const auto& params = std::get<work::SamplingParams>(*row.params);
    sampled_[row.id] = FakeModel::next(history, params, drawn);
    if (faults.logits()) {
      failed.insert(row.id);
      sampled_[row.id] = -1;
    }
    work::Token token{sampled_[row.id]};
    if (params.logprobs) token.logprobs = FakeModel::think(history, token.id);
    if (params.beams) token.logprobs->top = FakeModel::likely(history, *params.logprobs);
    return token;
  }

  std::vector<int32_t> remember(const schedule::Row& row, const std::vector<int32_t>& tokens) {
    std::vector<int32_t> history;
    if (windowed())
      for (size_t i = 0; i < tokens.size(); ++i) write_behind_window(row, row.first + i, tokens[i]);
    const size_t begin = first_seen(row.first);
    if (spec_.memory.pages)
      history = through(row.pages, row.first, row.first + tokens.size(), tokens, begin);
    if (spec_.memory.slot) {
      auto& state = slots_.at(static_cast<size_t>(row.slot));
      if (row.first == 0) state.clear();
      expect(state.size() == row.first, "a slot holds another past");
      state.insert(state.end(), tokens.begin(), tokens.end());
      expect(!spec_.memory.pages ||
                 std::equal(history.begin(), history.end(),
                            state.begin() + std::ssize(state) - std::ssize(history), state.end()),
             "slot and pages differ");
      history = state;
    }
    if (!spec_.memory.pages && !spec_.memory.slot) {
      expect(row.first == 0, "a model without memory is asked to go on");
      history = tokens;
    }
    return history;
  }

  /// Writes `tokens` from position `first` on, and reads the positions from `begin` to `end`.
  std::vector<int32_t> through(std::span<const schedule::PageId> table, size_t first, size_t end,
                               const std::vector<int32_t>& tokens, size_t begin = 0) {
    std::vector<int32_t> history;
    for (size_t at = begin; at < end; ++at) {
      FakeCell& cell = cell_at(table, at);
      if (at >= first && at - first < tokens.size()) cell.token = tokens[at - first];
      history.push_back(cell.token);
    }
    return history;
  }

  FakeCell& cell_at(std::span<const schedule::PageId> table, size_t position) {
    const schedule::PageId page = table[position / spec_.page_size];
    expect(page >= 0, "a position is seen whose page was given back");
    return pages_.at(static_cast<size_t>(std::max(page, 0)))[position % spec_.page_size];
  }

  /// The cells that the token at `position` attends to, its own at last.
  std::vector<FakeCell> window_at(const schedule::Row& row, size_t position) {
    std::vector<FakeCell> cells;
    for (size_t at = first_seen(static_cast<uint32_t>(position)); at <= position; ++at)
      cells.push_back(cell_at(row.pages, at));
    return cells;
  }

  void write_behind_window(const schedule::Row& row, size_t position, int32_t token) {
    std::vector<FakeCell> cells = window_at(row, position);
    cells.pop_back();
    cell_at(row.pages, position) = FakeModel::attend(cells, token);
  }

  const schedule::ModelSpec spec_;
  const int depth_;
  std::vector<std::vector<FakeCell>> pages_;
  std::vector<std::vector<int32_t>> slots_;
  std::map<schedule::SequenceId, int32_t> sampled_;
  std::deque<InFlight> in_flight_;
  std::optional<Error> lost_;
};

}  // namespace weir::fakes
