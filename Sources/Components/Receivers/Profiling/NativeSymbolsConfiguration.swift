import Collector
import Glibc

/// `native_symbols`: where native code gets its names.
public struct NativeSymbolsConfiguration: Sendable, Equatable {
    /// Otherwise a back end finds names by build ids and addresses.
    public var isOnHost = true
    /// Names are kept here from one run to the next; nil for the folder that systemd gives (`CacheDirectory=`), empty
    /// for none.
    public var cacheFolder: String?
    public var cacheLimitMiB = 64

    public init() {}

    init(_ section: ConfigurationSection) {
        isOnHost = section.boolean("on_host", default: isOnHost)
        cacheFolder = section.optionalString("cache_folder")
        cacheLimitMiB = section.integer("cache_limit_mib", default: cacheLimitMiB, in: 2...65_536)
    }

    /// - Parameter environment: a variable's value.
    func folder(environment: (String) -> String?) -> String? {
        if let cacheFolder { return cacheFolder.isEmpty ? nil : cacheFolder }
        return systemdCacheFolder(environment).map { "\($0)/names" }
    }
}

/// `debuginfod`: servers that have the debug files that this machine does not have.
public struct DebuginfodConfiguration: Sendable, Equatable {
    /// Nil for those of the environment, `DEBUGINFOD_URLS`.
    public var urls: [String]?
    /// Nil for the folder that elfutils' client uses.
    public var cacheFolder: String?
    public var cacheLimitMiB = 2048
    public var fileLimitMiB = 1024
    public var timeout = Duration.seconds(90)

    public init() {}

    init(_ section: ConfigurationSection) {
        if section.contains("urls") {
            let urls = section.strings("urls")
            for url in urls where !Self.isSupported(url) {
                section.error("urls", "invalid URL \"\(url)\"; write for example https://debuginfod.elfutils.org")
            }
            self.urls = urls
        }
        cacheFolder = section.optionalString("cache_folder")
        if let cacheFolder, !cacheFolder.hasPrefix("/") {
            section.error("cache_folder", "must be an absolute path, not \"\(cacheFolder)\"")
        }
        cacheLimitMiB = section.integer("cache_limit_mib", default: cacheLimitMiB, in: 1...16_777_216)
        fileLimitMiB = section.integer("file_limit_mib", default: fileLimitMiB, in: 1...65_536)
        timeout = section.duration("timeout", default: timeout, in: .seconds(1)...(.seconds(3600)))
    }

    private static func isSupported(_ url: String) -> Bool {
        ["http://", "https://"].contains { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }
    }

    /// Empty when nobody is to be asked. The variable's entries are separated by white space; what is no server, such
    /// as the policies of `ima:`, is left out.
    func servers(environment: (String) -> String?) -> [String] {
        if let urls { return urls }
        return (environment("DEBUGINFOD_URLS") ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
            .filter(Self.isSupported)
    }

    /// In the order of debuginfod_find_debuginfo(3), and before a home the folder that systemd gives.
    func folder(environment: (String) -> String?) -> String {
        if let cacheFolder { return cacheFolder }
        if let folder = environment("DEBUGINFOD_CACHE_PATH"), folder.hasPrefix("/") { return folder }
        for (base, below) in [
            (systemdCacheFolder(environment), ""), (environment("XDG_CACHE_HOME"), ""),
            (environment("HOME"), "/.cache"),
        ] {
            if let base, base.hasPrefix("/") { return "\(base)\(below)/debuginfod_client" }
        }
        return "/var/cache/otelcol/debuginfod_client"
    }
}

/// systemd.exec(5): several folders are separated by colons.
private func systemdCacheFolder(_ environment: (String) -> String?) -> String? {
    let first = environment("CACHE_DIRECTORY")?.split(separator: ":").first
    return first.flatMap { $0.hasPrefix("/") ? String($0) : nil }
}
