import Glibc

/// The Python that `Scripts/test-python` makes, with the packages that tests compare against.
public enum PythonEnvironment {
    static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    static let folder = "\(root)/.build-python"

    public static let interpreter = "\(folder)/bin/python3"

    /// py-spy, another profiler of Python; nil where `Scripts/test-python` has not installed it.
    public static let pySpy: String? = {
        let path = "\(folder)/bin/py-spy"
        return access(path, X_OK) == 0 ? path : nil
    }()

    /// The path of a script in `Tests/Support/Python`.
    public static func script(_ name: String) -> String { "\(root)/Tests/Support/Python/\(name)" }

    /// Whether the package or module can be imported.
    static func has(_ package: String) -> Bool {
        // lib/python3.…/site-packages/package
        var matches = glob_t()
        defer { globfree(&matches) }
        return glob("\(folder)/lib/python3*/site-packages/\(package)", 0, nil, &matches) == 0
    }
}
