import Testing

@testable import Processes

struct ProcessSelectionTests {
    @Test(arguments: [
        ("nginx", "nginx", true), ("nginx", "nginx2", false), ("ng*", "nginx", true), ("*", "", true), ("?", "", false),
        ("/usr/bin/*", "/usr/bin/env", true), ("/usr/bin/*", "/usr/bin/x/y", false),
        ("/usr/**", "/usr/bin/x/y", true), ("**/y", "/usr/bin/x/y", true), ("/a/?/c", "/a/b/c", true),
        ("/a/?/c", "/a///c", false), ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("[a]", "[a]", true), ("[a]", "a", false), ("é?", "éa", true),
    ])
    func globs(pattern: String, text: String, expected: Bool) throws {
        #expect(try #require(Glob(pattern)).matches(text) == expected)
    }

    @Test func globsHaveALength() {
        #expect(Glob("") == nil && Glob(String(repeating: "a", count: 4097)) == nil)
    }

    private func facts(_ path: String, group: String = "/", container: String? = nil) -> ProcessFacts {
        var facts = ProcessFacts(commandName: "x")
        facts.executablePath = path
        facts.cgroupPath = group
        facts.containerID = container
        facts.container = container.map { _ in
            var description = ContainerDescription()
            description.name = "web"
            description.podName = "web-0"
            description.podNamespace = "shop"
            return description
        }
        facts.observedService = ServiceName("cart", source: .container)
        return facts
    }

    private func pattern(_ change: (inout ProcessSelection.Pattern) -> Void) -> ProcessSelection.Pattern {
        var pattern = ProcessSelection.Pattern()
        change(&pattern)
        return pattern
    }

    private func globs(_ texts: String...) -> [Glob] { texts.compactMap { Glob($0) } }

    @Test func nothingSelectedMeansEverything() {
        #expect(ProcessSelection().verdict(on: nil) == .profiled(oneIn: 1))
        #expect(ProcessSelection().verdict(on: facts("/bin/a")) == .profiled(oneIn: 1))
    }

    @Test func includedAndNotExcluded() {
        var selection = ProcessSelection()
        selection.include = [
            pattern { $0.controlGroups = globs("/kubepods*/**") }, pattern { $0.executables = globs("sshd", "/opt/**") },
        ]
        selection.exclude = [pattern { $0.executables = globs("/opt/agent") }]
        #expect(selection.verdict(on: nil) == .excluded)
        #expect(selection.verdict(on: facts("/usr/sbin/sshd")) == .profiled(oneIn: 1))
        #expect(selection.verdict(on: facts("/usr/sbin/sshd (deleted)")) == .profiled(oneIn: 1))
        #expect(selection.verdict(on: facts("/opt/agent")) == .excluded)
        #expect(selection.verdict(on: facts("/opt/agent2")) == .profiled(oneIn: 1))
        #expect(selection.verdict(on: facts("/bin/a", group: "/kubepods.slice/x")) == .profiled(oneIn: 1))
        #expect(selection.verdict(on: facts("/bin/a", group: "/system.slice/x")) == .excluded)
    }

    @Test func allListsOfAPatternMustMatch() {
        let both = pattern {
            $0.containers = globs("web")
            $0.namespaces = globs("shop")
            $0.pods = globs("web-*")
            $0.services = globs("cart")
        }
        #expect(both.matches(facts("/bin/a", container: "abc")))
        #expect(!both.matches(facts("/bin/a")))
        #expect(pattern { $0.containers = globs("ab*") }.matches(facts("/bin/a", container: "abc")))
        #expect(!pattern { $0.pods = globs("*"); $0.executables = globs("b") }.matches(facts("/a", container: "abc")))
    }

    private struct Labels: PodLabelSource {
        var known: [String: [String: String]]
        func labels(ofPod uid: String) -> [String: String]? { known[uid] }
    }

    @Test func everyLabelOfAPodMustMatch() {
        var selection = ProcessSelection()
        selection.exclude = [pattern { $0.podLabels = ["app": globs("web", "api-*"), "example.com/tier": globs("*")] }]
        let labels = Labels(known: [
            "a": ["app": "api-2", "example.com/tier": ""], "b": ["app": "web"], "c": ["app": "db", "example.com/tier": "x"],
        ])
        #expect(selection.needsPodLabels && !ProcessSelection().needsPodLabels)
        func verdict(_ uid: String?) -> ProcessSelection.Verdict {
            var facts = facts("/bin/a", container: "abc")
            facts.container?.podUID = uid
            return selection.verdict(on: facts, labels)
        }
        #expect(verdict("a") == .excluded)
        for uid in ["b", "c", "d", nil] { #expect(verdict(uid) == .profiled(oneIn: 1)) }
        var placed = facts("/bin/a")
        placed.placement = ControlGroupPlacement(path: "/kubepods/pod11111111-2222-3333-4444-555555555555/x")
        let uid = "11111111-2222-3333-4444-555555555555"
        #expect(selection.verdict(on: placed) == .profiled(oneIn: 1))
        #expect(
            selection.verdict(on: placed, Labels(known: [uid: ["app": "web", "example.com/tier": "x"]])) == .excluded)
    }

    @Test func aGroupIsLeftOutOnlyIfAllItsProcessesAre() {
        let web = facts("/opt/web", group: "/kubepods/x", container: "abc")
        func excluding(_ change: (inout ProcessSelection.Pattern) -> Void) -> Bool {
            var selection = ProcessSelection()
            selection.exclude = [pattern(change)]
            return selection.excludesGroup(of: web)
        }
        #expect(excluding { $0.namespaces = globs("shop") })
        #expect(excluding { $0.controlGroups = globs("/kubepods/**") })
        #expect(!excluding { $0.controlGroups = globs("/system.slice/**") })
        // Others of the group may be another program, or say that they are another service.
        #expect(!excluding { $0.namespaces = globs("shop"); $0.executables = globs("web") })
        #expect(!excluding { $0.namespaces = globs("shop"); $0.services = globs("cart") })
        func including(_ change: (inout ProcessSelection.Pattern) -> Void) -> Bool {
            var selection = ProcessSelection()
            selection.include = [pattern(change)]
            return selection.excludesGroup(of: web)
        }
        #expect(including { $0.namespaces = globs("other") })
        #expect(including { $0.namespaces = globs("other"); $0.executables = globs("web") })
        #expect(!including { $0.namespaces = globs("shop"); $0.executables = globs("other") })
        #expect(!including { $0.executables = globs("other") })
        #expect(!ProcessSelection().excludesGroup(of: web))
    }

    @Test func theFirstRateThatMatchesHolds() {
        var selection = ProcessSelection()
        selection.rates = [
            .init(pattern: pattern { $0.executables = globs("a") }, oneIn: 4), .init(pattern: .init(), oneIn: 10),
        ]
        #expect(selection.verdict(on: facts("/bin/a")) == .profiled(oneIn: 4))
        #expect(selection.verdict(on: facts("/bin/b")) == .profiled(oneIn: 10))
        #expect(selection.verdict(on: nil) == .profiled(oneIn: 1))
    }
}
