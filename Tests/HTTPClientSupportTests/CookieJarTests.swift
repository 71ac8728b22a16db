import Testing

@testable import HTTPClientSupport

struct CookieJarTests {
    let now = ContinuousClock.now

    func header(_ cookies: [String], from url: String, to other: String, after: Duration = .zero) throws -> String? {
        let jar = CookieJar()
        let unixTime = 784_111_777  // Sun, 06 Nov 1994 08:49:37 GMT
        jar.store(cookies, from: try HTTPEndpoint(parsing: url), now: now, unixTime: unixTime)
        let endpoint = try HTTPEndpoint(parsing: other)
        return jar.header(for: endpoint, path: endpoint.path, now: now + after)
    }

    @Test func whichCookiesGoWhere() throws {
        let es = "https://a.example.org/x/y"
        #expect(try header(["n=v"], from: es, to: es) == "n=v")
        #expect(try header(["n=v"], from: es, to: "https://b.example.org/") == nil)
        #expect(try header(["n=v; Domain=.example.org"], from: es, to: "https://b.example.org/") == "n=v")
        #expect(try header(["n=v; Domain=other.org", "m=w; domain=org"], from: es, to: es) == nil)
        #expect(try header(["n=v; Path=/x", "m=w; Path=/x/y", "k=u; Path=/x/"], from: es, to: es) == "m=w; k=u; n=v")
        #expect(try header(["n=v; path=/x/ye"], from: es, to: es) == nil)
        #expect(try header(["n=v; Secure"], from: es, to: es) == "n=v")
        #expect(try header(["n=v; Secure"], from: es, to: "http://a.example.org") == nil)
        #expect(try header(["n=1", "n=2", "broken", "=x", "bad=a b", "c=\u{7f}"], from: es, to: es) == "n=2")
    }

    @Test func cookiesEnd() throws {
        let es = "https://es"
        for (cookie, seconds) in [
            ("n=v; Max-Age=10", 10), ("n=v; Expires=Sun, 06 Nov 1994 08:49:57 GMT", 20),
            ("n=v; Expires=Sun, 06-Nov-1994 08:49:57 GMT", 20), ("n=v; max-age=5; expires=never", 5),
            ("n=v; Max-Age=5; Expires=Sun, 06 Nov 1994 08:49:57 GMT", 5),
        ] {
            #expect(try header([cookie], from: es, to: es, after: .seconds(seconds - 1)) == "n=v", "\(cookie)")
            #expect(try header([cookie], from: es, to: es, after: .seconds(seconds)) == nil, "\(cookie)")
        }
        #expect(try header(["n=v; Max-Age=-1"], from: es, to: es) == nil)
    }

    @Test func aServerCannotFillTheMemory() throws {
        let jar = CookieJar()
        let es = try HTTPEndpoint(parsing: "https://es")
        for number in 0..<1000 { jar.store(["c\(number)=1"], from: es, now: now, unixTime: 0) }
        jar.store(["long=\(String(repeating: "x", count: 5000))"], from: es, now: now, unixTime: 0)
        let header = try #require(jar.header(for: es, path: "", now: now))
        #expect(header.split(separator: ";").count == 300)
        #expect(!header.contains("long"))
    }
}
