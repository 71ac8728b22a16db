import FuzzTargets
import Testing

/// A short run of every fuzz target: what once was found, and some thousand changed inputs. `make fuzz` is the long one.
@Suite struct FuzzTests {
    @Test(arguments: fuzzTargets.map(\.name))
    func survives(name: String) throws {
        let target = try #require(fuzzTargets.first { $0.name == name })
        #expect(!target.corpus().isEmpty, "nothing to begin with")
        let seed = UInt64.random(in: 0...UInt64.max)
        // What crashes ends the whole process: `fuzz mutate NAME SECONDS SEED` runs the same inputs again.
        print("fuzz: \(name), seed \(seed)")
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(150)
        let runs = target.runMutations(seed: seed) { $0 >= 2000 || clock.now > end }
        #expect(runs > 0)
    }

    @Test func namesAreUnique() {
        #expect(Set(fuzzTargets.map(\.name)).count == fuzzTargets.count)
    }
}
