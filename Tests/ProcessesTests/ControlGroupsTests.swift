import Foundation
import Testing

@testable import Processes

struct ControlGroupsTests {
    @Test(arguments: [
        ("0::/init.scope\n", "/system.slice/a", "/g/system.slice/a"),
        ("0::/init.scope\n", "/", nil),
        ("0::/init.scope\n", "/../a", nil),
        ("", "/a", "/g/a"),
        // In a cgroup namespace whose root lies two folders below the machine's.
        ("0::/../../init.scope\n", "/../../kubepods/b", "/g/kubepods/b"),
        ("1:cpu:/x\n0::/../..\n", "/../../kubepods/../b", nil),
        ("0::/../../init.scope\n", "/../sibling", nil),
        ("0::/../../init.scope\n", "/inside", nil),
        ("0::/../../init.scope\n", "/../..", nil),
        ("0::/../../init.scope\n", "/../../../above", nil),
    ] as [(String, String, String?)])
    func groupsArePlaced(firstProcess: String, path: String, folder: String?) {
        let groups = ControlGroups(mount: "/g", firstProcess: Array(firstProcess.utf8))
        #expect(groups.folder(ofGroup: path) == folder)
        #expect(ControlGroups(mount: nil, firstProcess: []).folder(ofGroup: path) == nil)
    }

    /// Version 1 says which container it is: the group of version 2 may be that of many.
    @Test func onlyTheGroupThatWasJudgedHasAnID() throws {
        let mount = NSTemporaryDirectory() + "otelcol-groups-\(getpid())"
        try FileManager.default.createDirectory(atPath: mount + "/a/b", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: mount) }
        let groups = ControlGroups(mount: mount, firstProcess: [])
        let attributes = try FileManager.default.attributesOfItem(atPath: mount + "/a/b")
        let expected = try #require(attributes[.systemFileNumber] as? UInt64)
        #expect(groups.id(inCgroupFile: Array("0::/a/b\n".utf8)) == expected)
        #expect(groups.id(inCgroupFile: Array("0::/a/missing\n".utf8)) == nil)
        let container = String(repeating: "0123456789abcdef", count: 4)
        #expect(groups.id(inCgroupFile: Array("4:cpu:/docker/\(container)\n0::/a/b\n".utf8)) == nil)
        #expect(groups.id(inCgroupFile: Array("4:cpu:/x\n0::/\n".utf8)) == nil)
        #expect(groups.id(inCgroupFile: []) == nil)
    }
}
