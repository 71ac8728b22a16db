import Glibc

/// Language runtimes that the test bed beside the checkout provides, in the versions that distributions have.
public enum TestBed {
    /// The test bed's folder of tools; nil where it is not.
    public static let folder: String? = {
        let named = getenv("TESTBED").map { String(cString: $0) } ?? "\(PythonEnvironment.root)/../shared/tools"
        return access("\(named)/runtimes", X_OK) == 0 ? named : nil
    }()

    /// The command that runs `command` with the runtime `name` (as `runtimes list` names it) first in its path, where that
    /// runtime was installed; nil where it was not. Its current folder shows the caller's as `/w`.
    ///
    /// - Parameter isContained: as in a container: in namespaces of its own. All are with `OTELCOL_TEST_CONTAINER`.
    public static func command(runtime name: String, isContained: Bool = false, _ command: [String]) -> [String]? {
        guard let folder, isInstalled(name, folder) else { return nil }
        let options = isContained || getenv("OTELCOL_TEST_CONTAINER") != nil ? ["-c"] : []
        return ["\(folder)/runtimes", "run"] + options + [name] + command
    }

    /// The root folder that the runtime sees, as this machine sees it; nil where it was not installed.
    public static func root(runtime name: String) -> String? {
        guard let folder, isInstalled(name, folder) else { return nil }
        let output = try? Command.runBlocking(["\(folder)/runtimes", "path", name], includingStandardError: false)
        return output?.split(separator: "\n").first.map(String.init)
    }

    /// Installing takes a minute and the network: the tests leave it to `.ci/run` and `make test-matrix`, which name in
    /// `OTELCOL_TEST_RUNTIMES` what they have installed.
    private static func isInstalled(_ name: String, _ folder: String) -> Bool {
        let named = getenv("OTELCOL_TEST_RUNTIMES").map { String(cString: $0) } ?? ""
        return named.split(separator: " ").contains { $0 == name }
    }
}
