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

/// The first stage of every call: checks the key's scope, finds the model, and gives new work a
/// ticket. Thread-safe.
class Opening {
 public:
  /// All outlive it.
  struct Parts {
    const ServiceParts& service;
    const ModelSet& models;
    std::chrono::milliseconds retry_after;
  };
  explicit Opening(Parts parts) : parts_(parts) {}

  /// The model that a call wants.
  struct Want {
    const std::string& model;  // its name; may be empty
    Needs needs;
  };

  /// Errors: unauthenticated, permission_denied, those of ModelSet::resolve.
  Result<std::shared_ptr<const ReadyModel>> find_model(const Want& want, Caller& caller) const;
  /// Errors also: unavailable (after close()); deadline (it passed while the body was read).
  Result<Ticket> open(const Want& want, Caller& caller) const;
  /// Writes log and metrics of a request that was refused before it stood in line.
  void note_refusal(const Want& want, const Caller& caller, const Error& error) const;

  /// From now on open() refuses.
  void close() { closed_ = true; }
  bool is_closed() const { return closed_; }
  size_t in_flight() const { return *in_flight_; }  // tickets that are alive

 private:
  const Parts parts_;
  std::atomic<bool> closed_ = false;
  const std::shared_ptr<std::atomic<size_t>> in_flight_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace weir::serve
