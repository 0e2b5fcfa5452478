#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

#include "app/command_line.h"
#include "app/given.h"

namespace weir::app {

/// Each command returns the exit code of the process. An error is one line on standard error.
int serve(const Resolved& resolved);
int check(const Resolved& resolved, std::ostream& out);
/// Tells what one folder holds: a model's, read as `--model` reads it, or a head's.
int check_alone(const std::string& folder, const Config& config, std::ostream& out);
/// A conversation over standard input and output.
int chat(const Resolved& resolved, const Command& command);
/// Lists the models of a running daemon.
int models(const Resolved& resolved, std::ostream& out);
int usage(const Config& config, const Command& command, std::ostream& out);
/// The lines of the key file go to `out`, the key itself to `secret`.
int key_new(const std::string& name, std::ostream& out, std::ostream& secret);
int key_hash(std::istream& in, std::ostream& out);
int key_check(const std::string& path, std::ostream& out);

constexpr int kFailed = 1;
constexpr int kWrongSetting = 2;
constexpr int kDeviceLost = 3;

/// How long the process waits at its end for the reader of the log.
constexpr std::chrono::milliseconds kLastLines{500};

/// Standard output took not all, right after it failed: a disk is full.
Error unwritable_output();

/// "weir: MESSAGE" on standard error.
int fail(int code, const Error& error);

}  // namespace weir::app
