/// Gives executables their numbers and takes them back some time after the last process that mapped them is gone.
///
/// A number that was taken back stays out of use until the traces that may hold it are forgotten: `recycle`.
/// Belongs to the reading thread.
struct ExecutableNumbers {
    private let capacity: UInt32
    private var next: UInt32 = 1
    private var free: [UInt32] = []
    private var retired: [UInt32] = []
    private var numbers: [OpenedExecutable.Key: UInt32] = [:]
    private var keys: [UInt32: OpenedExecutable.Key] = [:]
    /// How many references of the process table lead to a number.
    private var uses: [UInt32: Int] = [:]
    /// Since when nothing leads to it.
    private var idle: [UInt32: UInt64] = [:]

    /// How long an executable is kept that no process maps: programs that run often should not be read each time.
    private static let patienceNanoseconds: UInt64 = 120_000_000_000
    /// More than these are not kept, each holds an open file.
    private static let maximumIdle = 256

    /// - Parameter capacity: numbers below it are given out; 0 never is.
    init(capacity: UInt32) {
        self.capacity = capacity
    }

    var count: Int { numbers.count }
    /// All numbers are in use or retired.
    var isExhausted: Bool { next >= capacity && free.isEmpty }

    func number(of key: OpenedExecutable.Key) -> UInt32? { numbers[key] }

    /// A number for a new executable; nil when there is none left.
    mutating func assign(_ key: OpenedExecutable.Key) -> UInt32? {
        let number: UInt32
        if let reused = free.popLast() {
            number = reused
        } else if next < capacity {
            number = next
            next += 1
        } else {
            return nil
        }
        numbers[key] = number
        keys[number] = key
        return number
    }

    mutating func retain(_ number: UInt32) {
        uses[number, default: 0] += 1
        idle[number] = nil
    }

    mutating func release(_ number: UInt32, now: UInt64) {
        let left = (uses[number] ?? 1) - 1
        uses[number] = left > 0 ? left : nil
        if left <= 0 { idle[number] = now }
    }

    /// The numbers whose executables are to be forgotten now.
    /// - Parameter isUrgent: memory is needed, so no idle executable is kept.
    mutating func takeExpired(now: UInt64, isUrgent: Bool = false) -> [UInt32] {
        if idle.isEmpty { return [] }
        let patience = isUrgent ? 0 : ExecutableNumbers.patienceNanoseconds
        var expired = idle.filter { now &- $0.value >= patience }.map(\.key)
        let excess = idle.count - expired.count - ExecutableNumbers.maximumIdle
        if excess > 0 {
            let rest = idle.filter { now &- $0.value < patience }
            expired += rest.sorted { $0.value < $1.value }.prefix(excess).map(\.key)
        }
        for number in expired {
            idle[number] = nil
            if let key = keys.removeValue(forKey: number) { numbers[key] = nil }
            retired.append(number)
        }
        return expired
    }

    /// No trace holds a retired number any longer.
    mutating func recycle() {
        free += retired
        retired = []
    }
}
