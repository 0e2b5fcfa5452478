#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weir/serve/tasks.h"

namespace weir::app {

/// A model that can be asked.
struct Offer {
  std::string model;
  serve::Tasks tasks;
  bool converses = false;  // it has a chat template and is no encoder-decoder
  bool encoder_decoder = false;
};

/// Where a client on this machine reaches a daemon that listens on `host`: "localhost" for
/// loopback's usual addresses and for all addresses, else the host, one of IPv6 in brackets.
std::string reachable_host(const std::string& host);

/// A `curl` command of at most 120 columns, where the model's name allows it, for each kind of task
/// that the models do: "try: curl localhost:8080/v1/tag -d '...'". `authority`: host and port. With
/// keys each has the header, and the variable WEIR_API_KEY in the key's place.
std::vector<std::string> first_calls(std::span<const Offer> offers, const std::string& authority,
                                     bool wants_key);

}  // namespace weir::app
