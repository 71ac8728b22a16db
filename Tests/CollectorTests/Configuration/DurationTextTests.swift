import Testing

@testable import Collector

struct DurationTextTests {
    @Test(arguments: [
        ("0", Duration.zero), ("5s", .seconds(5)), ("1h30m", .seconds(5400)), ("200ms", .milliseconds(200)),
        ("1.5s", .milliseconds(1500)), ("-1.5h", .seconds(-5400)), ("+3us", .microseconds(3)),
        ("7µs", .microseconds(7)), ("9ns", .nanoseconds(9)), (".5m", .seconds(30)), ("1s1ms", .milliseconds(1001)),
        ("0.1234567899s", .nanoseconds(123_456_789)), ("0s", .zero),
    ])
    func reads(text: String, expected: Duration) {
        #expect(Duration(parsingUnits: text) == expected)
    }

    @Test(arguments: [
        "", "5", "s", "5 s", "1h30", "1x", "--1s", "1..5s", "9999999999999999999s", "2562048h", ".", "-", "٣s",
    ])
    func refuses(text: String) {
        #expect(Duration(parsingUnits: text) == nil)
    }

    @Test(arguments: [
        (Duration.zero, "0s"), (.seconds(5), "5s"), (.seconds(5400), "1h30m0s"), (.milliseconds(200), "200ms"),
        (.milliseconds(1500), "1.5s"), (.nanoseconds(1_500), "1.5µs"), (.seconds(-61), "-1m1s"),
        (.nanoseconds(3), "3ns"), (.milliseconds(90_250), "1m30.25s"),
    ])
    func writes(duration: Duration, expected: String) {
        #expect(duration.unitText == expected)
        #expect(Duration(parsingUnits: expected) == duration)
    }
}
