import Glibc
import LiveSupport

/// Software written in a scripting language, as distributions ship it, at work.
struct RealScript: Sendable, CustomStringConvertible {
    var name: String
    /// The test bed's name for the runtime.
    var runtime: String
    /// Debian's packages that it needs in the runtime's root.
    var packages: [String]
    /// `profile.frame.type` of its frames.
    var frameType: String
    /// Runs it, in `Programs/scripts`; it says "ready".
    var command: [String]
    /// A function that has code made for one call alone, which is freed soon after.
    var evaluator: String?

    var description: String { "\(name), \(runtime)" }

    static let all = [
        RealScript(
            name: "Sphinx", runtime: "python3.13", packages: ["python3-sphinx"], frameType: "cpython",
            command: ["sh", "sphinx.sh", "/tmp/sphinx"]),
        RealScript(
            name: "NumPy", runtime: "python3.13", packages: ["python3-numpy"], frameType: "cpython",
            command: ["python3", "numpy_threads.py"]),
        RealScript(
            name: "Jekyll", runtime: "ruby3.1", packages: ["jekyll"], frameType: "ruby",
            command: ["sh", "jekyll.sh", "/tmp/jekyll"]),
        RealScript(
            name: "Rack", runtime: "ruby3.3", packages: ["ruby-rack"], frameType: "ruby", command: ["ruby", "rack_shop.rb"],
            evaluator: "Kernel#eval"),
        // The same, where nothing is freed: what is evaluated has names like everything else.
        RealScript(
            name: "Rack that keeps what it evaluated", runtime: "ruby3.3", packages: ["ruby-rack"], frameType: "ruby",
            command: ["ruby", "rack_shop.rb", "kept"]),
        RealScript(
            name: "Twig under FPM", runtime: "php8.4", packages: ["php8.4-fpm", "php-twig"], frameType: "php",
            command: ["php8.4", "twig.php"]),
        RealScript(
            name: "ExifTool", runtime: "perl5.36", packages: ["libimage-exiftool-perl"], frameType: "perl",
            command: ["sh", "exiftool.sh"]),
    ]

    struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    /// Nil where the runtime was not installed.
    func start() async throws -> ChildProcess? {
        let install = ["apt-get", "-q", "-y", "--no-install-recommends", "install"] + packages
        guard let installing = TestBed.command(runtime: runtime, ["env", "DEBIAN_FRONTEND=noninteractive"] + install),
            let command = TestBed.command(runtime: runtime, command)
        else { return nil }
        try await Command.run(installing)
        let child = try ChildProcess(command, folder: "\(ManagedProgram.folder)/scripts")
        let line = try await onThread { try child.readLine() }
        guard line == "ready" else {
            ProcessTree.end(child.pid)
            throw Failed(description: "\(self) says \(line ?? "nothing")")
        }
        return child
    }
}

/// How whole the stacks of a runtime are, and how many of its frames have names.
struct ScriptQuality: Sendable, CustomStringConvertible {
    private(set) var samples = 0
    private(set) var complete = 0
    private(set) var frames = 0
    private(set) var named = 0
    /// Frames without a name of code that the evaluator called.
    private(set) var evaluated = 0
    private var incomplete: [String: Int] = [:]
    /// By the nearest caller that has a name.
    private var unnamed: [String: Int] = [:]

    /// - Parameter all: those with code of the runtime's type count.
    init(_ all: [ProofSample], type: String, evaluator: String? = nil) {
        for sample in all where sample.frames.contains(where: { $0.type == type }) {
            samples += sample.weight
            if let marker = sample.frames.firstIndex(where: \.isMarker) {
                let around = sample.frames[max(0, marker - 2)..<min(sample.frames.count, marker + 2)]
                incomplete[around.map { "\($0)" }.joined(separator: " < "), default: 0] += sample.weight
            } else {
                complete += sample.weight
            }
            for (index, frame) in sample.frames.enumerated() where frame.type == type {
                frames += sample.weight
                if frame.name != nil {
                    named += sample.weight
                } else {
                    let callers = sample.frames[index...].filter { $0.type == type && $0.name != nil }
                    unnamed[callers.first.map { "\($0)" } ?? "nothing", default: 0] += sample.weight
                    // Between its own frames are those of functions written in C alone.
                    let caller = callers.first { $0.name == evaluator || !$0.file.hasPrefix("<") }
                    if let evaluator, caller?.name == evaluator { evaluated += sample.weight }
                }
            }
        }
    }

    var completeShare: Double { Double(complete) / Double(max(samples, 1)) }
    /// Of the frames that are not code made for one call.
    var namedShare: Double { Double(named) / Double(max(frames - evaluated, 1)) }

    var description: String {
        func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100) %" }
        var text = "\(samples) samples, \(percent(completeShare)) complete; \(percent(namedShare)) of \(frames - evaluated) frames named"
        if evaluated > 0 { text += ", and \(evaluated) of evaluated code without a name" }
        for (around, weight) in incomplete.sorted(by: { $0.value > $1.value }).prefix(4) { text += "\n  \(weight) × \(around)" }
        for (around, weight) in unnamed.sorted(by: { $0.value > $1.value }).prefix(12) {
            text += "\n  \(weight) × no name, called by \(around)"
        }
        return text
    }
}
