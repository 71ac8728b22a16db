import Testing

@testable import Processes

struct ServiceNameTests {
    private func name(
        _ variables: [(String, String)] = [], container: String? = nil, unit: String? = nil, executable: String? = nil
    ) -> ServiceName? {
        ServiceName(
            environment: variables.map { ProcessFacts.EnvironmentVariable(name: $0.0, value: $0.1) },
            containerName: container, systemdUnit: unit, executableName: executable)
    }

    @Test func theFirstRuleThatGivesANameWins() {
        let variables = [("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=shop"), ("OTEL_SERVICE_NAME", "cart")]
        #expect(
            name(variables, container: "web", unit: "nginx.service", executable: "nginx")
                == ServiceName("cart", source: .environment))
        #expect(name([variables[0]], container: "web") == ServiceName("shop", source: .environment))
        #expect(
            name([("OTEL_SERVICE_NAME", "")], container: "web", unit: "x.service", executable: "nginx")
                == ServiceName("web", source: .container))
        #expect(name(unit: "nginx.service", executable: "n") == ServiceName("nginx", source: .systemdUnit))
        #expect(name(container: "", unit: "session-3.scope", executable: "n") == ServiceName("n", source: .executable))
        #expect(name() == nil)
    }

    @Test(arguments: [
        ("service.name=shop", "shop"), ("a=1, service.name = my%20shop ,b=2", "my shop"), ("service.name=a=b", "a=b"),
        ("service.name=%", "%"), ("service.name=%zz", "%zz"), ("service.name=%C3%A9t%C3%A9", "été"),
        ("service.name=", nil), ("service.names=x", nil), (",,=,service.name", nil), ("", nil),
    ] as [(String, String?)])
    func resourceAttributesAreRead(text: String, expected: String?) {
        #expect(name([("OTEL_RESOURCE_ATTRIBUTES", text)])?.name == expected)
    }

    @Test(arguments: [
        ("postgresql@14-main.service", "postgresql"), ("nginx.service", "nginx"), ("user@1000.service", nil),
        ("@.service", nil), ("session-3.scope", nil),
    ] as [(String, String?)])
    func unitsNameServices(unit: String, expected: String?) {
        #expect(name(unit: unit)?.name == expected)
    }
}
