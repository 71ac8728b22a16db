import Foundation

/// `heroku`: the variables of a dyno (Heroku Dev Center, "Dyno Metadata"). Elsewhere nothing is found.
struct HerokuDetector: ResourceDetector {
    var environment = ProcessInfo.processInfo.environment

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        guard let dyno = environment["HEROKU_DYNO_ID"], !dyno.isEmpty else { return [] }
        return [DetectedAttribute("cloud.provider", "heroku"), DetectedAttribute("service.instance.id", dyno)]
            + [
                ("heroku.app.id", "HEROKU_APP_ID"), ("service.name", "HEROKU_APP_NAME"),
                ("service.version", "HEROKU_RELEASE_VERSION"),
                ("heroku.release.creation_timestamp", "HEROKU_RELEASE_CREATED_AT"),
                ("heroku.release.commit", "HEROKU_SLUG_COMMIT"),
            ].compactMap { name, variable in
                environment[variable].flatMap { $0.isEmpty ? nil : DetectedAttribute(name, $0) }
            }
    }
}
