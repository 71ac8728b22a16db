import Testing

@testable import K8sAttributesProcessor

struct PodTableTests {
    private let now = ContinuousClock.now
    private let id = PodIdentifier(.attribute("container.id"), String(repeating: "a", count: 64))
    private let address = PodIdentifier(.connection, "10.1.2.3")

    private func record(_ pod: TestPod) throws -> (PodRecord, Set<PodIdentifier>) {
        let record = try #require(PodRecord(try pod.object(), K8sAttributesConfiguration()))
        return (record, record.identifiers(PodAssociation.defaults))
    }

    private func update(_ table: inout PodTable, _ pod: TestPod, origin: Int = 0, now: ContinuousClock.Instant) throws {
        let (record, identifiers) = try record(pod)
        _ = table.update(record, identifiers, origin: origin, now: now)
    }

    @Test func aDeletedPodStaysForTheGracePeriod() throws {
        var table = PodTable(gracePeriod: .seconds(120))
        try update(&table, TestPod(), now: now)
        #expect(table.pod(id)?.name == "web-5d4f8c7b9-x2x4z" && table.pod(address) != nil)
        let isFirst = table.delete(uid: TestPod().uid, now: now)
        let isSecond = table.delete(uid: TestPod().uid, now: now + .seconds(60))
        #expect(isFirst && !isSecond)
        table.purge(now: now + .seconds(119))
        #expect(table.pod(id) != nil)
        table.purge(now: now + .seconds(120))
        #expect(table.pod(id) == nil && table.pod(address) == nil && table.count == 0 && table.identifierCount == 0)
    }

    @Test func aPodThatComesBackStays() throws {
        var table = PodTable(gracePeriod: .seconds(120))
        try update(&table, TestPod(), now: now)
        _ = table.delete(uid: TestPod().uid, now: now)
        try update(&table, TestPod(), now: now + .seconds(1))
        table.purge(now: now + .seconds(500))
        #expect(table.pod(id) != nil)
    }

    /// The id of a container that was replaced stays for the grace period too.
    @Test func formerIdentifiers() throws {
        var table = PodTable(gracePeriod: .seconds(120))
        try update(&table, TestPod(), now: now)
        var restarted = TestPod()
        restarted.containers[0].id = String(repeating: "b", count: 64)
        restarted.containers[0].restarts = 1
        try update(&table, restarted, now: now)
        let new = PodIdentifier(.attribute("container.id"), restarted.containers[0].id)
        #expect(table.pod(id) != nil && table.pod(new) != nil)
        table.purge(now: now + .seconds(120))
        #expect(table.pod(id) == nil && table.pod(new) != nil)
        // Taken back before its time, it stays.
        try update(&table, TestPod(), now: now + .seconds(200))
        try update(&table, restarted, now: now + .seconds(201))
        try update(&table, TestPod(), now: now + .seconds(202))
        table.purge(now: now + .seconds(1000))
        #expect(table.pod(id) != nil && table.pod(new) == nil)
    }

    /// An address belongs to the pod that started last, whatever the order of the news.
    @Test(arguments: [("2026-01-02T03:04:04Z", false), ("2026-01-02T03:04:05Z", true), ("2026-01-02T03:04:06Z", true)])
    func addressesAreReused(start: String, isReplaced: Bool) throws {
        var table = PodTable(gracePeriod: .seconds(120))
        try update(&table, TestPod(), now: now)
        var other = TestPod(name: "other", uid: "other")
        other.start = start
        other.containers = []
        try update(&table, other, now: now)
        #expect(table.pod(address)?.name == (isReplaced ? "other" : TestPod().name))
        // What the first loses later does not take the second's.
        _ = table.delete(uid: TestPod().uid, now: now)
        table.purge(now: now + .seconds(120))
        #expect((table.pod(address)?.name == "other") == isReplaced)
    }

    @Test func aListDeletesOnlyWhatItsQueryHad() throws {
        var table = PodTable(gracePeriod: .zero)
        try update(&table, TestPod(), origin: 0, now: now)
        try update(&table, TestPod(name: "kept", uid: "kept", ip: "10.0.0.2", containers: []), origin: 0, now: now)
        try update(&table, TestPod(name: "other", uid: "other", ip: "10.0.0.3", containers: []), origin: 1, now: now)
        let count = table.deleteAll(of: 0, except: ["kept"], now: now)
        #expect(count == 1)
        table.purge(now: now)
        #expect(table.count == 2 && table.pod(id) == nil)
    }

    @Test func identifiersOfRules() throws {
        let rules = [
            PodAssociation(.attribute("k8s.pod.name"), .attribute("k8s.namespace.name")),
            PodAssociation(.attribute("k8s.pod.ip")), PodAssociation(.attribute("app")),
            PodAssociation(.attribute("container.id"), .connection),
        ]
        var configuration = K8sAttributesConfiguration()
        configuration.extraction.labels = [FieldRule(.pod, .labels, .exactly("app"), tagName: "app")]
        var pod = TestPod()
        pod.containers.append(("two", "b", String(repeating: "b", count: 64), "", 0))
        func identifiers(_ pod: TestPod) throws -> Set<PodIdentifier> {
            try #require(PodRecord(try pod.object(), configuration)).identifiers(rules)
        }
        let found = try identifiers(pod)
        let pair = PodIdentifier([
            .init(source: .attribute("k8s.pod.name"), value: pod.name),
            .init(source: .attribute("k8s.namespace.name"), value: "shop"),
        ])
        #expect(found.contains(pair) && found.contains(PodIdentifier(.attribute("app"), "web")))
        #expect(found.contains(PodIdentifier(.attribute("k8s.pod.ip"), "10.1.2.3")))
        #expect(found.filter { $0.parts.count == 2 && $0.parts[1].source == .connection }.count == 2)
        // Many pods have the address of a host.
        pod.hostNetwork = true
        let onHost = try identifiers(pod)
        #expect(onHost.contains(pair) && !onHost.contains { $0.parts.contains { $0.value == "10.1.2.3" } })
    }

    /// Hostile numbers of containers and combinations do not multiply.
    @Test func combinationsAreBounded() throws {
        var pod = TestPod()
        pod.containers = (0..<2000).map { ("c\($0)", "i", "\($0)", "", 0) }
        let record = try #require(PodRecord(try pod.object(), K8sAttributesConfiguration()))
        #expect(record.containers.count == PodRecord.maximumContainers)
        let source = PodAssociation.Source.attribute("container.id")
        #expect(record.identifiers([PodAssociation(source, source, source, source)]).count < 3000)
    }
}
