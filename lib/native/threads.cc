#include "threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace lab {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// How long a thread without work stays awake, some 0.1 ms: what follows an operation is mostly another
// one, and to wake a thread takes as long as a small operation.
constexpr int kSpins = 10000;

class Pool {
 public:
  explicit Pool(int helpers) {
    try {
      for (; helpers_ < helpers; helpers_++) std::thread([this] { help(); }).detach();
    } catch (const std::system_error&) {
      // The system gives no more threads: those that there are will do.
    }
  }

  void run(size_t count, const std::function<void(size_t)>& work) {
    std::unique_lock<std::mutex> mine(busy_, std::try_to_lock);
    if (!mine.owns_lock() || helpers_ == 0 || count < 2) {
      for (size_t i = 0; i < count; i++) work(i);
      return;
    }
    work_ = &work;
    done_.store(0);
    left_.store(count);
    if (asleep_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    take();
    for (int i = 0; done_.load() < count; i++) i < kSpins ? pause() : std::this_thread::yield();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void take() {
    for (size_t left = left_.load(); left > 0;) {
      if (!left_.compare_exchange_weak(left, left - 1)) continue;
      try {
        (*work_)(left - 1);
      } catch (...) {
        // For the caller, once no thread works on what is the caller's any more.
        std::lock_guard<std::mutex> lock(mutex_);
        failure_ = std::current_exception();
      }
      done_.fetch_add(1);
      left = left_.load();
    }
  }

  void help() {
    for (;;) {
      for (int i = 0; i < kSpins && left_.load() == 0; i++) pause();
      if (left_.load() == 0) {
        std::unique_lock<std::mutex> lock(mutex_);
        asleep_.fetch_add(1);
        wake_.wait(lock, [&] { return left_.load() > 0; });
        asleep_.fetch_sub(1);
      }
      take();
    }
  }

  int helpers_ = 0;
  std::mutex busy_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> asleep_{0};
  // Pieces of work that nobody has taken, and those that are done.
  std::atomic<size_t> left_{0};
  std::atomic<size_t> done_{0};
  const std::function<void(size_t)>* work_ = nullptr;
  std::exception_ptr failure_;
};

int threads() {
  const char* asked = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int count = asked == nullptr ? 0 : std::atoi(asked);
  return count > 0 ? count : static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

void parallel(size_t count, const std::function<void(size_t)>& work) {
  // Never destroyed: its threads wait until the process ends.
  static Pool& pool = *new Pool(threads() - 1);
  pool.run(count, work);
}

void parallelPieces(size_t count, const std::function<void(size_t, size_t)>& work) {
  constexpr size_t kPiece = 1 << 12;
  parallel((count + kPiece - 1) / kPiece, [&](size_t piece) {
    work(piece * kPiece, std::min(count, (piece + 1) * kPiece));
  });
}

}  // namespace lab
