import Foundation
import RegularExpressions
import Testing

@testable import K8sAttributesProcessor

struct ValueTests {
    @Test(arguments: [
        ("nginx", "nginx", nil, nil, "latest", nil),
        ("nginx:1.25", "nginx", "1.25", nil, "1.25", "1.25"),
        ("registry:5000/a/b", "registry:5000/a/b", nil, nil, "latest", nil),
        ("registry:5000/a/b:v1", "registry:5000/a/b", "v1", nil, "v1", "v1"),
        ("a/b@sha256:0f", "a/b", nil, "sha256:0f", nil, "sha256:0f"),
        ("a/b:v1@sha256:0f", "a/b", "v1", "sha256:0f", "v1", "v1@sha256:0f"),
    ] as [(String, String, String?, String?, String?, String?)])
    func images(text: String, name: String, tag: String?, digest: String?, effective: String?, version: String?) {
        let image = ImageReference(text)
        #expect(image?.name == name && image?.tag == tag && image?.digest == digest)
        #expect(image?.effectiveTag == effective && image?.version == version)
    }

    @Test(arguments: ["", ":v1", "a:", "a@b", "a b", "@sha256:0f", "a/"])
    func noImages(text: String) { #expect(ImageReference(text) == nil) }

    @Test func repositoryDigests() {
        #expect(ImageReference.repositoryDigest(ofImageID: "docker-pullable://a/b@sha256:0f") == "a/b@sha256:0f")
        #expect(ImageReference.repositoryDigest(ofImageID: "a/b@sha256:0f") == "a/b@sha256:0f")
        #expect(ImageReference.repositoryDigest(ofImageID: "sha256:0f") == nil)
        #expect(ImageReference.repositoryDigest(ofImageID: "") == nil)
    }

    @Test func deployments() {
        func name(_ set: String, _ hash: String?) -> String? {
            OwnerNames.deployment(ofReplicaSet: set, podTemplateHash: hash)
        }
        #expect(name("opentelemetry-collector-6c45f8d6f6", "6c45f8d6f6") == "opentelemetry-collector")
        #expect(name("web-5d4f8c7b9", nil) == nil)
        #expect(name("web-5d4f8c7b9", "6c45f8d6f6") == nil)
        #expect(name("-5d4f8c7b9", "5d4f8c7b9") == nil)
        #expect(name("web", "") == nil)
    }

    /// 29454485 minutes are 2026-01-01T12:05:00Z (`date -u -d @$((29454485*60))`).
    @Test func cronJobs() {
        func name(_ job: String, _ created: String?) -> String? { OwnerNames.cronJob(ofJob: job, podCreated: created) }
        #expect(name("backup-29454485", "2026-01-01T12:05:03Z") == "backup")
        #expect(name("backup-29454485", "2026-01-02T12:05:00Z") == "backup")
        #expect(name("backup-29454485", "2026-01-02T12:05:01Z") == nil)
        #expect(name("backup-29454485", "2025-12-31T12:04:59Z") == nil)
        #expect(name("backup-2945448", "2026-01-01T12:05:03Z") == nil)
        #expect(name("backup29454485", "2026-01-01T12:05:03Z") == nil)
        #expect(name("-29454485", "2026-01-01T12:05:03Z") == nil)
        #expect(name("backup-29454485", "yesterday") == nil)
        #expect(name("backup-29454485", nil) == nil)
    }

    @Test func addresses() {
        #expect(IPAddress.normalized("10.0.0.1") == "10.0.0.1")
        #expect(IPAddress.normalized("::ffff:10.0.0.1") == "10.0.0.1")
        #expect(IPAddress.normalized("FD00:0:0:0:0:0:0:1") == "fd00::1")
        #expect(IPAddress.normalized("fe80::1%eth0") == "fe80::1")
        #expect(IPAddress.normalized("node-1") == nil && IPAddress.normalized("") == nil)
        #expect(IPAddress.normalized("10.0.0") == nil)
    }

    /// Paths as kubelet makes them with both of its drivers.
    @Test func cgroups() {
        let (uid, id) = ("11111111-2222-3333-4444-555555555555", String(repeating: "c", count: 64))
        for path in [
            "/kubepods/burstable/pod\(uid)/\(id)", "/kubepods/pod\(uid)/\(id)",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice/"
                + "cri-containerd-\(id).scope",
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod11111111_2222_3333_4444_555555555555.slice/"
                + "crio-\(id).scope",
        ] {
            #expect(PodCgroup.podUID(inPath: path) == uid)
            #expect(PodCgroup.containerID(inPath: path) == id)
        }
        for path in ["", "/", "/system.slice/docker.service", "/kubepods/podium", "/user.slice/pod-x.slice"] {
            #expect(PodCgroup.podUID(inPath: path) == nil)
            #expect(PodCgroup.containerID(inPath: path) == nil)
        }
    }

    /// The forms of Go's `Regexp.Expand`, whose documentation has `$1x` as the group named `1x`.
    @Test(arguments: [
        ("$1", "component"), ("${1}x", "componentx"), ("$1x", ""), ("a.$name.b", "a.component.b"), ("$$1", "$1"),
        ("${name}", "component"), ("$", "$"), ("$7", ""), ("${1", "${1"), ("$-", "$-"), ("$0", "k/component"),
    ])
    func templates(template: String, expected: String) throws {
        let match = try #require(try RegularExpression("^(?:k/(?P<name>.*))$").firstMatch(in: "k/component"))
        #expect(match.expand(template, in: "k/component") == expected)
    }

    @Test func fieldRules() throws {
        func attributes(_ rule: FieldRule, _ fields: [String: String]) -> [String] {
            rule.attributes(of: fields).map { "\($0.name)=\($0.value)" }
        }
        let fields = ["app.example/a": "1", "app.example/b": "2", "x-app.example/c": "3"]
        let pattern = FieldRule.Key.pattern(try RegularExpression("^(?:app.example/(.*))$"))
        let exactly = FieldRule(.pod, .labels, .exactly("app.example/a"))
        #expect(attributes(exactly, fields) == ["k8s.pod.labels.app.example/a=1"])
        #expect(attributes(FieldRule(.node, .annotations, .exactly("app.example/b"), tagName: "t"), fields) == ["t=2"])
        #expect(attributes(FieldRule(.pod, .labels, .exactly("no")), fields).isEmpty)
        #expect(attributes(FieldRule(.pod, .labels, pattern, tagName: "$1"), fields) == ["a=1", "b=2"])
        #expect(
            attributes(FieldRule(.namespace, .labels, pattern), fields) == [
                "k8s.namespace.labels.app.example/a=1", "k8s.namespace.labels.app.example/b=2",
            ])
    }

