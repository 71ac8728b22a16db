import Testing

@testable import Engine

struct ReportScheduleTests {
    private func schedule(seconds: UInt64, jitter: Double) -> ReportSchedule {
        var options = EngineOptions()
        options.reportIntervalNanoseconds = seconds * 1_000_000_000
        options.reportJitter = jitter
        return ReportSchedule(options)
    }

    @Test func firstIntervalsAreShort() {
        var schedule = schedule(seconds: 5, jitter: 0)
        let lengths = (0..<4).map { _ in schedule.next() }
        #expect(lengths == [1_000_000_000, 2_000_000_000, 5_000_000_000, 5_000_000_000])
    }

    @Test func shortIntervalsStayShort() {
        var schedule = schedule(seconds: 1, jitter: 0)
        let lengths = (0..<3).map { _ in schedule.next() }
        #expect(lengths == [1_000_000_000, 1_000_000_000, 1_000_000_000])
    }

    @Test func laterIntervalsVaryAroundTheirLength() {
        var schedule = schedule(seconds: 10, jitter: 0.2)
        _ = schedule.next()
        _ = schedule.next()
        let lengths = (0..<200).map { _ in schedule.next() }
        #expect(lengths.allSatisfy { (8_000_000_000...12_000_000_000).contains($0) })
        #expect(Set(lengths).count > 100)
    }

    @Test func noLengthOverflows() {
        var options = EngineOptions()
        options.reportIntervalNanoseconds = .max
        options.reportJitter = 1
        var schedule = ReportSchedule(options)
        let lengths = (0..<50).map { _ in schedule.next() }
        #expect(lengths.allSatisfy { $0 >= 1_000_000 })
    }
}
