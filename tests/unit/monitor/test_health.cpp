#include "runtime/monitor/health.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::monitor;
using namespace std::chrono_literals;
using runtime::Health;

namespace {

HealthPlan plan(std::chrono::nanoseconds interval, std::int64_t retries,
                std::chrono::nanoseconds start_period = 0ns) {
    HealthPlan out;
    out.interval_ns = interval.count();
    out.retries = retries;
    out.start_period_ns = start_period.count();
    return out;
}

} // namespace

TEST_CASE("probes begin early and double up to the interval") {
    HealthSchedule schedule(plan(100ms, 3));
    CHECK(schedule.next_delay(0ns) == 20ms);
    CHECK(schedule.next_delay(20ms) == 40ms);
    CHECK(schedule.next_delay(60ms) == 80ms);
    CHECK(schedule.next_delay(140ms) == 100ms);
    CHECK(schedule.next_delay(240ms) == 100ms);
}

TEST_CASE("early failures count once an interval") {
    HealthSchedule schedule(plan(1s, 3));
    for (const auto at : {20ms, 60ms, 140ms, 300ms, 620ms})
        CHECK_FALSE(schedule.judge(false, at));
    CHECK(schedule.streak() == 0);
    CHECK(schedule.judge(false, 1260ms));
    CHECK_FALSE(schedule.judge(false, 1300ms));
    CHECK(schedule.judge(false, 2270ms));
    CHECK(schedule.status() == Health::starting);
    CHECK(schedule.judge(false, 3280ms));
    CHECK(schedule.status() == Health::unhealthy);
    CHECK(schedule.judge(true, 4s));
    CHECK(schedule.status() == Health::healthy);
    CHECK(schedule.next_delay(4s) == 1s);
}

TEST_CASE("in the start period failures do not count, a success does") {
    HealthSchedule schedule(plan(10ms, 1, 5s));
    CHECK_FALSE(schedule.judge(false, 4900ms));
    CHECK(schedule.judge(true, 4950ms));
    CHECK(schedule.status() == Health::healthy);
    CHECK(schedule.judge(false, 4960ms)); // once healthy every failure counts
    CHECK(schedule.status() == Health::unhealthy);
}

TEST_CASE("a start interval of the user's is kept") {
    auto with = plan(30s, 3, 60s);
    with.start_interval_ns = 2'000'000'000;
    HealthSchedule schedule(with);
    CHECK(schedule.next_delay(0s) == 2s);
    CHECK(schedule.next_delay(10s) == 2s);
}