    @Test func containerIDs() {
        #expect(PodRecord.withoutRuntime("containerd://abc") == "abc")
        #expect(PodRecord.withoutRuntime("docker://abc") == "abc")
        #expect(PodRecord.withoutRuntime("abc") == nil && PodRecord.withoutRuntime("cri-o://") == nil)
        #expect(PodRecord.withoutRuntime(nil) == nil && PodRecord.withoutRuntime("") == nil)
    }

    @Test func retryDelaysGrowToABound() {
        var delay = RetryDelay()
        var generator = SystemRandomNumberGenerator()
        var bound = RetryDelay.first
        for _ in 0..<20 {
            let chosen = delay.next(using: &generator)
            #expect(chosen >= bound * 0.5 && chosen <= bound)
            bound = min(bound * 2, RetryDelay.last)
        }
        delay.reset()
        #expect(delay.next(using: &generator) <= RetryDelay.first)
    }

    @Test func requestsArePaced() {
        let now = ContinuousClock.now
        let pacer = RequestPacer(requestsPerSecond: 5, burst: 3, now: now)
        let delays = (0..<5).map { _ in pacer.delay(now: now) }
        #expect(delays.prefix(3).allSatisfy { $0 == .zero })
        #expect(delays[3] > .milliseconds(199) && delays[3] < .milliseconds(201))
        #expect(delays[4] > .milliseconds(399) && delays[4] < .milliseconds(401))
        // Rest restores the allowance, and no more than that.
        let later = now + .seconds(100)
        #expect((0..<4).map { _ in pacer.delay(now: later) }.filter { $0 == .zero }.count == 3)
    }

    @Test func linesAreBounded() throws {
        var splitter = LineSplitter(maximumBytes: 8)
        func lines(_ text: String) throws -> [String] {
            try splitter.lines(adding: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(try lines("ab").isEmpty)
        #expect(try lines("c\nd\n\nef") == ["abc", "d"])
        #expect(try lines("g\n") == ["efg"])
        _ = try splitter.lines(adding: Array("12345678".utf8))
        #expect(throws: (any Error).self) { try splitter.lines(adding: Array("9".utf8)) }
    }
}
