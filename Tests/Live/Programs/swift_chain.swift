// main > outer > middle > Chain.inner in Swift.
import Glibc

struct Chain<Number: FixedWidthInteger> {
    var value: Number
}

extension Chain where Number == UInt64 {
    /// A linear congruential step (D. Knuth, MMIX), which the compiler cannot turn into a closed form.
    @inline(never)
    mutating func inner() -> Number {
        for _ in 0..<5_000_000 { value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
        return value
    }
}

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

@inline(never)
func middle(_ chain: inout Chain<UInt64>, until end: Double) -> UInt64 {
    var sum: UInt64 = 0
    while now() < end { sum &+= chain.inner() }
    return sum
}

@inline(never)
func outer(_ chain: inout Chain<UInt64>, until end: Double) -> UInt64 {
    middle(&chain, until: end) &+ 1
}

let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 10 : 10
var chain = Chain<UInt64>(value: 1)
print("ready \(getpid())")
fflush(nil)
let result = outer(&chain, until: now() + seconds)
exit(result == 0 ? 1 : 0)
