import Testing

@testable import ProfileStore

struct BoundedCacheTests {
    @Test func entriesInUseStay() {
        var cache = BoundedCache<Int, Int>(capacity: 100)
        for key in 0..<10_000 {
            cache[key] = key
            let hot = cache[0]
            #expect(hot == 0)
        }
        #expect(cache.count <= 100)
        let recent = cache[9_999], old = cache[5_000]
        #expect(recent == 9_999)
        #expect(old == nil)
    }

    @Test func keysTakeBoundedMemory() {
        var cache = BoundedCache<String, Int>(capacity: 1000, maximumBytes: 10_000, bytes: { $0.utf8.count })
        for number in 0..<500 { cache["\(number) " + String(repeating: "x", count: number * 7)] = number }
        #expect(cache.count < 10)
        let newest = cache["499 " + String(repeating: "x", count: 499 * 7)]
        #expect(newest == 499)
        for number in 0..<500 { cache["\(number)"] = number }
        #expect(cache.count >= 500)
    }

    @Test func removedEntriesAreGone() {
        var cache = BoundedCache<String, Int>(capacity: 10, maximumBytes: 100, bytes: { $0.utf8.count })
        for number in 0..<8 { cache["\(number)"] = number }
        cache.removeAll { $0 % 2 == 0 }
        let even = cache["6"], odd = cache["7"]
        #expect(even == nil)
        #expect(odd == 7)
        cache.removeAll()
        #expect(cache.count == 0)
    }
}
