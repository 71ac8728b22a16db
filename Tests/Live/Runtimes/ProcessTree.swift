import Foundation
import Glibc

/// Processes below one that a test has started.
enum ProcessTree {
    /// The number by which this machine knows the process, `ancestor` or one below it, that calls itself `number` in its own
    /// namespace; nil where there is none.
    static func descendant(of ancestor: Int32, whoseOwnNumberIs number: Int32) -> Int32? {
        let all = snapshot()
        return all.first { $0.value.ownNumber == number && isBelow(ancestor, $0.key, all) }?.key
    }

    /// Ends the process and all below it.
    static func end(_ ancestor: Int32) {
        let all = snapshot()
        for pid in all.keys where isBelow(ancestor, pid, all) { kill(pid, SIGKILL) }
    }

    private struct Entry {
        var parent: Int32
        /// In its own namespace.
        var ownNumber: Int32
    }

    private static func snapshot() -> [Int32: Entry] {
        var all: [Int32: Entry] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
                let parent = values(of: "PPid", in: status).first, let number = values(of: "NSpid", in: status).last
            else { continue }
            all[pid] = Entry(parent: parent, ownNumber: number)
        }
        return all
    }

    private static func isBelow(_ ancestor: Int32, _ pid: Int32, _ all: [Int32: Entry]) -> Bool {
        var current = pid
        for _ in 0..<64 where current != ancestor {
            guard let parent = all[current]?.parent else { return false }
            current = parent
        }
        return current == ancestor
    }

    /// The numbers behind a name in `/proc/PID/status` (proc(5)).
    private static func values(of name: String, in status: String) -> [Int32] {
        for line in status.split(separator: "\n") where line.hasPrefix("\(name):") {
            return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        }
        return []
    }
}
