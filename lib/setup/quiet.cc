// Compiled into tfjs-node's binding: keeps TensorFlow's information lines off standard error.
//
// TensorFlow 2.20 logs through Abseil, which no environment variable silences. Errors still show;
// TF_CPP_MIN_LOG_LEVEL=0 or 1 shows the rest as well.
#include <cstdlib>

namespace absl {
inline namespace lts_20250127 {
enum class LogSeverityAtLeast : int { kError = 2 };
void SetMinLogLevel(LogSeverityAtLeast);
}  // namespace lts_20250127
}  // namespace absl

namespace {
const bool quiet = [] {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  const bool loud = level != nullptr && (level[0] == '0' || level[0] == '1');
  if (!loud) absl::SetMinLogLevel(absl::LogSeverityAtLeast::kError);
  return !loud;
}();
}  // namespace
