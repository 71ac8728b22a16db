import Glibc

/// Variables of this process's environment.
public enum EnvironmentVariable {
    /// Nil if it is not set.
    public static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
