import Testing

import Privileges

struct KernelVersionTests {
    @Test(arguments: [
        ("5.4.286", KernelVersion(major: 5, minor: 4)), ("6.18.44-fc-v445", KernelVersion(major: 6, minor: 18)),
        ("5.10-rc1", KernelVersion(major: 5, minor: 10)), ("7.2", KernelVersion(major: 7, minor: 2)),
    ])
    func releasesAreParsed(release: String, version: KernelVersion) {
        #expect(KernelVersion(release: release) == version)
    }

    @Test func versionsAreNumbersNotText() {
        #expect(KernelVersion(major: 5, minor: 10) > KernelVersion(major: 5, minor: 4))
        #expect(KernelVersion(major: 4, minor: 19) < .minimum)
        #expect(KernelVersion(release: "unknown") == nil)
        #expect(KernelVersion(release: "6") == nil)
    }
}
