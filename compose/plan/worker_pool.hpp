// worker_pool.hpp - threads for the executor: made when there is work and none is idle, up to a limit;
// signals go to other threads. All work that was posted is done before the destructor returns.
#pragma once

#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace berth::compose {

class WorkerPool {
  public:
    explicit WorkerPool(std::size_t limit) : limit_(limit) {}
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool() {
        {
            const std::lock_guard lock(mutex_);
            closing_ = true;
        }
        wake_.notify_all();
        for (auto& thread : threads_)
            thread.join();
    }

    void post(std::function<void()> task) {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
        if (tasks_.size() > idle_ && threads_.size() < limit_) add_thread();
        wake_.notify_one();
    }

  private:
    void add_thread() {
        // The thread that called execute() is the one that a signal is to wake.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        threads_.emplace_back([this] { work(); });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            ++idle_;
            wake_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
            --idle_;
            if (tasks_.empty()) return;
            auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
    }

    std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool closing_ = false;
};

// Group commit: what arrives while one batch is at work forms the next.
template <class Item> class Batcher {
  public:
    Batcher(WorkerPool& pool, std::function<void(std::vector<Item>)> process)
        : pool_(pool), process_(std::move(process)) {}

    void push(Item item) {
        const std::lock_guard lock(mutex_);
        items_.push_back(std::move(item));
        if (std::exchange(running_, true)) return;
        pool_.post([this] { run(); });
    }

  private:
    void run() {
        while (true) {
            std::vector<Item> batch;
            {
                const std::lock_guard lock(mutex_);
                batch.swap(items_);
                if (batch.empty()) {
                    running_ = false;
                    return;
                }
            }
            process_(std::move(batch));
        }
    }

    WorkerPool& pool_;
    std::function<void(std::vector<Item>)> process_;
    std::mutex mutex_;
    std::vector<Item> items_;
    bool running_ = false;
};

} // namespace berth::compose
