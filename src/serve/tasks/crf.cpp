#include "serve/tasks/crf.h"

#include <algorithm>
#include <cmath>
#include <ranges>

namespace weir::serve {

namespace {

/// log(exp(at(0)) + ... + exp(at(count - 1))). It works in logs, since a forbidden transition of
/// -10000 has an exp of 0 and yet may be the only way.
double log_sum(size_t count, const auto& at) {
  double highest = at(0);
  for (size_t i = 1; i < count; ++i) highest = std::max(highest, at(i));
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += std::exp(at(i) - highest);
  return highest + std::log(sum);
}

/// Subtracts the largest of `numbers` from each, and returns it. So the sums of a long text stay as
/// small as those of one word, and a double keeps the differences between labels, which decide.
double take_highest(std::span<double> numbers) {
  const double highest = *std::ranges::max_element(numbers);
  for (double& number : numbers) number -= highest;
  return highest;
}

/// The CRF over one text, with `labels()` numbers for each word.
class Chain {
 public:
  Chain(const folder::Crf& crf, std::span<const float> emissions)
      : crf_(crf), emissions_(emissions), words_(emissions.size() / labels()) {}

  size_t labels() const { return crf_.start.size(); }
  size_t words() const { return words_; }
  double emission(size_t word, size_t label) const { return emissions_[word * labels() + label]; }
  double transition(size_t from, size_t to) const { return crf_.transitions[from * labels() + to]; }
  double start(size_t label) const { return crf_.start[label]; }
  double end(size_t label) const { return crf_.end[label]; }

 private:
  const folder::Crf& crf_;
  std::span<const float> emissions_;
  size_t words_;
};

void find_best(const Chain& chain, CrfPath& path) {
  const size_t labels = chain.labels();
  std::vector<uint32_t> before(chain.words() * labels);  // (words, labels): the best label before
  std::vector<double> best(labels), next(labels);
  for (size_t to = 0; to < labels; ++to) best[to] = chain.start(to) + chain.emission(0, to);
  for (size_t word = 1; word < chain.words(); ++word) {
    path.score += take_highest(best);
    for (size_t to = 0; to < labels; ++to) {
      const auto from = std::ranges::max_element(
          std::views::iota(size_t{0}, labels), {},
          [&](size_t label) { return best[label] + chain.transition(label, to); });
      before[word * labels + to] = static_cast<uint32_t>(*from);
      next[to] = best[*from] + chain.transition(*from, to) + chain.emission(word, to);
    }
    best.swap(next);
  }
  for (size_t label = 0; label < labels; ++label) best[label] += chain.end(label);
  const auto last = std::ranges::max_element(best);
  path.score += *last;
  path.labels.resize(chain.words());
  path.labels.back() = static_cast<uint32_t>(last - best.begin());
  for (size_t word = chain.words() - 1; word > 0; --word) {
    path.labels[word - 1] = before[word * labels + path.labels[word]];
  }
}

/// For each word and label: the log of the sum of exp(score) over the paths that end there, the
/// word's own emission included. Each word's are less what was taken from them, which is in
/// `taken`.
struct Forward {
  std::vector<double> sums;  // (words, labels)
  double taken = 0;
};

Forward forward(const Chain& chain) {
  const size_t labels = chain.labels();
  Forward all{.sums = std::vector<double>(chain.words() * labels)};
  std::vector<double>& sums = all.sums;
  for (size_t label = 0; label < labels; ++label) {
    sums[label] = chain.start(label) + chain.emission(0, label);
  }
  for (size_t word = 1; word < chain.words(); ++word) {
    const std::span from(&sums[(word - 1) * labels], labels);
    all.taken += take_highest(from);
    for (size_t to = 0; to < labels; ++to) {
      sums[word * labels + to] = chain.emission(word, to) + log_sum(labels, [&](size_t label) {
                                   return from[label] + chain.transition(label, to);
                                 });
    }
  }
  return all;
}

/// Walks back from the last word. Keeps for each label the log of the sum of exp(score) over the
/// paths that go on from it.
void find_marginals(const Chain& chain, CrfPath& path) {
  const size_t labels = chain.labels();
  const Forward before = forward(chain);
  std::vector<double> on(labels), next(labels);
  for (size_t label = 0; label < labels; ++label) on[label] = chain.end(label);
  path.marginals.resize(chain.words());
  for (size_t word = chain.words(); word-- > 0;) {
    const auto through = [&](size_t label) {
      return before.sums[word * labels + label] + on[label];
    };
    const double all = log_sum(labels, through);
    if (word + 1 == chain.words()) path.log_z = before.taken + all;
    path.marginals[word] = std::exp(through(path.labels[word]) - all);
    if (word == 0) break;
    for (size_t from = 0; from < labels; ++from) {
      next[from] = log_sum(labels, [&](size_t to) {
        return chain.transition(from, to) + chain.emission(word, to) + on[to];
      });
    }
    on.swap(next);
    take_highest(on);
  }
}

}  // namespace

CrfPath crf_path(const folder::Crf& crf, std::span<const float> emissions) {
  CrfPath path;
  if (emissions.empty()) return path;
  const Chain chain(crf, emissions);
  find_best(chain, path);
  find_marginals(chain, path);
  return path;
}

}  // namespace weir::serve
