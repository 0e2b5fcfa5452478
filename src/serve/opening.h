#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "model_set.h"
#include "ticket.h"
#include "weir/serve/caller.h"
#include "weir/serve/make_service.h"

namespace weir::serve {

/// The first stage of every call: the key's scope, the model, and a ticket where new work is taken.
/// Thread-safe.
class Opening {
 public:
  /// All outlive it.
  struct Parts {
    const ServiceParts& service;
    const ModelSet& models;
    std::chrono::milliseconds retry_after;
  };
  explicit Opening(Parts parts) : parts_(parts) {}

  /// What a call asks of a model. `needs` empty: any will do.
  struct Want {
    const std::string& model;
    Tasks needs;
  };

  /// Errors: unauthenticated, permission_denied, those of ModelSet::resolve.
  Result<std::shared_ptr<const ReadyModel>> find_model(const Want& want, Caller& caller) const;
  /// Errors also: unavailable (no new work is taken).
  Result<Ticket> open(const Want& want, Caller& caller) const;
  /// Log and metrics of a request that was refused before it stood in line.
  void note_refusal(const Want& want, const Caller& caller, const Error& error) const;

  /// From now on open() is refused.
  void close() { closed_ = true; }
  bool is_closed() const { return closed_; }
  size_t in_flight() const { return *in_flight_; }  // tickets that live

 private:
  const Parts parts_;
  std::atomic<bool> closed_ = false;
  const std::shared_ptr<std::atomic<size_t>> in_flight_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace weir::serve
