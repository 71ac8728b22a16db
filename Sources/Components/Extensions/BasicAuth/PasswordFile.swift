import CCrypt
import Collector
import Crypto
import FoundationEssentials

/// Users and what their passwords hash to, one `user:hash` a line, as Apache's `htpasswd` writes them.
///
/// | Hash begins with | Kind |
/// |---|---|
/// | `$2y$`, `$2a$`, `$2b$` | bcrypt |
/// | `$apr1$` | Apache's MD5, 1000 rounds |
/// | `$1$`, `$5$`, `$6$`, `$y$`, … | whatever crypt(5) of the system knows |
/// | `{SHA}` | SHA-1, Base64 |
/// | `{SSHA}` | SHA-1 with salt, Base64 |
/// | anything else | the password itself |
struct PasswordFile: Sendable {
    private let hashes: [String: String]
    /// Lines that are neither empty, nor comments, nor of this form.
    let problems: [String]

    /// - Parameter text: of two lines about one user the later counts.
    init(_ text: String) {
        var hashes: [String: String] = [:]
        var problems: [String] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = line.trimmed()
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                line.index(after: colon) < line.endIndex
            else {
                // Not the line itself: it may hold a password.
                problems.append("line \(index + 1) is not user:hash")
                continue
            }
            hashes[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        self.hashes = hashes
        self.problems = problems
    }

    var isEmpty: Bool { hashes.isEmpty }

    /// Takes as long as the hash wants, for bcrypt some tenths of a second: not to be called in Swift's own pool.
    func accepts(user: String, password: String) -> Bool {
        guard let hash = hashes[user] else {
            // As long as for a user who is there, so that the time does not tell who is.
            if let other = hashes.values.first { _ = Self.matches(password, other) }
            return false
        }
        return Self.matches(password, hash)
    }

    private static func matches(_ password: String, _ hash: String) -> Bool {
        if hash.hasPrefix("{SHA}") {
            let digest = Insecure.SHA1.hash(data: Data(password.utf8))
            return isEqualInConstantTime(Data(digest).base64EncodedString(), String(hash.dropFirst(5)))
        }
        if hash.hasPrefix("{SSHA}") {
            // 20 bytes of hash, then the salt.
            guard let bytes = Data(base64Encoded: String(hash.dropFirst(6))), bytes.count > 20 else { return false }
            let digest = Insecure.SHA1.hash(data: Data(password.utf8) + bytes.dropFirst(20))
            return isEqualInConstantTime(
                Data(digest).base64EncodedString(), Data(bytes.prefix(20)).base64EncodedString())
        }
        if hash.hasPrefix(ApacheMD5.prefix) {
            let salt = hash.dropFirst(ApacheMD5.prefix.count).prefix { $0 != "$" }
            return isEqualInConstantTime(ApacheMD5.hash(password, salt: String(salt)), hash)
        }
        if hash.hasPrefix("$") {
            guard let own = systemHash(password, setting: hash) else { return false }
            return isEqualInConstantTime(own, hash)
        }
        return isEqualInConstantTime(password, hash)
    }

    /// Nil for a hash that crypt(3) does not understand.
    private static func systemHash(_ password: String, setting: String) -> String? {
        // C's end of a text must not hide what follows.
        guard !password.utf8.contains(0) else { return nil }
        var output = [CChar](repeating: 0, count: 384)
        guard ccrypt_hash(password, setting, &output, output.count) == 0 else { return nil }
        return String(decoding: output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The hash `$apr1$` of Apache's `htpasswd -m`: MD5 a thousand times over, by the rules of FreeBSD's `$1$` with another
/// prefix.
enum ApacheMD5 {
    static let prefix = "$apr1$"

    static func hash(_ password: String, salt: String) -> String {
        let password = Array(password.utf8)
        let salt = Array(salt.utf8.prefix(8))
        let inner = digest(password + salt + password)
        var start = password + Array(prefix.utf8) + salt
        for offset in stride(from: 0, to: password.count, by: 16) {
            start += inner.prefix(min(16, password.count - offset))
        }
        var length = password.count
        while length > 0 {
            start.append(length & 1 == 1 ? 0 : password[0])
            length >>= 1
        }
        var final = digest(start)
        for round in 0..<1000 {
            var next = round & 1 == 1 ? password : final
            if round % 3 != 0 { next += salt }
            if round % 7 != 0 { next += password }
            next += round & 1 == 1 ? final : password
            final = digest(next)
        }
        var text = ""
        for (first, second, third) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            text += encoded(UInt32(final[first]) << 16 | UInt32(final[second]) << 8 | UInt32(final[third]), digits: 4)
        }
        text += encoded(UInt32(final[11]), digits: 2)
        return prefix + String(decoding: salt, as: UTF8.self) + "$" + text
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }

    /// Six bits a digit, the lowest first.
    private static func encoded(_ value: UInt32, digits: Int) -> String {
        let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        return String((0..<digits).map { alphabet[Int(value >> UInt32(6 * $0)) & 0x3f] })
    }
}
