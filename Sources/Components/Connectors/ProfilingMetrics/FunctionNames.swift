/// Names that metrics carry, taken from names of files and functions. Foreign text: nothing here fails.
enum FunctionNames {
    /// The name of a shared library without its suffix: `/usr/lib/libc.so.6` → `libc`. Nil for other files.
    ///
    /// Elastic's connector takes any `.so`, also that of `foo.sock`; here it must end the name or a number or a dot
    /// must follow.
    static func sharedLibrary(fileName: String) -> String? {
        let name = fileName.utf8.lastIndex(of: UInt8(ascii: "/")).map { fileName[fileName.utf8.index(after: $0)...] }
            ?? fileName[...]
        let suffix = Array(".so".utf8)
        let end = ByteSearch.lastOccurrence(name.utf8, of: suffix) { behind in
            guard let next = behind.first else { return true }
            return next == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next)
        }
        guard let end, end > name.startIndex else { return nil }
        return String(name[..<end])
    }

    /// The package of a Go function: what precedes the first dot behind the last slash.
    static func goPackage(_ function: String) -> String {
        let bytes = function.utf8
        let start = bytes.lastIndex(of: UInt8(ascii: "/")) ?? bytes.startIndex
        guard let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")) else { return function }
        return String(function[..<dot])
    }

    /// The class of a Java method with its package. A class without a package begins with a dot, as dashboards that
    /// were made for Elastic's connector expect.
    static func javaClass(_ function: String) -> String {
        var text = function.utf8.firstIndex(of: UInt8(ascii: "(")).map { function[..<$0] } ?? function[...]
        while text.utf8.last == UInt8(ascii: " ") { text = text.dropLast() }
        while text.utf8.first == UInt8(ascii: " ") { text = text.dropFirst() }
        if let space = text.utf8.lastIndex(of: UInt8(ascii: " ")) { text = text[text.utf8.index(after: space)...] }
        if let dot = text.utf8.lastIndex(of: UInt8(ascii: ".")) { text = text[..<dot] }
        return text.utf8.contains(UInt8(ascii: ".")) ? String(text) : ".\(text)"
    }
}
