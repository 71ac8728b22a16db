import Testing
import TestRandomness

@testable import Engine

struct SamplingWindowsTests {
    private func windows(percent: Int, seconds: UInt64 = 60) -> SamplingWindows {
        var options = EngineOptions()
        options.sampledWindowsPercent = percent
        options.samplingWindowNanoseconds = seconds * 1_000_000_000
        return SamplingWindows(options)
    }

    @Test(arguments: [1, 25, 50, 99]) func asManyWindowsAsAskedForAreSampled(percent: Int) {
        var windows = windows(percent: percent)
        var generator = SplitMix64(seed: 7)
        var on = 0
        let count = 20_000
        for index in 0..<UInt64(count) where windows.update(now: index * 60_000_000_000, using: &generator) { on += 1 }
        // Five standard deviations of a binomial distribution.
        let expected = Double(count * percent) / 100
        let deviation = (expected * (1 - Double(percent) / 100)).squareRoot()
        #expect(abs(Double(on) - expected) <= 5 * deviation)
    }

    @Test func nothingChangesWithinAWindow() {
        var windows = windows(percent: 50)
        var generator = SplitMix64(seed: 7)
        for window in 0..<100 as Range<UInt64> {
            let start = window * 60_000_000_000
            let isOn = windows.update(now: start, using: &generator)
            for second in 1..<60 as Range<UInt64> {
                #expect(windows.update(now: start + second * 1_000_000_000, using: &generator) == isOn)
            }
        }
    }

    @Test func theLimitsAreAllAndNothing() {
        var all = windows(percent: 100)
        var none = windows(percent: 0)
        var generator = SplitMix64(seed: 7)
        for index in 0..<1000 as Range<UInt64> {
            #expect(all.update(now: index << 36, using: &generator))
            #expect(!none.update(now: index << 36, using: &generator))
        }
    }
}
