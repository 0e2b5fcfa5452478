#include "http/front.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "http/body_buffer.h"
#include "http/body_writer.h"
#include "http/http_date.h"
#include "http/request_checks.h"
#include "weir/base/excerpt.h"
#include "weir/serve/request_line.h"

namespace weir::http {

namespace {

using Handled = httplib::Server::HandlerResponse;

constexpr int kRequestTimeout = 408, kLengthRequired = 411;
constexpr const char* kNoLength =
    "the request says nothing of its body's length: send Content-Length or chunks";

bool timed_out(const Connection& connection) {
  return connection.stream.failure() == GuardedStream::Failure::timed_out;
}

std::vector<std::string> with(std::vector<std::string> list, std::string item) {
  list.push_back(std::move(item));
  return list;
}

/// Writes all of an answer but a body that is made while it is sent.
void write_answer(api::Said& said, httplib::Response& response) {
  response.status = said.status;
  for (const auto& [name, value] : said.headers) response.set_header(name, value);
  if (auto* text = std::get_if<std::string>(&said.body))
    response.set_content(std::move(*text), said.type);
}

/// Half as long as the id of an answer: it is unique among the requests of a log, and short in its
/// lines.
std::string new_request_id(api::Api& api) { return "req-" + api.new_id().substr(8); }

/// What is wrong with a field that the library reads by itself and could not read.
const char* unread_field(const httplib::Request& request, int status) {
  constexpr int kRange = 416;
  if (status == kRange) return "header field Range is not bytes=FIRST-LAST";
  if (request.has_header("Accept"))
    return "header field Accept is not a list of media types, each with a q from 0 to 1";
  return "the request cannot be read";
}

}  // namespace

Front::Front(const ServerOptions& options, ServerState& state)
    : options_(options),
      state_(state),
      series_(state.api.metrics),
      browser_guard_(
          {.hosts = with(options.allowed_hosts, options.host), .origins = options.cors_origins}) {}

void Front::install(GuardedServer& server) {
  server.set_pre_routing_handler([this, &server](const Request& request, Response& response) {
    Connection& connection = server.connection_of(request);
    connection.exchange = std::make_unique<Exchange>(state_, connection.stream.socket());
    Exchange& exchange = *connection.exchange;
    exchange.peer = request.remote_addr;
    exchange.call.query = {request.params.begin(), request.params.end()};
    exchange.call.accept = request.get_header_value("Accept");
    exchange.http_1_0 = request.version == "HTTP/1.0";
    std::string own_id = request.get_header_value("x-request-id");
    auto& caller = exchange.call.caller;
    caller.request_id = is_sane_id(own_id) ? own_id : new_request_id(state_.api);
    caller.line = std::make_shared<serve::RequestLine>();
    const bool read = !connection.refused;  // else the library was given another request
    caller.line->wire.method = read ? request.method : "-";
    caller.line->wire.path = read ? request.path : "-";
    if (connection.refused) {
      refuse_bytes(connection, *connection.refused, response);
      return Handled::Handled;
    }
    if (answer_preflight(request, response) || answer_server_options(request, response))
      return Handled::Handled;
    if (auto admitted = admit(request, connection, response); !admitted) {
      refuse(exchange, admitted.error(), response);
      return Handled::Handled;
    }
    if (exchange.route->method == "GET") {
      handle(exchange, response);
      return Handled::Handled;
    }
    if (is_framed(request)) return Handled::Unhandled;
    refuse_bytes(connection, {kLengthRequired, kNoLength}, response);
    return Handled::Handled;
  });
  for (const api::Route& route : api::routes()) {
    if (route.method != "POST") continue;
    server.Post(std::string(route.path), [this, &server](const Request& request, Response& response,
                                                         const httplib::ContentReader& reader) {
      Connection& connection = server.connection_of(request);
      auto& caller = connection.exchange->call.caller;
      caller.preparation = state_.api.service.prepare(caller);
      auto read = read_body(request, connection, reader);
      if (read) return handle(*connection.exchange, response);
      if (timed_out(connection))
        return refuse_bytes(connection, {kRequestTimeout, read.error().message}, response);
      refuse(*connection.exchange, read.error(), response);
      connection.close = true;
    });
  }
  server.set_exception_handler(
      [this, &server](const Request& request, Response& response, std::exception_ptr thrown) {
        std::string what = "an exception";
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
          what = e.what();
        } catch (...) {
        }
        Connection& connection = server.connection_of(request);
        if (connection.exchange) refuse(*connection.exchange, Error{.message = what}, response);
      });
  server.set_error_handler([this, &server](const Request& request, Response& response) {
    if (!response.body.empty()) return Handled::Unhandled;
    complete_error(request, server.connection_of(request), response);
    return Handled::Handled;
  });
  server.set_post_routing_handler([this, &server](const Request& request, Response& response) {
    complete_headers(request, server.connection_of(request), response);
  });
}

