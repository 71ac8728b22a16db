import LiveSupport

/// Linux's own perf as an independent unwinder: `perf record --call-graph dwarf` copies registers and stack with every
/// sample, `perf script` unwinds them afterwards.
enum PerfOracle {
    static let requirements: [Requirement] = [.root, .perfEvents, .tool("perf")]

    /// perf starts the command and records it and its children to its end.
    /// - Parameter ofAllProcesses: of the whole machine, for as long as the command runs.
    static func samples(
        running command: [String], ofAllProcesses: Bool = false, frequency: Int = 199, stackBytes: Int
    ) async throws -> [ProofSample] {
        try await record(
            (ofAllProcesses ? ["-a"] : []) + ["--"] + command, frequency: frequency, stackBytes: stackBytes)
    }

    /// Records a process that runs already, to its end.
    static func samples(ofProcess pid: Int32, frequency: Int, stackBytes: Int) async throws -> [ProofSample] {
        try await record(["-p", "\(pid)"], frequency: frequency, stackBytes: stackBytes)
    }

    private static func record(_ target: [String], frequency: Int, stackBytes: Int) async throws -> [ProofSample] {
        let folder = try TemporaryFolder()
        let file = folder.path(of: "perf.data")
        try await Command.run(
            [
                "perf", "record", "-q", "-e", "cpu-clock", "-F", "\(frequency)", "--call-graph", "dwarf,\(stackBytes)",
                "-o", file,
            ] + target)
        let script = try await Command.run(
            [
                "perf", "script", "-i", file, "--no-inline", "--max-stack", "1200", "-F", "comm,pid,tid,ip,sym,dso",
            ], includingStandardError: false)
        return parse(script)
    }

    /// Blocks of `comm pid/tid` and one line `address name (path)` for each frame, ended by an empty line.
    static func parse(_ script: String) -> [ProofSample] {
        struct Key: Hashable {
            var pid: Int32
            var threadName: String
            var frames: [ProofFrame]
        }
        var weights: [Key: Int] = [:]
        var current: Key?
        for line in script.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                if let key = current { weights[key, default: 0] += 1 }
                current = nil
            } else if let frame = parseFrame(line), current != nil {
                current?.frames.append(frame)
            } else if let head = parseHead(line) {
                current = Key(pid: head.pid, threadName: head.threadName, frames: [])
            }
        }
        return weights.map {
            ProofSample(pid: $0.key.pid, threadName: $0.key.threadName, frames: $0.key.frames, weight: $0.value)
        }
    }

    /// `thread name 123/124 `
    private static func parseHead(_ line: Substring) -> (pid: Int32, threadName: String)? {
        let words = line.split(separator: " ")
        guard let ids = words.last, let slash = ids.firstIndex(of: "/"), let pid = Int32(ids[..<slash]) else {
            return nil
        }
        return (pid, words.dropLast().joined(separator: " "))
    }

    /// `    55d0 name (/path/of/file)`
    private static func parseFrame(_ line: Substring) -> ProofFrame? {
        guard line.first == " " || line.first == "\t", line.last == ")" else { return nil }
        let text = line.drop(while: \.isWhitespace)
        guard let space = text.firstIndex(of: " "), UInt64(text[..<space], radix: 16) != nil,
            let parenthesis = text.lastRange(of: " (")
        else { return nil }
        let name = text[text.index(after: space)..<parenthesis.lowerBound]
        let path = text[parenthesis.upperBound...].dropLast()
        let object = path.hasPrefix("[") ? path : path.split(separator: "/").last ?? path
        return ProofFrame(
            name: name == "[unknown]" ? nil : String(name), object: String(object),
            isKernel: path.hasPrefix("[kernel") || path.hasPrefix("[guest.kernel"))
    }
}

extension Substring {
    /// The last place where the text occurs.
    fileprivate func lastRange(of text: String) -> Range<Index>? {
        for start in indices.reversed() where self[start...].hasPrefix(text) {
            return start..<index(start, offsetBy: text.count)
        }
        return nil
    }
}
