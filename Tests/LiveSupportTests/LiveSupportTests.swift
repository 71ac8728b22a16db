import Glibc
import Testing

@testable import LiveSupport

@Suite struct RequirementTests {
    @Test func missingToolAndPathAreNamed() {
        #expect(Requirement.tool("no-such-tool-here").whyMissing()?.contains("no-such-tool-here") == true)
        #expect(Requirement.path("/no/such/path").whyMissing()?.contains("/no/such/path") == true)
        #expect(Requirement.tool("sh").whyMissing() == nil)
        #expect(Requirement.path("/proc").whyMissing() == nil)
        #expect(Requirement.pythonPackage("no-such-package").whyMissing()?.contains("Scripts/test-python") == true)
        #expect(Requirement.architecture("vax").whyMissing()?.contains("vax") == true)
    }

    @Test func aMissingRequirementSkipsOrFails() throws {
        let missing = Requirement.tool("no-such-tool-here")
        #expect(try Live.reasonsToSkip([.tool("sh")], isRequired: true) == [])
        #expect(try Live.reasonsToSkip([.tool("sh"), missing], isRequired: false).count == 1)
        #expect(throws: MissingRequirement.self) { try Live.reasonsToSkip([missing], isRequired: true) }
    }
}

@Suite struct ChildProcessTests {
    @Test func linesThenExitCode() throws {
        let child = try ChildProcess(["sh", "-c", "echo one; printf two; exit 3"])
        #expect(try child.readLine() == "one")
        #expect(try child.readLine() == "two")
        #expect(try child.readLine() == nil)
        #expect(child.wait() == .code(3))
    }

    @Test func variablesFolderAndStandardError() async throws {
        let output = try await Command.run(
            ["sh", "-c", "echo $FRUIT >&2; pwd"], environment: ["FRUIT": "pear"], folder: "/usr")
        #expect(output == "pear\n/usr\n")
    }

    @Test func aFailureCarriesTheOutput() {
        #expect {
            try Command.runBlocking(["sh", "-c", "echo broken; exit 1"])
        } throws: { "\($0)".contains("broken") }
        #expect(throws: SystemError.self) { try ChildProcess(["no-such-tool-here"]) }
    }

    @Test func noSignalIsBlockedOrIgnored() async throws {
        let status = try await Command.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])
        let masks = status.split(separator: "\n").map { UInt64($0.split(separator: "\t").last ?? "", radix: 16) }
        // Signals 32 and 33 belong to the C library.
        let own: UInt64 = ~(0b11 << 31)
        #expect(masks.count == 2 && masks.allSatisfy { $0.map { $0 & own } == 0 }, "\(status)")
    }

    @Test func aForgottenProcessIsKilled() throws {
        var child: ChildProcess? = try ChildProcess(["sleep", "1000"])
        let pid = try #require(child?.pid)
        #expect(kill(pid, 0) == 0)
        child = nil
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }

    @Test func temporaryFolderGoesWithItsContent() throws {
        var folder: TemporaryFolder? = try TemporaryFolder()
        let path = try #require(folder?.path)
        try Command.runBlocking(["sh", "-c", "mkdir -p \(path)/a/b && echo x >\(path)/a/b/c && ln -s /usr \(path)/a/l"])
        folder = nil
        #expect(access(path, F_OK) == -1)
        #expect(access("/usr", F_OK) == 0)
    }
}
