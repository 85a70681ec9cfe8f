#include <cstdio>
#include <format>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "apps/jetway/messages.h"
#include "apps/jetway/program.h"

namespace jetway::command {

ExitCode run_id(Program& program) {
  const auto loaded = program.load_identity();
  if (!loaded) return show_problem(program, problem_of(loaded.error()));
  const crypto::Identity& identity = *loaded->identity;
  std::string line = identity.peer_id().to_text();
  if (program.config().output.json) {
    line = boost::json::serialize(boost::json::object{{"event", "id"},
                                                      {"peer", line},
                                                      {"key_type", crypto::key_type_name(identity.type())},
                                                      {"is_new", loaded->is_new}});
  }
  std::puts(line.c_str());
  return ExitCode::Done;
}

}  // namespace jetway::command
