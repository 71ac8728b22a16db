import ObjectFiles

/// How many stacks of some executables are complete, and how many of their frames have names.
struct StackQuality: Sendable, CustomStringConvertible {
    let samples: Int
    let complete: Int
    /// Why stacks are not complete.
    private(set) var reasons: [String: Int] = [:]
    /// Frames of files that have a table of symbols, on the host or in themselves: those can be named.
    private(set) var nameable = 0
    private(set) var named = 0
    /// All frames of native code.
    private(set) var frames = 0
    private(set) var namedOfAll = 0
    /// By file: frames without names in files that have symbols.
    private(set) var unnamed: [String: Int] = [:]
    /// By file: leaves of incomplete stacks.
    private(set) var lastObjects: [String: Int] = [:]

    init(_ samples: [ProofSample], of executables: Set<String>) {
        let own = samples.filter { sample in
            sample.frames.contains { executables.contains($0.object) }
                && sample.frames.contains { !$0.isKernel && !$0.isMarker }
        }
        self.samples = own.reduce(0) { $0 + $1.weight }
        var complete = 0
        var known: [String: Bool] = [:]
        for sample in own {
            if let marker = sample.frames.first(where: \.isMarker) {
                let last = sample.frames.last { !$0.isMarker }
                reasons[marker.name ?? "?", default: 0] += sample.weight
                lastObjects["\(last?.object ?? "?") \(last?.name ?? "")", default: 0] += sample.weight
            } else {
                complete += sample.weight
            }
            for frame in sample.frames where !frame.isKernel && !frame.isMarker && frame.type == nil {
                frames += sample.weight
                if frame.name != nil { namedOfAll += sample.weight }
                let hasSymbols = known[frame.object] ?? Self.hasSymbols(frame.object)
                known[frame.object] = hasSymbols
                guard hasSymbols else { continue }
                nameable += sample.weight
                if frame.name != nil {
                    named += sample.weight
                } else {
                    unnamed[frame.object, default: 0] += sample.weight
                }
            }
        }
        self.complete = complete
    }

    var completeShare: Double { samples == 0 ? 0 : Double(complete) / Double(samples) }
    var namedShare: Double { nameable == 0 ? 1 : Double(named) / Double(nameable) }

    private static let folders = [
        "/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/chromium",
        "/usr/lib/git-core", "/usr/lib/gcc/x86_64-linux-gnu/12", "/usr/lib/postgresql/15/bin",
    ]

    /// Whether a file of that name has more names than those that it exports.
    private static func hasSymbols(_ object: String) -> Bool {
        for folder in folders {
            guard let file = try? ELFFile(FileReader(path: "\(folder)/\(object)")) else { continue }
            if file.symbolTable() != nil || file.section(".gnu_debugdata") != nil || file.section(".gopclntab") != nil {
                return true
            }
            guard let id = file.gnuBuildID()?.hex else { return false }
            return (try? FileReader(path: "/usr/lib/debug/.build-id/\(id.prefix(2))/\(id.dropFirst(2)).debug")) != nil
        }
        return false
    }

    private static func list(_ counts: [String: Int], _ limit: Int = 6) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit).map { "\($0.value) × \($0.key)" }
            .joined(separator: "; ")
    }

    var description: String {
        func percent(_ share: Double) -> String { "\((share * 100_000).rounded() / 1000) %" }
        var text =
            "\(samples) samples, \(percent(completeShare)) complete; \(frames) native frames, "
            + "\(percent(frames == 0 ? 0 : Double(namedOfAll) / Double(frames))) named, \(percent(namedShare)) of the "
            + "\(nameable) in files with symbols"
        if !reasons.isEmpty {
            text += "\n    incomplete: \(Self.list(reasons))\n    after: \(Self.list(lastObjects, 12))"
        }
        if !unnamed.isEmpty { text += "\n    unnamed: \(Self.list(unnamed))" }
        return text
    }
}
