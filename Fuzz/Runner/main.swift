import FuzzTargets
import Glibc

#if LIBFUZZER
    /// libFuzzer's way in for programs that have a `main` of their own (`FuzzerInterface.h`).
    @_silgen_name("LLVMFuzzerRunDriver")
    func LLVMFuzzerRunDriver(
        _ argumentCount: UnsafeMutablePointer<CInt>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
        _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt
#endif

/// The one that this process runs; libFuzzer's function cannot capture it.
nonisolated(unsafe) private var chosen: FuzzTarget?

func fail(_ message: String) -> Never {
    let line = Array("fuzz: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(2)
}

let usage = """
    usage: fuzz list                         the targets
           fuzz corpus TARGET FOLDER         writes the inputs that it begins with
           fuzz run TARGET FILE ...          runs it on files
           fuzz mutate TARGET SECONDS [SEED] changes the corpus at random
           fuzz TARGET [libFuzzer's options] where libFuzzer is linked
    """

let arguments = Array(CommandLine.arguments.dropFirst())
guard let command = arguments.first else { fail(usage) }

func target(_ name: String?) -> FuzzTarget {
    guard let target = fuzzTargets.first(where: { $0.name == name }) else {
        fail("no target \(name ?? ""); there are: \(fuzzTargets.map(\.name).joined(separator: " "))")
    }
    return target
}

func contents(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { fail("cannot open \(path)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
    return bytes
}

switch command {
case "list":
    print(fuzzTargets.map(\.name).joined(separator: "\n"))
case "corpus":
    guard arguments.count == 3 else { fail(usage) }
    mkdir(arguments[2], 0o755)
    for (number, input) in target(arguments[1]).corpus().enumerated() {
        guard let file = fopen("\(arguments[2])/seed-\(number)", "wb") else { fail("cannot write to \(arguments[2])") }
        fwrite(input, 1, input.count, file)
        fclose(file)
    }
case "run":
    guard arguments.count >= 3 else { fail(usage) }
    for path in arguments[2...] { target(arguments[1]).run(contents(path)) }
case "mutate":
    guard arguments.count >= 3, let seconds = UInt64(arguments[2]) else { fail(usage) }
    func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec)
    }
    let seed = arguments.count > 3 ? UInt64(arguments[3]) ?? 0 : UInt64.random(in: 0...UInt64.max)
    print("fuzz: \(arguments[1]), seed \(seed)")
    let end = now() + seconds
    let runs = target(arguments[1]).runMutations(seed: seed) { _ in now() >= end }
    print("fuzz: \(arguments[1]): \(runs) runs")
default:
    #if LIBFUZZER
        chosen = target(command)
        // libFuzzer wants the program's name and its own options.
        let options = [CommandLine.arguments[0]] + arguments.dropFirst()
        var kept: [UnsafeMutablePointer<CChar>?] = options.map { strdup($0) }
        var count = CInt(kept.count)
        kept.append(nil)
        let status = kept.withUnsafeMutableBufferPointer { buffer -> CInt in
            var start = buffer.baseAddress
            return LLVMFuzzerRunDriver(&count, &start) { bytes, size in
                chosen?.run(Array(UnsafeBufferPointer(start: bytes, count: size)))
                return 0
            }
        }
        exit(status)
    #else
        fail("libFuzzer is not linked; `make fuzz` links it\n\(usage)")
    #endif
}
