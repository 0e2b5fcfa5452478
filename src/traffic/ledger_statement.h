#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

namespace weir::traffic {

/// A prepared statement. After a call that fails, the connection's message says why. The connection
/// outlives it.
class Statement {
 public:
  Statement(sqlite3* database, const std::string& sql);

  bool good() const { return statement_ != nullptr; }
  /// Binds the next parameter, beginning with the first.
  Statement& bind(const std::string& text);
  Statement& bind(int64_t number);
  /// Returns SQLITE_ROW, SQLITE_DONE, or an error code.
  int step();
  /// Makes the statement ready for parameters again.
  void reset();

  std::string text(int column) const;
  int64_t number(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

}  // namespace weir::traffic