Result<void> Front::admit(const Request& request, Connection& connection, Response& response) {
  Exchange& exchange = *connection.exchange;
  if (auto framed = check_framing(request); !framed) {
    connection.close = true;
    return framed;
  }
  if (!state_.api.service.wants_key()) {
    if (auto trusted = browser_guard_.check(request); !trusted) return trusted;
  }
  if (auto found = find_route(request, exchange, response); !found) return found;
  if (exchange.route->access == api::Access::work) {
    // Counted before `draining` is read, so that a drain that waits for the count does not miss
    // this request.
    ++state_.in_flight;
    exchange.counted = true;
  }
  if (auto taken = check_load(connection); !taken) return taken;
  if (auto fit = check_body(request); !fit) return fit;
  return identify(request, exchange);
}

Result<void> Front::find_route(const Request& request, Exchange& exchange, Response& response) {
  std::string allowed;
  bool head = request.method == "HEAD";
  for (const api::Route& route : api::routes()) {
    auto tail = match_path(route.path, request.path);
    if (!tail) continue;
    if (request.method == route.method || (head && route.method == "GET")) {
      exchange.route = &route;
      exchange.call.tail = *tail;
      return {};
    }
    allowed += allowed.empty() ? "" : ", ";
    allowed += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  if (allowed.empty()) {
    return Error{.code = Code::not_found,
                 .message = fmt::format("no route {}", excerpt(request.path))};
  }
  response.set_header("Allow", allowed);
  return Error{
      .code = Code::method_not_allowed,
      .message = fmt::format("{} takes {}, not {}", request.path, allowed, request.method)};
}

Result<void> Front::check_load(const Connection& connection) const {
  const Exchange& exchange = *connection.exchange;
  if (exchange.route->access == api::Access::open) return {};
  if (connection.over_cap) {
    return Error{.code = Code::overloaded,
                 .message = fmt::format("all {} connections are in use", options_.max_connections)};
  }
  if (exchange.route->access == api::Access::work && state_.draining) {
    return Error{.code = Code::unavailable, .message = "the server is shutting down"};
  }
  return {};
}

Result<void> Front::check_body(const Request& request) const {
  if (request.method != "POST") return {};
  if (auto media = check_media(request); !media) return media;
  return check_length(request, options_.max_body);
}

Result<void> Front::identify(const Request& request, Exchange& exchange) {
  if (exchange.route->access == api::Access::open) {
    exchange.call.host = request.get_header_value("Host");
    return {};
  }
  auto identity = state_.api.service.authenticate(secret_of(request, *exchange.route->dialect));
  if (!identity) return identity.error();
  exchange.call.caller.identity = *identity;
  exchange.call.caller.line->wire.key = state_.api.service.key_name(**identity);
  auto gone = [&exchange] { return exchange.state.api.stops || exchange.gone(); };
  exchange.call.caller.gone = gone;
  if (auto read = read_caller_headers(request, exchange.call.caller); !read) return read;
  auto notes = read_notes(request);
  if (!notes) return notes.error();
  exchange.call.tell_waiting = *notes;
  auto dry = read_dry_run(request);
  if (!dry) return dry.error();
  exchange.call.dry_run = *dry;
  if (!*dry || exchange.route->dry_run) return {};
  return invalid(fmt::format("{} charges nothing and has no dry run", exchange.route->path),
                 "x-weir-dry-run");
}

Result<void> Front::read_body(const Request& request, Connection& connection,
                              const httplib::ContentReader& reader) const {
  Exchange& exchange = *connection.exchange;
  BodyBuffer buffer(exchange.call.body, exchange.call.caller.preparation.get());
  if (auto room = buffer.expect(request.get_header_value_u64("Content-Length")); !room) return room;
  bool read = reader([&](const char* data, size_t size) { return buffer.append(data, size); });
  if (buffer.refusal()) return *buffer.refusal();
  if (read) return {};
  switch (connection.stream.failure()) {
    case GuardedStream::Failure::timed_out:
      return invalid(
          fmt::format("the body did not arrive within {} ms", options_.body_timeout.count()));
    case GuardedStream::Failure::over_budget:
      return Error{.code = Code::too_large,
                   .message = fmt::format("body is over {} bytes", options_.max_body)};
    case GuardedStream::Failure::closed:
      if (!request.has_header("Content-Length"))
        return invalid("the body ended before its last chunk");
      return invalid(fmt::format("the body ended after {} of {} bytes", exchange.call.body.size(),
                                 request.get_header_value("Content-Length")));
    case GuardedStream::Failure::none:
      break;
  }
  return invalid("the body's framing is broken");
}

void Front::handle(Exchange& exchange, Response& response) {
  auto said = api::answer(*exchange.route, exchange.call, state_.api);
  said ? say(*std::move(said), exchange, response) : refuse(exchange, said.error(), response);
  for (const auto& [name, value] : api::take_told_headers(exchange.call))
    response.set_header(name, value);
}

void Front::say(api::Said said, Exchange& exchange, Response& response) {
  write_answer(said, response);
  auto* body = std::get_if<std::unique_ptr<api::Body>>(&said.body);
  if (!body) return;
  exchange.body = std::make_unique<BodyWriter>(std::move(*body), !exchange.http_1_0);
  // The library writes only the head. The body may be written by another thread.
  auto provide = [&exchange](size_t, httplib::DataSink&) {
    exchange.head_written = true;
    return false;
  };
  exchange.http_1_0 ? response.set_content_provider(said.type, provide)
                    : response.set_chunked_content_provider(said.type, provide);
}

void Front::refuse(Exchange& exchange, Error error, Response& response) const {
  if (error.code == Code::cancelled) {
    exchange.client_left = !state_.api.stops && exchange.gone();
    if (!exchange.client_left)
      error = {
          .code = Code::unavailable,
          .message = state_.api.stops ? "the server is shutting down" : "the work was cancelled"};
  }
  if (error.code == Code::internal) {
    spdlog::error("id={} failed: {}", exchange.call.caller.request_id, error.message);
  }
  exchange.refused(error);
  api::Said said = api::answer_error(error, exchange.route, state_.api);
  write_answer(said, response);
}

void Front::refuse_bytes(Connection& connection, const WireFault& fault, Response& response) const {
  refuse(*connection.exchange, invalid(fault.message), response);
  response.status = fault.status;
  connection.close = true;
}

// Completes an error that the library answered without calling a handler.
void Front::complete_error(const Request& request, Connection& connection,
                           Response& response) const {
  Error error = invalid(unread_field(request, response.status));
  connection.close = true;
  if (response.status == 413) {
    error = {.code = Code::too_large,
             .message = fmt::format("body is over the limit of {} bytes", options_.max_body)};
  } else if (response.status == 414) {
    error = invalid(fmt::format("the path has {} bytes; the limit is 1024", request.target.size()));
  }
  if (connection.exchange) connection.exchange->refused(error);
  const Exchange* exchange = connection.exchange.get();
  api::Said said = api::answer_error(error, exchange ? exchange->route : nullptr, state_.api);
  write_answer(said, response);
}

void Front::complete_headers(const Request& request, Connection& connection,
                             Response& response) const {
  Exchange* exchange = connection.exchange.get();
  if (exchange) exchange->status = response.status;
  if (exchange && exchange->client_left) connection.stream.mute();
  response.set_header("x-request-id",
                      exchange ? exchange->call.caller.request_id : new_request_id(state_.api));
  response.set_header("Date", http_date(std::time(nullptr)));
  set_cors(request, response);
  bool unread_body = !request.body_consumed_ && has_body(request);
  bool streams_to_the_end = response.content_provider_ && !response.is_chunked_content_provider_;
  if (!exchange || unread_body || streams_to_the_end || connection.stream.has_unread() ||
      state_.draining || options_.keep_alive.count() == 0 || wants_close(request)) {
    connection.close = true;
  }
  // The library would close the connection after every error. A client that gets 429 should keep
  // its connection.
  response.headers.erase("Connection");
  if (connection.close) {
    response.headers.erase("Keep-Alive");
    response.set_header("Connection", "close");
  }
}

bool Front::answer_preflight(const Request& request, Response& response) const {
  if (request.method != "OPTIONS" || options_.cors_origins.empty()) return false;
  if (!request.has_header("Access-Control-Request-Method")) return false;
  response.status = 204;
  response.set_header("Access-Control-Allow-Methods", "GET, POST");
  response.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, *");
  response.set_header("Access-Control-Max-Age", "600");
  return true;
}

bool Front::answer_server_options(const Request& request, Response& response) const {
  if (request.method != "OPTIONS" || request.target != "*" || !check_framing(request)) return false;
  if (!state_.api.service.wants_key() && !browser_guard_.check(request)) return false;
  response.status = 204;
  response.set_header("Allow", "GET, HEAD, POST, OPTIONS");
  return true;
}

void Front::set_cors(const Request& request, Response& response) const {
  if (options_.cors_origins.empty()) return;
  response.set_header("Vary", "Origin");
  std::string origin = request.get_header_value("Origin");
  for (const std::string& allowed : options_.cors_origins) {
    if (allowed != "*" && allowed != origin) continue;
    response.set_header("Access-Control-Allow-Origin", allowed);
    response.set_header("Access-Control-Expose-Headers", "*");
    return;
  }
}

void Front::finished(Connection& connection) {
  Exchange& exchange = *connection.exchange;
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - exchange.start;
  const std::string_view route = exchange.route ? exchange.route->path : "none";
  series_.answered(route, exchange.status, spent.count());
  exchange.write_line(spent);
  // Last, so that everything is written when the count falls.
  if (exchange.counted) --state_.in_flight;
}

}  // namespace weir::http
