import ArgumentParser

/// `version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { Self.printVersion() }

    static func printVersion() {
        print("\(programInformation.command) version \(programInformation.version)")
    }
}
