#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

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
  explicit Pool(int helpers) : helpers_(helpers) {
    for (int i = 0; i < helpers; i++) std::thread([this] { Help(); }).detach();
  }

  void Run(size_t count, const std::function<void(size_t)>& work) {
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
    Take();
    while (done_.load() < count) pause();
  }

 private:
  void Take() {
    for (size_t left = left_.load(); left > 0;) {
      if (!left_.compare_exchange_weak(left, left - 1)) continue;
      (*work_)(left - 1);
      done_.fetch_add(1);
      left = left_.load();
    }
  }

  void Help() {
    for (;;) {
      for (int i = 0; i < kSpins && left_.load() == 0; i++) pause();
      if (left_.load() == 0) {
        std::unique_lock<std::mutex> lock(mutex_);
        asleep_.fetch_add(1);
        wake_.wait(lock, [&] { return left_.load() > 0; });
        asleep_.fetch_sub(1);
      }
      Take();
    }
  }

  const int helpers_;
  std::mutex busy_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<int> asleep_{0};
  // Pieces of work that nobody has taken, and those that are done.
  std::atomic<size_t> left_{0};
  std::atomic<size_t> done_{0};
  const std::function<void(size_t)>* work_ = nullptr;
};

int Threads() {
  const char* asked = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int count = asked == nullptr ? 0 : std::atoi(asked);
  return count > 0 ? count : static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

void parallel(size_t count, const std::function<void(size_t)>& work) {
  // Never destroyed: its threads wait until the process ends.
  static Pool& pool = *new Pool(Threads() - 1);
  pool.Run(count, work);
}

}  // namespace lab
