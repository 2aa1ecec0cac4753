// Threads that share the work of one operation.
#pragma once

#include <cstddef>
#include <functional>

namespace lab {

// Calls work(0) to work(count - 1), each once, on as many threads as TensorFlow has for one
// operation (TF_NUM_INTRAOP_THREADS, or one for each processor), and returns when all are done, or
// throws then what one of them threw. The order is open, so no result may depend on it. Where another
// operation has the threads, all of it runs on the caller's own. Not to be called by `work` itself.
void parallel(size_t count, const std::function<void(size_t)>& work);

// Calls work(from, to) for pieces that together are 0 to count, likewise.
void parallelPieces(size_t count, const std::function<void(size_t, size_t)>& work);

}  // namespace lab
