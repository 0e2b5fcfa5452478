#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Shares of one model: which sequence is admitted, which gives way, what of a step is for prompts.
/// Which request is before which is the order of service's (weir/base/service_order.h). Used by one
/// scheduler, in the step thread. A sequence waits (enter), runs (admit), and then waits again, or
/// ends (stop).
class Policy {
 public:
  virtual ~Policy() = default;

  /// `sequence` begins to wait; again, if it was preempted.
  virtual void enter(Sequence& sequence) = 0;
  /// It waits no longer, and does not run.
  virtual void leave(Sequence& sequence) = 0;
  /// It waits no longer: it runs. `cached_tokens` of its prompt is set.
  virtual void admit(Sequence& sequence) = 0;
  /// It runs no longer: ended or preempted.
  virtual void stop(Sequence& sequence) = 0;
  /// The sequence that is admitted next; null when none waits. No other overtakes it: while it does
  /// not fit, none is admitted.
  virtual Sequence* next() = 0;

  /// Of two that run: does `a` keep its memory before `b`? A strict order that does not change
  /// while they run.
  virtual bool outranks(const Sequence& a, const Sequence& b) const = 0;
  /// Must `running` make way for `waiting`, which finds no seat or no memory? Once it has, the
  /// reverse is never true of the two.
  virtual bool yields(const Sequence& running, const Sequence& waiting) const = 0;

  /// What `prompts` prompts may take of a step of `budget` tokens in which `decodes` rows decode.
  /// Unit: the work of one token at position 0. If any of the prompts is short, the room is at
  /// least as large as otherwise; the extra room goes to short prompts only.
  virtual double prompt_room(uint32_t budget, uint32_t decodes, size_t prompts,
                             bool any_short) const = 0;
  /// A step's `room` is given out: to `prompts`, which run and have prompt left, and to sequences
  /// that wait.
  virtual void share(double room, std::span<Sequence* const> prompts) = 0;
  /// What is left of the share of this sequence's client, while other clients want room too.
  virtual double part(const Sequence& sequence) const = 0;
  /// `sequence` took so much of the room.
  virtual void took(const Sequence& sequence, double work) = 0;

  /// One more token of its completion is in a step.
  virtual void sampled(const Sequence& sequence) = 0;
};

}  // namespace weir::schedule
