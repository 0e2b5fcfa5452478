#pragma once

#include <chrono>
#include <iosfwd>
#include <string>

#include "app/command_line.h"
#include "app/given.h"

namespace weir::app {

/// Each command returns the exit code of the process; errors are one line on standard error.
int serve(const Resolved& resolved);
int check(const Resolved& resolved, std::ostream& out);
/// What a folder alone holds: of a model, as `--model` reads it, or of a head.
int check_alone(const std::string& folder, const Config& config, std::ostream& out);
int usage(const Config& config, const Command& command, std::ostream& out);
int key_new(const std::string& name, std::ostream& out);
int key_hash(std::istream& in, std::ostream& out);
int key_check(const std::string& path, std::ostream& out);

constexpr int kFailed = 1;
constexpr int kWrongSetting = 2;
constexpr int kDeviceLost = 3;

/// How long the end waits for who reads the log.
constexpr std::chrono::milliseconds kLastLines{500};

/// "weir: MESSAGE" on standard error.
int fail(int code, const Error& error);

}  // namespace weir::app
