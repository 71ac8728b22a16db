import Foundation

/// Runs a tool, which is the independent truth, feeding it `input`; both streams go through files, so none can block.
func run(_ tool: String, _ arguments: [String], input: String = "") throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (inFile, outFile) = (folder.appendingPathComponent("in"), folder.appendingPathComponent("out"))
    try input.write(to: inFile, atomically: false, encoding: .utf8)
    try Data().write(to: outFile)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["LC_ALL"] = "C"
    process.environment = environment
    process.standardInput = try FileHandle(forReadingFrom: inFile)
    process.standardOutput = try FileHandle(forWritingTo: outFile)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return String(decoding: try Data(contentsOf: outFile), as: UTF8.self)
}
