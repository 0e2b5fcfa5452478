#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace weir::bench {

/// Keeps every processor from sleeping: a process on each that runs while nobody else wants to. A
/// virtual machine's idle processor has to be brought back by its host, which costs more than all
/// that a request is; this shows what is left without.
class Awake {
 public:
  Awake() {
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &all)) start(cpu);
  }
  ~Awake() {
    for (const pid_t each : processes_) kill(each, SIGKILL);
    for (const pid_t each : processes_) waitpid(each, nullptr, 0);
  }
  Awake(const Awake&) = delete;

 private:
  void start(int cpu) {
    const pid_t process = fork();
    if (process > 0) processes_.push_back(process);
    if (process != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    const sched_param none{};
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) _exit(1);
    for (;;) asm volatile("");
  }

  std::vector<pid_t> processes_;
};

}  // namespace weir::bench
